import Foundation
import Resources

/// The folders of stored files.
///
///     incoming/       files being written
///     datasets/       as uploaded
///     models/         published and imported
///     checkpoints/    of jobs
///
/// Beside them lies `trash/`, for files without a row: see `Orphans`.
///
/// A file appears under its final name complete and on the disk, or not at all, and is never changed afterwards.
/// Names are made of ids and never used again.
enum FileArea: String, CaseIterable, Sendable {
    case incoming, datasets, models, checkpoints

    /// What the names in it start with.
    var prefix: String {
        switch self {
        case .incoming: "part"
        case .datasets: "ds"
        case .models: "mdl"
        case .checkpoints: "ckp"
        }
    }

    /// Whether the name can be one of ours: the prefix, `_`, and 26 digits. Files of others are left alone.
    func owns(_ name: String) -> Bool {
        let start = prefix + "_"
        guard name.hasPrefix(start) else { return false }
        let rest = name.dropFirst(start.count)
        return rest.utf8.count == 26
            && rest.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
            }
    }
}

/// A file on the disk that a row is about to name.
struct StoredFile: Sendable, Equatable {
    let name: String
    let bytes: Int
    /// SHA-256 in hexadecimal.
    let digest: String
}

/// Where the files lie, and reading them.
struct FileStorage: Sendable {
    let directory: String
    let operations: any FileOperations

    func directory(of area: FileArea) -> String { directory + "/" + area.rawValue }

    func path(_ area: FileArea, _ name: String) -> String { directory(of: area) + "/" + name }

    func makeDirectories() throws(StoreError) {
        try operations.makeDirectory(directory)
        for area in FileArea.allCases { try operations.makeDirectory(directory(of: area)) }
        try operations.makeDirectory(trash)
        // Before the first file: a power cut must not take the folder from under a row.
        try operations.syncDirectory(directory)
    }

    /// The file's bytes, checked against its row.
    ///
    /// Throws `.fileMissing`, `.fileTorn` or `.fileDamaged`.
    func read(_ area: FileArea, _ file: StoredFile) throws(StoreError) -> [UInt8] {
        let path = path(area, file.name)
        let bytes = try operations.read(path)
        try check(area, file, bytes: bytes.count, digest: SHA256.hex(of: bytes))
        return bytes
    }

    /// Reads the file to its end, holding a piece of it at a time, and checks it against its row.
    ///
    /// Throws as `read`.
    func verify(_ area: FileArea, _ file: StoredFile) throws(StoreError) {
        var hasher = SHA256()
        var count = 0
        try operations.scan(path(area, file.name)) { piece in
            hasher.update(piece)
            count += piece.count
        }
        try check(area, file, bytes: count, digest: hasher.finish())
    }

    private func check(_ area: FileArea, _ file: StoredFile, bytes: Int, digest: String) throws(StoreError) {
        let path = path(area, file.name)
        let shown = area.rawValue + "/" + file.name
        guard bytes == file.bytes else {
            throw StoreError(
                .fileTorn(path: path, have: bytes, need: file.bytes),
                "\(shown): the file has \(bytes) of \(file.bytes) bytes; the write was probably interrupted")
        }
        guard digest == file.digest else {
            throw StoreError(
                .fileDamaged(path: path),
                "\(shown): the file's SHA-256 is not the one recorded; the disk or someone changed it")
        }
    }

    /// Removes files whose rows are gone. What cannot be removed now stays for `clearOrphans` of the next start: the
    /// rows are gone, so the caller's work is done.
    func discard(_ area: FileArea, _ names: [String]) {
        for name in names { try? operations.remove(path(area, name)) }
    }
}
