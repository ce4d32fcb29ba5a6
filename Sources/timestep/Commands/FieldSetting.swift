import Formats
import NamedFields
import Training

/// One field of a specification by its path, as `--set` takes it: `network.layers.0.hidden=64`.
///
/// The fields tell themselves what they take, so a slip is found before anything is sent.
struct FieldSetting {
    private let path: [String]
    private let text: String

    init(_ argument: String) throws(CommandError) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else {
            throw CommandError(
                .usage, "--set \(argument): expected a field and its value, such as training.epochs=50")
        }
        path = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        text = String(parts[1])
    }

    /// Writes the field into the body of `POST /train`. What earlier settings set stays: the server tells what does not go
    /// together.
    func apply(to body: inout JSONObject, after earlier: [FieldSetting] = []) throws(CommandError) {
        let changed = try set(.object(body), .object(TrainingSpec.self), path[...], after: earlier)
        body = changed.object ?? body
    }

    private func fail(_ place: ArraySlice<String>, _ detail: String) -> CommandError {
        let told = path[..<place.startIndex].joined(separator: ".")
        return CommandError(.usage, "--set \(told.isEmpty ? path.joined(separator: ".") : told): \(detail)")
    }

    /// The value with what stands at the rest of the path replaced.
    private func set(
        _ old: JSON?, _ shape: FieldShape, _ rest: ArraySlice<String>, after earlier: [FieldSetting]
    ) throws(CommandError) -> JSON {
        switch shape {
        case .optional(let inner):
            return rest.isEmpty && text == "null" ? .null : try set(old, inner, rest, after: earlier)
        case .object(let type):
            let outline = FieldOutline(type)
            guard let name = rest.first else {
                throw fail(rest, "it has fields of its own: \(outline.names.joined(separator: ", "))")
            }
            guard let field = outline.field(name) else {
                throw fail(
                    rest.dropFirst(), "there is no such field" + Suggestion.hint(for: name, among: outline.names))
            }
            var object = old?.object ?? JSONObject()
            if let long = Self.spelledOut(type, object) { object = long }
            let value = try set(object[name] ?? Self.start(of: field), field.shape, rest.dropFirst(), after: earlier)
            let isOther = field.isKind && value != object[name] ?? Self.standard(of: name, in: object, outline)
            object[name] = value
            if isOther {
                let siblings = earlier.map(\.path).filter { $0.starts(with: path.dropLast()) && $0.count >= path.count }
                Self.dropForeign(
                    from: &object, outline, changed: name, keeping: siblings.map { $0[path.count - 1] })
            }
            return .object(object)
        case .list(let element, let count):
            guard let word = rest.first else {
                return .array(try words().map { word throws(CommandError) in try scalar(word, element, rest) })
            }
            var elements = old?.array ?? []
            guard let index = Int(word), index >= 0, index <= elements.count, index < count.upperBound else {
                throw fail(
                    rest.dropFirst(), "expected a position from 0 to \(min(elements.count, count.upperBound - 1))")
            }
            if index == elements.count { elements.append(.object(JSONObject())) }
            elements[index] = try set(elements[index], element, rest.dropFirst(), after: earlier)
            return .array(elements)
        case .oneOrMore(let element, _):
            guard rest.isEmpty else { throw fail(rest, "it takes all of its names at once, separated by commas") }
            let values = try words().map { word throws(CommandError) in try scalar(word, element, rest) }
            return values.count == 1 ? values[0] : .array(values)
        default:
            if let further = rest.first { throw fail(rest, "it has no fields of its own, such as \"\(further)\"") }
            return try scalar(text, shape, rest)
        }
    }

    private func words() throws(CommandError) -> [String] { text.isEmpty ? [] : TrainOptions.list(text) }

    private func scalar(_ word: String, _ shape: FieldShape, _ rest: ArraySlice<String>) throws(CommandError) -> JSON {
        func expected(_ expectation: String) -> CommandError {
            fail(rest, "expected \(expectation), found \"\(word.excerpt())\"")
        }
        switch shape {
        case .flag:
            guard let flag = Bool(word) else { throw expected("true or false") }
            return .bool(flag)
        case .whole(let range):
            guard let number = Int(word), range.contains(number) else { throw expected(shape.expectation) }
            return .number(Double(number))
        case .number(let bound):
            guard let number = Double(word), bound.contains(number) else { throw expected(shape.expectation) }
            return .number(number)
        case .text(let bytes):
            guard bytes.contains(word.utf8.count) else { throw expected(shape.expectation) }
            return .string(word)
        case .choice(let names):
            guard names.contains(word) else {
                throw fail(
                    rest, "\"\(word.excerpt())\" is none of the choices" + Suggestion.hint(for: word, among: names))
            }
            return .string(word)
        case .word(let known):
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard let found = known.first(where: { $0.name == parts.first }) else {
                let hint = Suggestion.hint(for: parts.first ?? word, among: known.map(\.name))
                throw fail(rest, "\"\(word.excerpt())\" is none of the choices" + hint)
            }
            guard let range = found.range else {
                guard parts.count == 1 else { throw expected("\"\(found.name)\" without a number") }
                return .string(found.name)
            }
            guard parts.count == 2, let number = Int(parts[1]), range.contains(number) else {
                throw expected("\(found.name)=NUMBER with \(FieldShape.whole(range).expectation)")
            }
            return .object(JSONObject(found.name, .number(Double(number))))
        default: throw fail(rest, "cannot be set as one word")
        }
    }

    /// Where a list of objects is not mentioned, its default is what an element is added to or changed in.
    private static func start(of field: FieldOutline.Field) -> JSON? {
        if case .list(.object, _) = field.shape { JSON(field.standard) } else { nil }
    }

    /// A kind where the object does not name it.
    private static func standard(of name: String, in object: JSONObject, _ outline: FieldOutline) -> JSON? {
        outline.variant(of: members(of: object))?.field(name).map { JSON($0.standard) }
    }

    /// Takes out the members that belong to the kind that the object was before `name`, one of its kinds, was changed.
    /// What belongs to no kind at all stays, for the server to tell.
    private static func dropForeign(
        from object: inout JSONObject, _ outline: FieldOutline, changed name: String, keeping kept: [String]
    ) {
        // Where the new kind has no such field, it is the setting that is foreign.
        guard let variant = outline.variant(of: members(of: object)), variant.field(name) != nil else { return }
        for (member, _) in object.members
        where variant.field(member) == nil && outline.field(member) != nil && !kept.contains(member) {
            object[member] = nil
        }
    }

    private static func members(of object: JSONObject) -> [FieldMember] {
        object.members.map { FieldMember($0.0, FieldValue($0.1)) }
    }

    /// A short form as the long one, in which every field has its place.
    private static func spelledOut(_ type: any HasFields.Type, _ object: JSONObject) -> JSONObject? {
        type.spelledOut(members(of: object)).flatMap { JSON(.members($0.members)).object }
    }
}

