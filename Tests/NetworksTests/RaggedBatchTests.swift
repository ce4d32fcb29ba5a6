import Networks
import Testing

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

    @Test("no sequences and only empty ones have no steps")
    func empty() {
        #expect(RaggedBatch(lengths: []).rows == 0)
        #expect(RaggedBatch(lengths: [0, 0]).steps == 0)
    }
}
