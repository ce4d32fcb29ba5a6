import COpenAPI

/// `openapi.yaml` as it was when the program was built.
public enum Contract {
    public static let bytes = [UInt8](
        UnsafeBufferPointer(start: timestep_openapi_bytes(), count: timestep_openapi_length()))

    /// Its entity tag.
    static let tag = EntityTag.of(bytes)
}
