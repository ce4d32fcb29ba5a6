import Formats

/// Where a member of a server's answer stands: "Job: model.name" is `name` in `model` of the schema `Job` of
/// `openapi.yaml`. What is read from a part of an answer names that part before the colon:
/// "Classification.top[]: label" is read from one element of `top`.
///
/// A literal only: the contract tests find every one of them in the sources and hold it to the contract, so that no
/// command reads a member that no answer has.
struct AnswerMember: ExpressibleByStringLiteral {
    let keys: [Substring]

    init(stringLiteral place: StaticString) {
        let parts = place.description.split(separator: ":", maxSplits: 1)
        keys = parts.last?.split(whereSeparator: { $0 == "." || $0 == " " }) ?? []
    }
}

extension JSON {
    /// The member of an answer; nil where it is absent or something on the way to it is null.
    func read(_ member: AnswerMember) -> JSON? {
        var value = self
        for key in member.keys {
            guard let next = value[String(key)] else { return nil }
            value = next
        }
        return value
    }
}
