import Glibc

/// Everything the store does to files, one operation a method, so that a test can make any of them fail.
///
/// Each throws `.diskFull`, `.unwritable`, `.fileMissing` or `.inputOutput`.
protocol FileOperations: Sendable {
    /// Makes a directory and those above it where they are missing.
    func makeDirectory(_ path: String) throws(StoreError)
    /// Makes a file that must not exist, to be written; readable by the owner alone.
    func create(_ path: String) throws(StoreError) -> Int32
    /// Writes some of the bytes and says how many.
    func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(StoreError) -> Int
    /// Returns when the file's bytes are on the disk.
    func sync(_ descriptor: Int32, path: String) throws(StoreError)
    func rename(_ source: String, to target: String) throws(StoreError)
    /// Returns when the directory's entries are on the disk.
    func syncDirectory(_ path: String) throws(StoreError)
    /// A file that is gone already is no error.
    func remove(_ path: String) throws(StoreError)
    /// The whole file.
    func read(_ path: String) throws(StoreError) -> [UInt8]
    /// Shows the file to `body` piece by piece.
    func scan(_ path: String, _ body: (UnsafeRawBufferPointer) -> Void) throws(StoreError)
    /// The names in a directory, in no order.
    func list(_ directory: String) throws(StoreError) -> [String]
    /// The lock of a file that is there; nil where it is gone, or another holds the lock.
    func lock(_ path: String) -> FileLock?
}

/// The operating system's files.
struct SystemFiles: FileOperations {
    func makeDirectory(_ path: String) throws(StoreError) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        let code = errno
        let parent = path.split(separator: "/", omittingEmptySubsequences: true).dropLast().joined(separator: "/")
        guard code == ENOENT, !parent.isEmpty else { throw .system(code, "make directory", path) }
        try makeDirectory((path.hasPrefix("/") ? "/" : "") + parent)
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system(errno, "make directory", path) }
    }

    func create(_ path: String) throws(StoreError) -> Int32 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(errno, "create", path) }
        return descriptor
    }

    func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(StoreError) -> Int {
        while true {
            let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            if count >= 0 { return count }
            guard errno == EINTR else { throw .system(errno, "write", path) }
        }
    }

    func sync(_ descriptor: Int32, path: String) throws(StoreError) {
        // Not repeated after an error: Linux marks the lost pages clean, so a second success would be a lie.
        guard fsync(descriptor) == 0 else { throw .system(errno, "sync", path) }
    }

    func rename(_ source: String, to target: String) throws(StoreError) {
        guard Glibc.rename(source, target) != 0 else { return }
        let code = errno
        // What is renamed is held open by whoever wrote it: if anything is not there, it is a folder.
        if code == ENOENT || code == ENOTDIR { throw .system(code, "create", target) }
        throw .system(code, "rename", source)
    }

    func syncDirectory(_ path: String) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno, "open", path) }
        defer { close(descriptor) }
        // Some network file systems cannot sync a directory and say EINVAL; they order renames themselves.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw .system(errno, "sync", path) }
    }

    func remove(_ path: String) throws(StoreError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw .system(errno, "remove", path) }
    }

    func read(_ path: String) throws(StoreError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno, "open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno, "inspect", path) }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, filled in
            while filled < buffer.count {
                let count = Glibc.read(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
                if count > 0 { filled += count }
                if count == 0 { return }
                if count < 0, errno != EINTR {
                    failure = errno
                    return
                }
            }
        }
        guard failure == 0 else { throw .system(failure, "read", path) }
        return bytes
    }

    func scan(_ path: String, _ body: (UnsafeRawBufferPointer) -> Void) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno, "open", path) }
        defer { close(descriptor) }
        let size = 1 << 20
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, size)
            if count == 0 { return }
            if count > 0 {
                body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            } else if errno != EINTR {
                throw .system(errno, "read", path)
            }
        }
    }

    func lock(_ path: String) -> FileLock? { FileLock(existing: path) }

    func list(_ directory: String) throws(StoreError) -> [String] {
        guard let stream = opendir(directory) else { throw .system(errno, "list", directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

extension StoreError {
    /// The error of a system call that failed with `code`.
    static func system(_ code: Int32, _ operation: String, _ path: String) -> StoreError {
        let words = String(cString: strerror(code))
        let shown = shown(path)
        // A new file wants nothing but its folder.
        let isFolderGone = operation == "create" && (code == ENOENT || code == ENOTDIR)
        if isFolderGone || changes.contains(operation) && [EACCES, EPERM, EROFS].contains(code) {
            return StoreError(
                .unwritable(path: path),
                "cannot \(operation) \(shown): \(words); the data folder has to be there and to take what the server writes: "
                    + "see to its permissions and to how its disk is mounted")
        }
        switch code {
        case ENOSPC, EDQUOT:
            return StoreError(.diskFull(path: path), "cannot \(operation) \(shown): \(words); nothing was kept of it")
        case ENOENT:
            return StoreError(.fileMissing(path: path), "cannot \(operation) \(shown): it is not there")
        default:
            return StoreError(
                .inputOutput(operation: operation, path: path, code: code), "cannot \(operation) \(shown): \(words)")
        }
    }

    /// Operations that change what is on the disk.
    private static let changes: Set<String> = ["create", "write", "rename", "remove", "make directory"]

    /// What may be said of a path to whoever asks over the network: where the file lies within the data folder, not
    /// where that lies. The reason has the whole path, for the log.
    private static func shown(_ path: String) -> String {
        let parts = path.split(separator: "/")
        guard let name = parts.last else { return path }
        guard let folder = parts.dropLast().last, FileArea(rawValue: String(folder)) != nil else { return String(name) }
        return "\(folder)/\(name)"
    }
}
