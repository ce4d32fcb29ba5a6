import Foundation
import Testing

/// The table "where to add what" of the map, followed row by row: whatever was added stands in every place that the row of
/// its kind names.
@Suite("Where to add what")
struct AdditionTests {
    @Test("every cell stands in its file, in the tables, in the folders of the dot products, in contract and documents")
    func cells() throws {
        let names = try Self.words(in: "Sources/Kernels/Cell.swift", from: "enum Kind", cases: true)
        #expect(names.contains("lstm") && names.count >= 4)
        let bodies = try Self.matches(#"visitor\.visit\((\w+Cell)\.self\)"#, in: "Sources/KernelBodies/CellTable.swift")
        #expect(bodies.count == names.count, "a line of the table for each kind of cell")
        for body in bodies {
            let text = try SourceTree.text("Sources/KernelBodies/\(body).swift")
            #expect(text.contains("CellKind"), "\(body)")
            for folder in ["KernelsAVX512BF16", "KernelsAVX512VNNI"] {
                let path = SourceTree.root.appendingPathComponent("Sources/\(folder)/\(body).swift").path
                #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil, "\(path) is no link")
            }
        }
        let contract = try Self.words(in: "openapi.yaml", from: "    Cell:", cases: false)
        #expect(Set(contract) == Set(names))
        let document = try SourceTree.text("Documentation/cells.md")
        for name in names { #expect(document.contains(#""cell": "\#(name)""#), "\(name)") }
    }

    @Test("every kind of layer stands in its file, in the list, in its tests, in contract and documents")
    func layers() throws {
        let definitions = try Self.matches(
            #"(\w+Definition)\.self"#, in: "Sources/Networks/Layers/LayerDefinition.swift")
        #expect(definitions.count >= 4)
        let files = try SourceTree.swiftFiles(under: "Sources/Networks/Layers")
        let reference = try SourceTree.text("Tests/NetworksTests/ReferenceNetwork.swift")
        let document = try SourceTree.text("Documentation/layers.md") + SourceTree.text("Documentation/cells.md")
        var names: [String] = []
        for definition in definitions {
            let own = files.filter { file in
                file.code.contains { $0.contains("struct \(definition): LayerDefinition") }
            }
            #expect(own.count == 1, "\(definition) has one file")
            let kind = own.first?.lines.compactMap { line in
                line.contains("static let kind = ")
                    ? line.split(separator: "\"").dropFirst().first.map(String.init) : nil
            }.first
            let name = try #require(kind, "\(definition) has no name")
            names.append(name)
            #expect(reference.contains("as \(definition)"), "\(definition) has no reference")
            let isDefault = name == names.first
            #expect(isDefault || document.contains(#""kind": "\#(name)""#), "\(name) is not documented")
        }
        #expect(Set(try Self.words(in: "openapi.yaml", from: "    LayerKind:", cases: false)) == Set(names))
    }

    @Test("every command has its file and its line in the root command")
    func commands() throws {
        let root = try SourceTree.swiftFiles(under: "Sources/timestep").filter { file in
            file.code.contains { $0.contains("subcommands:") }
        }
        let text = root.flatMap(\.code).joined(separator: "\n")
        for file in try SourceTree.swiftFiles(under: "Sources/timestep") {
            for line in file.code where line.contains(": ParsableCommand") || line.contains(": AsyncParsableCommand") {
                let words = line.split { !($0.isLetter || $0.isNumber) }.map(String.init)
                guard let place = words.firstIndex(of: "struct"), place + 1 < words.count else { continue }
                let name = words[place + 1]
                let isRoot = file.code.contains { $0.contains("@main") }
                #expect(isRoot || text.contains("\(name).self"), "\(name) stands in no list of commands")
            }
        }
    }

    /// The words after a line: of `case a, b`, or of the next `enum: [a, b]`.
    private static func words(in path: String, from start: String, cases: Bool) throws -> [String] {
        let lines = try SourceTree.text(path).components(separatedBy: "\n")
        guard let first = lines.firstIndex(where: { $0.contains(start) }) else { return [] }
        var words: [String] = []
        for line in lines[(first + 1)...] {
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            if cases {
                if trimmed.hasPrefix("case ") {
                    words += trimmed.dropFirst(5).split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
                } else if !trimmed.hasPrefix("//") {
                    break
                }
            } else if trimmed.hasPrefix("enum: [") {
                return trimmed.dropFirst(7).dropLast().split(separator: ",").map {
                    $0.trimmingCharacters(in: .whitespaces)
                }
            }
        }
        return words
    }

    private static func matches(_ pattern: String, in path: String) throws -> [String] {
        let text = try SourceTree.text(path)
        let expression = try NSRegularExpression(pattern: pattern)
        return expression.matches(in: text, range: NSRange(text.startIndex..., in: text)).compactMap { match in
            Range(match.range(at: 1), in: text).map { String(text[$0]) }
        }
    }
}
