import NamedFields
import Training

/// Arrays of numbers: the flat form as it is, anything else element by element, so that a violation names its place.
extension JSONReader {
    /// Numbers nested exactly `depth` deep (1 … 3). Every element that is no number is a violation.
    public func numbers(depth: Int) -> NumberArray? {
        if case .numbers(let array) = value, array.depth == depth { return array }
        guard value.count != nil else { return refuse(Self.shape(depth)) }
        var array = NumberArray(depth: depth)
        guard append(to: &array, level: depth) else { return nil }
        return array
    }

    /// Rows of one width, `[[1, 2], [3, 4]]`; where `features` is given, of that width.
    /// One level too few, `[1, 2]`, is read as rows of one number when `features` is 1.
    public func rows(features: Int? = nil) -> NumberArray? {
        if features == 1, case .numbers(let array) = value, array.depth == 1 {
            return NumberArray(array.values, width: 1)
        }
        guard let array = numbers(depth: 2) else { return nil }
        return checkWidths(array, features) { [.index($0)] } ? array : nil
    }

    /// A batch of sequences of rows of one width, `[[[1, 2], [3, 4]], [[5, 6]]]`; sequences may differ in length but
    /// have one row at least.
    public func sequences(features: Int? = nil) -> NumberArray? {
        guard let array = numbers(depth: 3) else { return nil }
        var isSound = true
        if case .uniform(let count, let each) = array.sequenceLengths, count > 0, each > 0 {
        } else {
            for (index, length) in array.sequenceLengths.all.enumerated() where length == 0 {
                collector.add(at: path + [.index(index)], "a sequence needs one step at least, this one is empty")
                isSound = false
            }
        }
        let widthsFit = checkWidths(array, features) { row in
            var first = 0
            for (sequence, length) in array.sequenceLengths.all.enumerated() {
                if row < first + length { return [.index(sequence), .index(row - first)] }
                first += length
            }
            return []
        }
        return isSound && widthsFit ? array : nil
    }

    private func append(to array: inout NumberArray, level: Int) -> Bool {
        if case .numbers(let found) = value, found.depth != level {
            refuse(found, level: level)
            return false
        }
        guard let count = value.count else { return refuse(Self.shape(level)) ?? false }
        if case .numbers(let part) = value, level == array.depth {
            array = part
            return true
        }
        guard case .array(let elements) = value else { return false }
        var isSound = true
        if level == 1 {
            for (index, element) in elements.enumerated() {
                if let number = element.double {
                    array.values.append(number)
                } else {
                    let _: Double? = reader(of: element, index).refuse("a number")
                    isSound = false
                }
            }
            array.rowWidths.append(count)
            return isSound
        }
        for (index, element) in elements.enumerated() {
            switch element {
            case .numbers(let part) where part.depth == level - 1: array.append(part)
            case .array: isSound = reader(of: element, index).append(to: &array, level: level - 1) && isSound
            case .numbers(let part):
                wrongDepth(part.depth, of: index, level: level)
                isSound = false
            default:
                let _: NumberArray? = reader(of: element, index).refuse(Self.shape(level - 1))
                isSound = false
            }
        }
        if level == 2, array.depth == 3 { array.sequenceLengths.append(count) }
        return isSound
    }

    private func reader(of element: JSON, _ index: Int) -> JSONReader {
        JSONReader(element, at: path + [.index(index)], into: collector)
    }

    private func wrongDepth(_ depth: Int, of index: Int, level: Int) {
        collector.add(
            at: path + [.index(index)], "expected \(Self.shape(level - 1)), found arrays nested \(depth) deep")
    }

    /// Numbers nested too little or too deep: every element is wrong, in the same way.
    private func refuse(_ found: NumberArray, level: Int) {
        for index in 0..<found.count {
            if level == 1 {
                collector.add(at: path + [.index(index)], "expected a number, found an array")
            } else if found.depth == 1 {
                collector.add(
                    at: path + [.index(index)],
                    "expected \(Self.shape(level - 1)), found \(JSON.number(found.values[index]).text)")
            } else {
                wrongDepth(found.depth - 1, of: index, level: level)
            }
        }
    }

    /// Every row has the width due: `features`, or that of the first row.
    private func checkWidths(_ array: NumberArray, _ features: Int?, place: (Int) -> [Violation.PathComponent]) -> Bool
    {
        let count = array.rowWidths.count
        guard count > 0 else { return true }
        let due = features ?? array.rowWidths[0]
        if case .uniform(_, due) = array.rowWidths, due > 0 { return true }
        var isSound = true
        for row in 0..<count where array.rowWidths[row] != due || due == 0 {
            let width = array.rowWidths[row]
            let reason = features == nil ? "as in the first row" : "one for each feature"
            collector.add(
                at: path + place(row), "expected a row of \(max(due, 1)) numbers, \(reason), found \(width)")
            isSound = false
        }
        return isSound
    }

    static func shape(_ depth: Int) -> String {
        switch depth {
        case 1: "an array of numbers"
        case 2: "an array of rows, each an array of numbers"
        default: "an array of sequences, each an array of rows, each an array of numbers"
        }
    }
}

extension NumberArray {
    /// Adds an array one level shallower as the next element.
    mutating func append(_ part: NumberArray) {
        values.append(contentsOf: part.values)
        if part.depth == 1 {
            rowWidths.append(part.values.count)
        } else {
            for row in 0..<part.rowWidths.count { rowWidths.append(part.rowWidths[row]) }
            if depth == 3 { sequenceLengths.append(part.rowWidths.count) }
        }
    }
}
