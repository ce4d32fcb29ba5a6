import Formats
import Testing

@Suite struct SafetensorsTests {
    /// Header and data as one file.
    private func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
        let length = UInt64(header.utf8.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + Array(header.utf8) + data
    }

    @Test("tensors come back with name, shape and values")
    func reads() throws {
        let bytes = file(
            #"{"__metadata__":{"case":"a"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}"#,
            [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 7, 0, 0, 0, 0, 0, 0, 0])
        let tensors = try Safetensors(bytes)
        #expect(tensors.names == ["n", "w"])
        #expect(tensors["w"]?.floats == [1, -2])
        #expect(tensors["w"]?.shape == [2])
        #expect(tensors["n"]?.ints == [7])
        #expect(tensors["n"]?.floats == nil)
        #expect(tensors.metadata == ["case": "a"])
    }

    @Test(
        "a header that contradicts its data is refused",
        arguments: [
            #"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
            #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}"#,
            #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
            #"{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
            #"{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#,
            #"{"w":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}"#,
            #"{"w":[]}"#, "[]", "{", "",
        ])
    func refuses(header: String) {
        #expect(throws: SafetensorsError.self) { try Safetensors(file(header, [UInt8](repeating: 0, count: 8))) }
    }

    @Test("a file cut anywhere is refused")
    func truncated() {
        let whole = file(
            #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, [UInt8](repeating: 1, count: 8))
        for length in 0..<whole.count {
            #expect(throws: SafetensorsError.self) { try Safetensors(Array(whole[..<length])) }
        }
    }
}
