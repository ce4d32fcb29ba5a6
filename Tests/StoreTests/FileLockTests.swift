import Foundation
import Glibc
import Synchronization
import Testing

@testable import Store

@Test("a lock that another holds is refused, and a lock that was let go is given")
func lockExcludes() throws {
    let folder = StoreFolder()
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    let path = folder.path + "/lock"
    do {
        let held = try FileLock(waitingFor: path)
        #expect(try FileLock(trying: path) == nil)
        #expect(FileLock(existing: path) == nil)
        withExtendedLifetime(held) {}
    }
    #expect(try FileLock(trying: path) != nil)
    #expect(FileLock(existing: path) != nil)
    #expect(FileLock(existing: folder.path + "/nothing") == nil)
}

@Test("a lock that was let go is free at once, though a process that is just being started has the file open still")
func lockEndsAtOnce() throws {
    let folder = StoreFolder()
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    let path = folder.path + "/lock"
    let copy: Int32
    do {
        let held = try FileLock(waitingFor: path)
        // What a child has between fork and exec.
        copy = dup(held.descriptor)
        withExtendedLifetime(held) {}
    }
    defer { close(copy) }
    #expect(try FileLock(trying: path) != nil)
}

@Test("a refused lock closes nothing that another thread opened meanwhile")
func refusedLockClosesOnce() throws {
    let folder = StoreFolder()
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    let path = folder.path + "/lock"
    let held = try FileLock(waitingFor: path)
    let isOver = Atomic<Bool>(false)
    let lost = Atomic<Int>(0)
    // A descriptor closed twice is soon one that this thread has open: enough rounds that they meet many times.
    DispatchQueue.concurrentPerform(iterations: 2) { index in
        if index == 0 {
            for _ in 0..<50_000 {
                if (try? FileLock(trying: path)) != nil || FileLock(existing: path) != nil {
                    lost.add(1, ordering: .relaxed)
                }
            }
            isOver.store(true, ordering: .relaxed)
        } else {
            while !isOver.load(ordering: .relaxed) {
                let descriptor = open("/dev/null", O_WRONLY | O_CLOEXEC)
                var byte: UInt8 = 0
                if write(descriptor, &byte, 1) != 1 { lost.add(1, ordering: .relaxed) }
                if close(descriptor) != 0 { lost.add(1, ordering: .relaxed) }
            }
        }
    }
    #expect(lost.load(ordering: .relaxed) == 0)
    withExtendedLifetime(held) {}
}
