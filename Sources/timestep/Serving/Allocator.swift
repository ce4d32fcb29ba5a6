import CPosix

/// How malloc treats what was freed.
///
/// By default it keeps an arena for every thread, up to eight for each processor, and after the first large block that is
/// freed it takes blocks of up to 32 MiB from them: what a few large requests needed once stays with the process. A server
/// that promises how much it takes must be seen to give it back.
enum Allocator {
    /// Threads allocate little at once while they compute: four share them without waiting for each other.
    private static let arenas: Int32 = 4
    /// Bytes of a block that is mapped for itself, and goes back when it is freed. A prediction of a few rows has none.
    private static let mappedFrom: Int32 = 1 << 20
    /// Bytes that may be free at the end of an arena.
    private static let trimmedFrom: Int32 = 4 << 20

    static func giveBackWhatIsFree() { _ = cposix_limit_malloc(arenas, mappedFrom, trimmedFrom) }
}
