import Foundation

/// The text of this repository, read from where this file was compiled.
enum SourceTree {
    struct File: CustomStringConvertible {
        /// From the root of the repository: "Sources/Wire/Fields.swift".
        var path: String
        var text: String

        var description: String { path }
        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        /// "Wire" for "Sources/Wire/Fields.swift".
        var target: String { String(path.split(separator: "/").dropFirst().first ?? "") }

        /// The lines with comments and the contents of string literals taken out, so that words in prose do not count.
        /// Knows line comments, one-line strings and multi-line strings; that is all the format rules let in.
        var code: [String] {
            var insideLiteral = false
            return lines.map { line in
                let pieces = line.components(separatedBy: "\"\"\"")
                if pieces.count > 1 {
                    var kept = ""
                    for (index, piece) in pieces.enumerated() {
                        if index > 0 { insideLiteral.toggle() }
                        if !insideLiteral { kept += Self.withoutComment(piece) }
                    }
                    return kept
                }
                return insideLiteral ? "" : Self.withoutComment(String(line))
            }
        }

        private static func withoutComment(_ line: String) -> String {
            var kept = ""
            var insideString = false
            var previous: Character = " "
            for character in line {
                if character == "\"" && previous != "\\" {
                    insideString.toggle()
                    kept.append(character)
                } else if !insideString {
                    if character == "/" && previous == "/" { return String(kept.dropLast()) }
                    kept.append(character)
                }
                previous = character
            }
            return kept
        }

        /// The modules that the file imports, without attributes and without the kind of a scoped import.
        var imports: [String] {
            code.compactMap { line in
                var words = line.split(separator: " ").map(String.init)
                while let first = words.first, first.hasPrefix("@") || first == "public" || first == "internal" {
                    words.removeFirst()
                }
                guard words.first == "import", words.count > 1 else { return nil }
                let kinds: Set = ["struct", "class", "enum", "func", "protocol", "let", "var", "typealias"]
                let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
                return String(name.prefix { $0 != "." && $0 != ";" })
            }
        }
    }

    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// Every Swift file under a folder of the repository. Folders that are links (the kernel sources under their
    /// three names) are read once, under their own name.
    static func swiftFiles(under folder: String) throws -> [File] {
        let manager = FileManager.default
        var found: [File] = []
        var folders = [folder]
        while let folder = folders.popLast() {
            for name in try manager.contentsOfDirectory(atPath: root.appendingPathComponent(folder).path).sorted() {
                let path = folder + "/" + name
                let attributes = try manager.attributesOfItem(atPath: root.appendingPathComponent(path).path)
                switch attributes[.type] as? FileAttributeType {
                case .typeDirectory?: folders.append(path)
                case .typeRegular? where name.hasSuffix(".swift"):
                    found.append(File(path: path, text: try text(path)))
                default: continue
                }
            }
        }
        return found.sorted { $0.path < $1.path }
    }

    /// The folders of `Sources` that are targets, links included.
    static func targets() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("Sources").path)
            .filter { !$0.hasSuffix(".md") && !$0.hasPrefix(".") }.sorted()
    }

    /// The table of `Sources/README.md`: what each target may import besides the C shims.
    static func map() throws -> [String: Set<String>] {
        var map: [String: Set<String>] = [:]
        for line in try text("Sources/README.md").split(separator: "\n") {
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard cells.count == 5, cells[1].hasPrefix("`") else { continue }
            map[cells[1].trimmingCharacters(in: ["`"])] = Set(cells[3].split(separator: " ").map(String.init))
        }
        return map
    }
}
