import Testing

/// The reader of sources itself: a checker that sees nothing passes everything.
@Suite("Reading sources")
struct SourceTreeTests {
    @Test("imports are found behind attributes, kinds and submodules, and not in comments or strings")
    func imports() {
        let file = SourceTree.File(
            path: "Sources/Wire/Example.swift",
            text: """
                import Foundation
                @preconcurrency import GRDB
                public import struct Logging.Logger
                // import Comment
                let text = "import String"
                    import Indented
                """)
        #expect(file.imports == ["Foundation", "GRDB", "Logging", "Indented"])
        #expect(file.target == "Wire")
    }

    @Test("code is what is left without comments and string contents")
    func code() {
        let file = SourceTree.File(
            path: "Sources/Wire/Example.swift",
            text: #"""
                let a = 404 // 409
                let b = "422 // \" 410" + c
                let d = """
                    503
                    """ + e
                """#)
        #expect(file.code == ["let a = 404 ", #"let b = "" + c"#, "let d = ", "", " + e"])
    }

    @Test("the sources are there to be read")
    func presence() throws {
        #expect(try SourceTree.swiftFiles(under: "Sources").count > 20)
        #expect(try SourceTree.map()["Store"]?.contains("GRDB") == true)
    }
}
