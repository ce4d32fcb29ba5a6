extension JSON {
    /// The document as UTF-8 text without white space; numbers in their shortest form.
    public var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.take()
    }

    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension JSONWriter {
    public mutating func value(_ value: JSON) {
        switch value {
        case .null: null()
        case .bool(let flag): bool(flag)
        case .number(let number): double(number)
        case .string(let text): string(text)
        case .array(let elements): array { writer in for element in elements { writer.value(element) } }
        case .object(let object):
            self.object { writer in
                for (key, member) in object.members {
                    writer.key(key)
                    writer.value(member)
                }
            }
        case .numbers(let array): numbers(array)
        }
    }

    /// Nested arrays of numbers, as they were read.
    public mutating func numbers(_ array: NumberArray) {
        array.values.withUnsafeBufferPointer { values in
            var start = 0
            var row = 0
            func rows(_ count: Int, _ writer: inout JSONWriter) {
                for _ in 0..<count {
                    let width = array.rowWidths[row]
                    writer.doubles(UnsafeBufferPointer(rebasing: values[start..<start + width]))
                    start += width
                    row += 1
                }
            }
            switch array.depth {
            case 1: doubles(values)
            case 2: self.array { rows(array.rowWidths.count, &$0) }
            default:
                self.array { writer in
                    for sequence in 0..<array.sequenceLengths.count {
                        writer.array { rows(array.sequenceLengths[sequence], &$0) }
                    }
                }
            }
        }
    }
}
