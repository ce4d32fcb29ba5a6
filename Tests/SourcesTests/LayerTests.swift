import Foundation
import Testing

/// The architecture of Sources/README.md, held to the sources.
@Suite("Layers")
struct LayerTests {
    /// Shims over C libraries: a C, then a capital.
    private func isShim(_ module: String) -> Bool {
        let letters = Array(module)
        return letters.count > 1 && letters[0] == "C" && letters[1].isUppercase
    }

    @Test("the map names every target, and only targets that are there")
    func mapIsComplete() throws {
        let mapped = Set(try SourceTree.map().keys)
        let present = Set(try SourceTree.targets().filter { !isShim($0) })
        #expect(mapped == present)
    }

    @Test("a target imports only what the map allows it")
    func imports() throws {
        let map = try SourceTree.map()
        for file in try SourceTree.swiftFiles(under: "Sources") {
            let allowed = map[file.target] ?? []
            let offending = file.imports.filter { !allowed.contains($0) && !isShim($0) }
            #expect(offending.isEmpty, "\(file) imports \(offending.joined(separator: ", "))")
        }
    }

    @Test("the map itself lets nothing reach upwards")
    func mapIsLayered() throws {
        let map = try SourceTree.map()
        let kernels = [
            "KernelsBaseline", "KernelsAVX2", "KernelsAVX512", "KernelsAVX512BF16", "KernelsAVX512VNNI",
            "NamedFields", "Kernels",
        ]
        let learning = kernels + ["Resources", "Networks", "Models", "Training", "Formats"]
        let wire = ["Resources", "Wire", "HTTPServer"]
        let orders = [
            kernels, learning, wire, learning + ["Store", "Service"],
            learning + ["Store", "Service", "API", "timestep"],
            wire + ["API", "timestep"],
        ]
        let targets = Set(map.keys)
        for (target, allowed) in map {
            let above = Set(
                orders.compactMap { order in
                    order.firstIndex(of: target).map { order[..<$0] }
                }.joined())
            let upwards = allowed.intersection(targets).subtracting(above)
            #expect(upwards.isEmpty, "\(target) may not see \(upwards.sorted().joined(separator: ", "))")
        }
    }

    @Test("only Store imports GRDB", arguments: ["GRDB", "SQLite3", "CSQLite"])
    func sql(module: String) throws {
        let importers = try SourceTree.swiftFiles(under: "Sources").filter { $0.imports.contains(module) }
        #expect(importers.allSatisfy { $0.target == "Store" })
    }

    @Test(
        "Resources, Kernels, NamedFields and Wire import no Foundation",
        arguments: [
            "KernelBodies", "KernelsAVX512BF16", "KernelsAVX512VNNI", "Kernels", "NamedFields", "Resources", "Wire",
        ])
    func foundation(target: String) throws {
        for file in try SourceTree.swiftFiles(under: "Sources/\(target)") {
            #expect(!file.imports.contains { $0.hasPrefix("Foundation") }, "\(file)")
        }
    }

    @Test("NamedFields imports nothing at all: fields know neither text nor bytes")
    func fields() throws {
        for file in try SourceTree.swiftFiles(under: "Sources/NamedFields") {
            #expect(file.imports.isEmpty, "\(file) imports \(file.imports)")
        }
    }

    @Test("the learning half computes by no function of a C library, whose last bit is its own")
    func functions() throws {
        let names =
            "log|log2|log10|log1p|exp|exp2|exp10|expm1|pow|sin|cos|tan|sincos|sinh|cosh|tanh|asin|acos|atan|atan2|"
            + "asinh|acosh|atanh|cbrt|hypot|erf|erfc|tgamma|lgamma"
        let call = try Regex("(^|[^A-Za-z0-9_.]|Glibc\\.|Foundation\\.)(\(names))\\(")
        for target in ["Kernels", "Networks", "Training", "Formats"] {
            for file in try SourceTree.swiftFiles(under: "Sources/\(target)") {
                for (number, line) in file.code.enumerated() where !line.contains("func ") {
                    #expect(line.firstMatch(of: call) == nil, "\(file):\(number + 1) \(line)")
                }
            }
        }
        // What imports nothing has them from nowhere.
        for target in ["KernelBodies", "Networks", "Training"] {
            for file in try SourceTree.swiftFiles(under: "Sources/\(target)") {
                let libraries = file.imports.filter { $0 == "Glibc" || $0 == "Musl" || $0.hasPrefix("Foundation") }
                #expect(libraries.isEmpty, "\(file) imports \(libraries)")
            }
        }
    }

    @Test("Wire imports nothing at all: it cannot see a descriptor or a clock")
    func wire() throws {
        for file in try SourceTree.swiftFiles(under: "Sources/Wire") {
            #expect(file.imports.isEmpty, "\(file) imports \(file.imports)")
            let clocks = file.code.filter { $0.contains("ContinuousClock") || $0.contains("SuspendingClock") }
            #expect(clocks.isEmpty, "\(file): \(clocks)")
        }
    }

    @Test(
        "the learning half reads no clock, file or environment",
        arguments: [
            "KernelBodies", "KernelsAVX512BF16", "KernelsAVX512VNNI", "Kernels", "Networks", "Models", "Training",
        ])
    func determinism(target: String) throws {
        let words = [
            "Date(", "ContinuousClock", "SuspendingClock", "clock_gettime", "gettimeofday", "ProcessInfo", "getenv(",
            "FileManager", "FileHandle", "fopen(", "Data(contentsOf:", "String(contentsOf",
            "SystemRandomNumberGenerator",
            ".random(", ".shuffled()", ".shuffle()",
        ]
        for file in try SourceTree.swiftFiles(under: "Sources/\(target)") {
            // What the processor can do is asked once at start; all sets with fused multiply-add give the same bits.
            if file.path == "Sources/Kernels/InstructionSet.swift" { continue }
            for (number, line) in file.code.enumerated() {
                for word in words {
                    #expect(!line.contains(word), "\(file):\(number + 1) reads \(word)")
                }
            }
        }
    }

    @Test("only Formats, API and the command line know JSON")
    func json() throws {
        let words = try Regex(#"\b(JSONEncoder|JSONDecoder|JSONSerialization|JSONWriter|JSONReader|JSON\.parse)\b"#)
        let knowing: Set = ["Formats", "API", "timestep"]
        for file in try SourceTree.swiftFiles(under: "Sources") where !knowing.contains(file.target) {
            for (number, line) in file.code.enumerated() {
                #expect(line.firstMatch(of: words) == nil, "\(file):\(number + 1) speaks JSON")
            }
        }
    }

    @Test(
        "no status codes below the wire half",
        arguments: ["Kernels", "Networks", "Models", "Training", "Store", "Service"])
    func statusCodes(target: String) throws {
        // Literals that are hardly anything else, and any three-digit number given to something named status.
        let literal = try Regex(#"(^|[^0-9_.])(404|405|409|410|412|413|415|422|429|431|501|503|507)($|[^0-9_.])"#)
        let given = try Regex(#"\b(status|statusCode|httpStatus)\s*(:|=|==|\()\s*[1-5][0-9][0-9]\b"#)
        for file in try SourceTree.swiftFiles(under: "Sources/\(target)") {
            for (number, line) in file.code.enumerated() {
                let found = line.firstMatch(of: literal) != nil || line.firstMatch(of: given) != nil
                #expect(!found, "\(file):\(number + 1) looks like a status code: \(line)")
            }
        }
    }
}
