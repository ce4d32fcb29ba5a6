import NamedFields
import Testing

@Suite struct SuggestionTests {
    @Test(
        "a misspelt name finds the one that was meant",
        arguments: [
            ("hiden", "hidden"), ("learning-rate", "learning_rate"), ("Epochs", "epochs"), ("ephocs", "epochs"),
            ("passengers", "passengers_k"),
        ])
    func finds(name: String, meant: String) {
        let candidates = ["hidden", "learning_rate", "epochs", "passengers_k", "seed"]
        #expect(Suggestion.nearest(to: name, among: candidates) == meant)
    }

    @Test("a name unlike all others suggests nothing")
    func nothing() {
        #expect(Suggestion.nearest(to: "temperature", among: ["hidden", "seed"]) == nil)
        #expect(Suggestion.nearest(to: "", among: ["hidden"]) == nil)
        #expect(Suggestion.hint(for: "temperature", among: ["a", "b"]) == "; there are \"a\", \"b\"")
    }

    @Test("endless names and countless candidates cost no time")
    func bounded() {
        let long = String(repeating: "x", count: 1_000_000)
        #expect(Suggestion.nearest(to: long, among: [long]) == nil)
        #expect(Suggestion.nearest(to: "abc", among: (0..<1_000_000).lazy.map { "column\($0)" }) == nil)
    }
}
