import Glibc

/// An advisory lock of the whole machine on one file, held until it is released, or the process ends in whatever way.
///
/// `flock` belongs to the open file, not to the process: two locks in one process exclude each other too. The
/// descriptor is closed on exec, so a child never inherits the hold; between fork and exec it has a copy for a moment,
/// and a lock that was only closed would be held until that is closed too. So it is released first.
///
/// `deinit` alone closes the descriptor. It runs for an initializer that fails after the descriptor was set, too: one
/// that closed it itself would close it twice, and the second time perhaps a file that another thread just opened.
final class FileLock: Sendable {
    let path: String
    let descriptor: Int32

    /// nil where another holds it.
    init?(trying path: String) throws(StoreError) {
        self.path = path
        descriptor = try Self.open(path)
        guard tryLock(descriptor) else { return nil }
    }

    /// nil where the file is not there, or another holds its lock.
    init?(existing path: String) {
        self.path = path
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0, tryLock(descriptor) else { return nil }
    }

    /// Waits for as long as another holds it.
    init(waitingFor path: String) throws(StoreError) {
        self.path = path
        descriptor = try Self.open(path)
        guard waitForLock(descriptor) else { throw .system(errno, "lock", path) }
    }

    deinit {
        guard descriptor >= 0 else { return }
        releaseLock(descriptor)
        close(descriptor)
    }

    /// Leaves the holder's process id in the file, for the sentence that another server gets.
    func writeHolder() {
        ftruncate(descriptor, 0)
        let text = Array("\(getpid())\n".utf8)
        // A note for people: that it could not be written is no reason not to start.
        _ = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    /// Takes the note back at an orderly end: a note without a holder tells of one that was not.
    func eraseHolder() { ftruncate(descriptor, 0) }

    /// What `writeHolder` left in the file at `path`.
    static func holder(of path: String) -> Int? {
        guard let bytes = try? SystemFiles().read(path) else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self).filter(\.isNumber))
    }

    private static func open(_ path: String) throws(StoreError) -> Int32 {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(errno, "open", path) }
        return descriptor
    }
}

/// Takes the lock of an open file, or says at once that another has it.
func tryLock(_ descriptor: Int32) -> Bool {
    flock(descriptor, LOCK_EX | LOCK_NB) == 0
}

/// Takes the lock of an open file, however long that takes.
func waitForLock(_ descriptor: Int32) -> Bool {
    while flock(descriptor, LOCK_EX) != 0 {
        guard errno == EINTR else { return false }
    }
    return true
}

/// Lets go of the lock of an open file, whoever else has the descriptor. Without effect where it was not held.
func releaseLock(_ descriptor: Int32) {
    flock(descriptor, LOCK_UN)
}