extension FieldOutline {
    /// The variant that an object with these members is, kinds that it does not name being the standard ones; nil where it
    /// names one that there is not.
    fileprivate func variant(of members: [FieldMember]) -> Variant? {
        var left = variants
        var depth = 0
        // Variants with the same kinds so far ask for the same kind next.
        while let first = left.first, depth < first.kinds.count {
            let name = first.kinds[depth].name
            let kind = members[name] ?? first.field(name)?.standard
            left = left.filter { $0.kinds[name] == kind }
            depth += 1
        }
        return left.first
    }
}

extension JSONObject {
    fileprivate init(_ key: String, _ value: JSON) {
        self.init()
        self[key] = value
    }
}

extension FieldShape {
    /// What a field takes, in a few words.
    var expectation: String {
        switch self {
        case .flag: "true or false"
        case .whole(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let bound): bound.expectation
        case .text(let bytes):
            bytes.upperBound == .max
                ? "a text" : "a text of \(bytes.lowerBound) to \(bytes.upperBound) bytes"
        case .choice(let names): names.joined(separator: ", ")
        case .optional(let inner): inner.expectation + ", or null"
        case .list(let element, _), .oneOrMore(let element, _): "one or several of: " + element.expectation
        case .word(let words):
            words.map { $0.name + ($0.range.map { "=\($0.lowerBound) to \($0.upperBound)" } ?? "") }
                .joined(separator: ", ")
        case .object, .texts: "an object"
        }
    }
}

/// The table of all fields that `--set` takes: what they are called, what they take, their defaults, and what they are.
enum FieldListing {
    static var lines: [String] {
        var lines: [String] = []
        list(TrainingSpec.self, "", &lines)
        return lines
    }

    private static func list(_ type: any HasFields.Type, _ path: String, _ lines: inout [String]) {
        let outline = FieldOutline(type)
        for name in outline.names {
            let owners = outline.variants.filter { $0.field(name) != nil }
            guard let field = owners.first?.field(name) else { continue }
            // Of a kind that few have it is told whose it is.
            let kinds = owners.count == outline.variants.count ? [] : labels(owners, among: outline.variants)
            if let inner = field.shape.object {
                list(inner.type, path + name + inner.place + ".", &lines)
            } else {
                lines.append(path + name + (kinds.isEmpty ? "" : "  (\(kinds.joined(separator: ", ")))"))
                let fallback = field.isRequired ? "required" : "default \(standards(name, owners))"
                lines.append("    \(field.says) Takes \(field.shape.expectation); \(fallback).")
            }
        }
    }

    /// Each owner in a word: the first of its kinds where all of that kind are owners, else the last.
    private static func labels(_ owners: [FieldOutline.Variant], among all: [FieldOutline.Variant]) -> [String] {
        var labels: [String] = []
        for owner in owners {
            guard let first = owner.kinds.first, let last = owner.kinds.last else { continue }
            let own = owners.filter { $0.kinds.first == first }.count
            let word = (own == all.filter { $0.kinds.first == first }.count ? first : last).value.word ?? ""
            if !labels.contains(word) { labels.append(word) }
        }
        return labels
    }

    /// "0.003 (adam, adamw, rmsprop), 0.1 (sgd)", or one where it is the same for all.
    private static func standards(_ name: String, _ owners: [FieldOutline.Variant]) -> String {
        var kinds: [(text: String, kinds: [String])] = []
        for owner in owners {
            guard let text = owner.field(name).map({ JSON($0.standard).text }) else { continue }
            let kind = owner.kinds.last?.value.word ?? ""
            if let index = kinds.firstIndex(where: { $0.text == text }) {
                kinds[index].kinds.append(kind)
            } else {
                kinds.append((text, [kind]))
            }
        }
        guard kinds.count > 1 else { return kinds.first?.text ?? "" }
        return kinds.map { "\($0.text) (\($0.kinds.joined(separator: ", ")))" }.joined(separator: ", ")
    }
}

extension FieldValue {
    fileprivate var word: String? { if case .text(let text) = self { text } else { nil } }
}

extension FieldShape {
    /// What has fields of its own, and how an element of a list of it is named.
    fileprivate var object: (type: any HasFields.Type, place: String)? {
        switch self {
        case .object(let type): (type, "")
        case .optional(let inner): inner.object
        case .list(let element, _): element.object.map { ($0.type, ".N" + $0.place) }
        default: nil
        }
    }
}
