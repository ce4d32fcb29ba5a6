import Testing

@testable import NamedFields

/// A thing with every form of field, and with kinds.
private struct Thing: HasFields {
    enum Kind: String, CaseIterable {
        case plain, rich
    }

    struct Part: HasFields {
        var size = 3
        var share = 0.5

        mutating func visit(_ visitor: inout some FieldVisitor) {
            visitor.field("size", &size, .whole(1...9), "How large.")
            visitor.field("share", &share, .number(.above(0).atMost(1)), "How much of it.")
        }
    }

    var kind = Kind.plain
    var names: [String] = []
    var isOn = true
    var part = Part()
    var spare: Part? = Part { $0.size = 4 }
    var parts = [Part()]
    var depth = 2
    var note: String?

    mutating func visit(_ visitor: inout some FieldVisitor) {
        if visitor.kind("kind", &kind, "Which.") { self = Thing { [kind] in $0.kind = kind } }
        visitor.field("names", &names, .oneOrMore(.text("a name", 1...8), "names", 1...3), isRequired: true, "Whose.")
        visitor.field("on", &isOn, .flag, "Whether.")
        visitor.field("part", &part, .object(), "A part.")
        visitor.field("spare", &spare, .optional(.object()), "Another.")
        visitor.field("parts", &parts, .list(of: .object(), "parts", 1...2), "More.")
        if kind == .rich { visitor.field("depth", &depth, .whole(0...5), "How deep.") }
        visitor.field("note", &note, .optional(.text("a note")), "What is said.")
    }
}

@Suite("Fields")
struct FieldTests {
    private func read(
        _ members: [FieldMember], toleratesUnknown: Bool = false
    ) -> (thing: Thing, found: [String]) {
        var thing = Thing()
        var findings = FieldFindings(toleratesUnknown: toleratesUnknown)
        FieldReader.read(.members(members), into: &thing, &findings)
        return (thing, findings.complete().list.map(\.description))
    }

    @Test("what is written reads back as the same, with every field in it")
    func roundTrip() {
        let thing = Thing {
            ($0.kind, $0.names, $0.isOn, $0.depth, $0.note) = (.rich, ["a", "b"], false, 5, "n")
            ($0.part.size, $0.spare, $0.parts) = (9, nil, [Thing.Part(), Thing.Part { $0.share = 1 }])
        }
        let members = FieldWriter.members(of: thing)
        #expect(Set(members.map(\.name)) == Set(FieldOutline(Thing.self).names) && members.count == 8)
        let (back, found) = read(members)
        #expect(found == [] && FieldWriter.members(of: back) == members)
    }

    @Test("what is absent takes its default, null is none where there may be none, and a kind brings its own fields")
    func defaults() {
        let (thing, found) = read([
            FieldMember("names", .text("a")), FieldMember("part", .null), FieldMember("spare", .null),
        ])
        #expect(found == [] && thing.spare == nil && thing.part.size == 3 && thing.names == ["a"])
        let rich = FieldMember("kind", .text("rich"))
        let deep = read([rich, FieldMember("names", .text("a")), FieldMember("depth", .integer(4))])
        #expect(deep.found == [] && deep.thing.depth == 4)
        // Given in part, it starts from the defaults of a part, not from the one that stands there.
        let part = read([
            FieldMember("names", .text("a")), FieldMember("spare", .members([FieldMember("share", .number(1))])),
        ])
        #expect(part.thing.spare?.size == 3 && part.thing.spare?.share == 1)
    }

    @Test("all that is wrong is told at once, each with its place")
    func violations() {
        let found = read([
            FieldMember("kind", .text("plain")), FieldMember("on", .integer(1)), FieldMember("depth", .integer(1)),
            FieldMember("part", .members([FieldMember("size", .number(1.5)), FieldMember("sise", .integer(1))])),
            FieldMember("parts", .list([.integer(1), .members([FieldMember("share", .text("x"))])])),
            FieldMember("spare", .flag(true)),
        ]).found
        #expect(
            Set(found) == [
                "names: \"names\" is required and missing", "on: expected true or false, found 1",
                "part.size: expected a whole number from 1 to 9, found 1.5",
                "part.sise: unknown field \"sise\"; did you mean \"size\"?", "parts[0]: expected an object, found 1",
                "parts[1].share: expected a number, found the string \"x\"", "spare: expected an object, found true",
                "depth: \"depth\" goes with the kind \"rich\", and the kind here is \"plain\"",
            ])
    }

    @Test("of an unknown kind nothing else is called missing or foreign, but what cannot be is told")
    func unknownKind() {
        let found = read([
            FieldMember("kind", .text("ritch")), FieldMember("depth", .integer(1)), FieldMember("on", .null),
            FieldMember("other", .null), FieldMember("part", .integer(1)),
        ]).found
        #expect(
            found == [
                "kind: \"ritch\" is none of the choices; did you mean \"rich\"?",
                "part: expected an object, found 1",
                "other: unknown field \"other\"; there are \"kind\", \"names\", \"on\", \"part\", \"spare\", \"parts\", "
                    + "\"note\"",
            ])
    }

    @Test("text of another version is read for what is known of it")
    func tolerance() {
        let members = [
            FieldMember("names", .text("a")), FieldMember("later", .flag(true)),
            FieldMember("part", .members([FieldMember("later", .null), FieldMember("size", .integer(70))])),
        ]
        #expect(read(members).found.count == 2)
        let (thing, found) = read(members, toleratesUnknown: true)
        #expect(found == [] && thing.part.size == 70)
    }

    @Test("bounds are looked at everywhere, also of what was made in memory")
    func bounds() {
        var findings = FieldFindings()
        let thing = Thing {
            ($0.kind, $0.names, $0.depth) = (.rich, ["", "a", "abcdefghi", "b"], 6)
            ($0.part.share, $0.spare, $0.parts) = (.nan, Thing.Part { $0.size = 0 }, [])
        }
        FieldChecker.check(thing, &findings)
        #expect(
            findings.all.list.map(\.description) == [
                "names: expected 1 to 3 names, found 4", "names[0]: a name cannot be empty",
                "names[2]: a name of 9 bytes; at most 8 are taken",
                "part.share: expected a number above 0 and at most 1, found nan",
                "spare.size: expected a whole number from 1 to 9, found 0", "parts: expected 1 to 2 parts, found 0",
                "depth: expected a whole number from 0 to 5, found 6",
            ])
    }

    @Test("what could not be read is not reproached with its default, and places are those of the author")
    func complete() {
        var findings = FieldFindings()
        findings.at("part") { $0.add("unreadable") }
        let further = Violations([
            Violation("part", "size", detail: "too small"), Violation("note", detail: "too long"),
        ])
        #expect(findings.complete(with: further).list.map(\.description) == ["part: unreadable", "note: too long"])
    }

    @Test("the canonical text has what differs from its default, by name, and a field that is new leaves it as it was")
    func canonicalText() {
        #expect(Thing().canonicalText == "{kind=\"plain\"}")
        let thing = Thing {
            ($0.kind, $0.names, $0.spare, $0.depth) = (.rich, ["a\"\\"], nil, 2)
            $0.parts = [Thing.Part { $0.share = 0.25 }, Thing.Part()]
        }
        #expect(thing.canonicalText == #"{kind="rich",names="a\"\\",parts=[{share=0.25},{}],spare=null}"#)
    }
}
