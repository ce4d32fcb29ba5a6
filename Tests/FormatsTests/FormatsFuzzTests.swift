import Formats
import TestSupport
import Testing
import Training

/// Nothing that arrives may crash a reader: seeds are mutated, spliced and cut, thousands of times.
@Suite struct FormatsFuzzTests {
    private static let seeds: [String] = [
        #"{"model":"a","inputs":[[[1.5],[2e-3]],[[-0.25]]],"s":"\u00e4\ud83d\ude00\n","n":null,"b":[true,false,{}]}"#,
        "[[1,2,3],[4,5,6],[7.25e10,-8,9]]", "{\"x\":[[1,2],[3,null]],\"label\":\"a\"}\n{\"x\":[[5,6]],\"label\":2}\n",
        "[{\"a\":1,\"b\":\"x\"},{\"a\":null,\"c\":true},\n{\"b\":\"y\",\"a\":2}]",
        "month,\"a \"\"b\"\"\",c\r\n1949-01,112,\"x,\ny\"\r\n1949-02,,NA\n\n1949-03,1e5,inf\n", "a\n1\n2\n\n3\n",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
    ]

    /// One to `most` changes: where one already makes most contents refused, few leave more to be read.
    private func mutate(_ bytes: [UInt8], most: Int = 6, _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        let alphabet = Array("[]{},:\"\\\n\r \t0123456789eE+-.ntfux/é\u{0}".utf8) + [0xFF, 0xC3, 0x80, 0xED, 0xA0]
        for _ in 0..<Int.random(in: 1...most, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: place)
            case 1 where place < bytes.count: bytes.remove(at: place)
            case 2 where place < bytes.count: bytes[place] = alphabet.randomElement(using: &random) ?? 0
            case 3: bytes.removeSubrange(place...)
            case 4:
                let end = Int.random(in: place...bytes.count, using: &random)
                bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
            default:
                let other = Array((Self.seeds.randomElement(using: &random) ?? "").utf8)
                let start = Int.random(in: 0...other.count, using: &random)
                bytes.insert(contentsOf: other[start...].prefix(20), at: place)
            }
        }
        return bytes
    }

    @Test("mutated JSON is refused or survives its own writing")
    func json() throws {
        var random = SeededGenerator(41)
        var taken = 0
        for round in 0..<20_000 {
            let bytes = mutate(Array(Self.seeds[round % Self.seeds.count].utf8), &random)
            guard let value = try? JSON.parse(bytes) else { continue }
            taken += 1
            #expect(try JSON.parse(value.bytes) == value)
            let collector = ViolationCollector()
            let reader = JSONReader(value, into: collector)
            reader.fields(["model", "inputs"])
            _ = reader.optional("inputs")?.sequences()
            _ = reader.rows(features: 3)
            _ = reader.sequences(features: 1)
        }
        #expect(taken > 500)
    }

    @Test("mutated datasets are refused or loaded, and cut anywhere the verdict is the same")
    func datasets() {
        var random = SeededGenerator(42)
        var (scanned, tables, sets) = (0, 0, 0)
        for round in 0..<8_000 {
            let bytes = mutate(Array(Self.seeds[round % Self.seeds.count].utf8), most: 2, &random)
            for format in DatasetFormat.allCases {
                let whole = DatasetScanner(format: format)
                whole.push(bytes)
                let summary = try? whole.finish()
                let pieces = DatasetScanner(format: format)
                let cut = Int.random(in: 0...bytes.count, using: &random)
                pieces.push(Array(bytes[..<cut]))
                pieces.push(Array(bytes[cut...]))
                #expect((try? pieces.finish()) == summary)
                if summary != nil { scanned += 1 }
                let loader = DatasetLoader(bytes: bytes, format: format)
                let policy = MissingPolicy.allCases[round % MissingPolicy.allCases.count]
                let names = summary?.columns.map(\.name) ?? ["a"]
                let forecast = ForecastTask(target: [names.first ?? "a"], time: names.last)
                if let table = try? loader.series(forecast, missing: policy) {
                    tables += 1
                    #expect(table.columns.allSatisfy { $0.allSatisfy { $0.isFinite } })
                }
                let classify = ClassifyTask(sequence: round % 2 == 0 ? names.first : nil)
                if let set = try? loader.sequences(classify, missing: policy) {
                    sets += 1
                    #expect(set.values.allSatisfy { $0.isFinite })
                }
            }
        }
        // Neither is everything refused nor everything taken.
        #expect(scanned > 1_200 && tables > 250 && sets > 10, "\(scanned) scanned, \(tables) tables, \(sets) sets")
    }

    @Test("mutated tensor files are refused, or read as tensors that lie within them, and cut short they are refused")
    func tensors() {
        var random = SeededGenerator(43)
        var (taken, refused) = (0, 0)
        let header = Array((Self.seeds.last ?? "").utf8)
        for _ in 0..<5_000 {
            let changed = mutate(header, most: 2, &random)
            let length = UInt64(max(0, changed.count + Int.random(in: -1...1, using: &random)))
            let bytes =
                (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + changed
                + [UInt8](repeating: 0, count: 8)
            guard let tensors = try? Safetensors(bytes) else {
                refused += 1
                continue
            }
            taken += 1
            for (name, tensor) in tensors.tensors {
                #expect(tensor.name == name && tensor.shape.allSatisfy { $0 >= 0 })
                #expect(tensor.bytes.count == tensor.count * tensor.type.size && tensor.bytes.count <= 8)
                #expect(tensor.doubles.map { $0.count == tensor.count } ?? (tensor.type == .i64))
                #expect(tensor.ints.map { $0.count == tensor.count } ?? [.f32, .f64].contains(tensor.type))
            }
            // Without the last byte of the last tensor it is no whole file.
            guard let end = tensors.tensors.values.filter({ !$0.bytes.isEmpty }).map(\.bytes.endIndex).max() else {
                continue
            }
            #expect(throws: (any Error).self) { try Safetensors(Array(bytes[..<(end - 1)])) }
        }
        #expect(taken > 40 && refused > 1_000, "\(taken) taken, \(refused) refused")
    }
}
