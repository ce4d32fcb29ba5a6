import Testing

@testable import Networks

@Suite("Ragged batches")
struct RaggedBatchTests {
    @Test("rows stand longest first, equal lengths in the caller's order, and nothing is padded")
    func order() {
        let batch = RaggedBatch(lengths: [2, 3, 0, 1, 3])
        #expect(batch.order == [1, 4, 0, 3, 2])
        #expect(batch.active == [4, 3, 2])
        #expect(batch.offsets == [0, 4, 7, 9])
        #expect(batch.rows == 9)
        #expect(batch.starts == [0, 2, 5, 5, 6])
    }

    @Test("packing and unpacking give back every row")
    func roundTrip() {
        let batch = RaggedBatch(lengths: [2, 5, 1, 5, 3])
        let values = (0..<batch.rows * 3).map(Float.init)
        var packed = values
        batch.pack(values, width: 3, into: &packed)
        #expect(packed != values)
        var back = [Float](repeating: -1, count: values.count)
        batch.unpack(packed, width: 3, into: &back)
        #expect(back == values)
        // Step 1 of the second sequence: the first row of the second block.
        #expect(packed[batch.offsets[1] * 3] == values[(2 + 1) * 3])
    }

    @Test("parts are all rows in order, with about as many steps each")
    func parts() {
        for lengths in [[2, 5, 1, 5, 3], [9, 1, 1, 1, 1, 1, 1, 1, 1], [Int](repeating: 4, count: 12), [0, 0], []] {
            let batch = RaggedBatch(lengths: lengths)
            for count in 1...4 {
                let parts = (0..<count).map { batch.rows(ofPart: $0, of: count) }
                #expect(parts.flatMap(Array.init) == Array(0..<lengths.count))
                for part in parts {
                    let steps = part.reduce(0) { $0 + lengths[batch.order[$1]] }
                    #expect(steps * count <= batch.rows + count * (lengths.max() ?? 0))
                }
            }
        }
        #expect(RaggedBatch(lengths: [9, 1, 1, 1, 1, 1, 1, 1, 1]).rows(ofPart: 0, of: 2) == 0..<1)
    }

    @Test("no sequences and only empty ones have no steps")
    func empty() {
        #expect(RaggedBatch(lengths: []).rows == 0)
        #expect(RaggedBatch(lengths: [0, 0]).steps == 0)
    }
}
