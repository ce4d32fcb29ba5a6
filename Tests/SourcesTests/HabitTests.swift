import Foundation
import Testing

/// Habits that a compiler does not see.
@Suite("Habits")
struct HabitTests {
    @Test("nothing in Sources is left for later")
    func leftovers() throws {
        let markers = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
        for file in try SourceTree.swiftFiles(under: "Sources") {
            for (number, line) in file.lines.enumerated() {
                let left = markers.filter { marker in
                    line.split { !$0.isLetter }.contains { $0 == marker }
                }
                #expect(left.isEmpty, "\(file):\(number + 1) \(line)")
            }
        }
    }

    @Test("nothing in Sources is unfinished or forced")
    func stubs() throws {
        for file in try SourceTree.swiftFiles(under: "Sources") {
            for (number, line) in file.code.enumerated() {
                #expect(!line.contains("try!"), "\(file):\(number + 1) forces a try")
                #expect(!line.contains("fatalError("), "\(file):\(number + 1) gives up: throw, or state a precondition")
            }
        }
    }

    @Test("whoever silences the concurrency checker says above it why it holds")
    func unchecked() throws {
        let words = ["@unchecked", "nonisolated(unsafe)"]
        for file in try SourceTree.swiftFiles(under: "Sources") {
            let code = file.code
            for (number, line) in code.enumerated() where words.contains(where: line.contains) {
                // Attributes may stand between; a comment on the same line or within a shared block counts too.
                var above = number
                while above > 0, isAttributeOrSameKind(code[above - 1], words) { above -= 1 }
                let comment = above > 0 && file.lines[above - 1].trimmingCharacters(in: .whitespaces).hasPrefix("//")
                let trailing = file.lines[number].contains(" // ")
                #expect(comment || trailing, "\(file):\(number + 1) gives no reason: \(line)")
            }
        }
    }

    private func isAttributeOrSameKind(_ line: String, _ words: [String]) -> Bool {
        let trimmed = line.trimmingCharacters(in: .whitespaces)
        return (trimmed.hasPrefix("@") && !trimmed.contains(" ")) || words.contains(where: trimmed.contains)
    }

    @Test("every dependency has an exact version and its reason above it, and none is SwiftNIO")
    func dependencies() throws {
        let lines = try SourceTree.text("Package.swift").split(separator: "\n", omittingEmptySubsequences: false)
        let packages = lines.indices.filter { lines[$0].contains(".package(url:") }
        #expect(!packages.isEmpty)
        for index in packages {
            let line = lines[index]
            #expect(line.contains("exact: \""), "not exact: \(line)")
            let above = lines[index - 1].trimmingCharacters(in: .whitespaces)
            #expect(above.hasPrefix("//") && above.count > 20, "no reason above: \(line)")
            #expect(!line.lowercased().contains("nio"), "\(line)")
        }
    }

    @Test("Swift 6 language mode, and warnings are errors in every Swift target")
    func strictness() throws {
        let manifest = try SourceTree.text("Package.swift")
        #expect(manifest.contains("swiftLanguageModes: [.v6]"))
        #expect(manifest.contains(".treatAllWarnings(as: .error)"))
        // Each declaration of a Swift target names settings that hold `strict`.
        let declarations = manifest.components(separatedBy: "arget(").dropFirst()
        for declaration in declarations {
            guard let name = declaration.firstMatch(of: /name: "([^"]+)"/)?.1 else { continue }
            let isShim = name.wholeMatch(of: /C[A-Z].*/) != nil
            let isStrict =
                declaration.contains("swiftSettings: strict") || declaration.contains("swiftSettings: optimized")
            #expect(isShim || isStrict, "\(name) does not treat warnings as errors")
        }
    }

    @Test("files stay about one subject: half of them under 150 lines, none above 450")
    func lengths() throws {
        let files = try SourceTree.swiftFiles(under: "Sources")
        let lengths = files.map { (path: $0.path, lines: $0.lines.count) }.sorted { $0.lines < $1.lines }
        let median = try #require(lengths.isEmpty ? nil : lengths[lengths.count / 2])
        let longest = try #require(lengths.last)
        print("Sources: \(files.count) files, median \(median.lines) lines, longest \(longest.lines) (\(longest.path))")
        #expect(median.lines <= 150)
        // Tables of constants are data, not a subject told in prose.
        let tooLong = lengths.filter { $0.lines > 450 && !$0.path.contains("Table") }
        #expect(tooLong.isEmpty, "\(tooLong.map { "\($0.path): \($0.lines)" })")
    }

    @Test("every target has its tests beside it")
    func suites() throws {
        let suites = try FileManager.default
            .contentsOfDirectory(atPath: SourceTree.root.appendingPathComponent("Tests").path)
        for target in try SourceTree.map().keys
        where !target.hasPrefix("KernelBodies") && !target.hasPrefix("KernelsB") && !target.hasPrefix("KernelsA") {
            #expect(suites.contains(target + "Tests"), "Tests/\(target)Tests is missing")
        }
    }
}
