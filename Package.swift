// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors in our own targets; dependencies keep their own settings.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

// Numeric loops are a hundred times slower without optimization, so these targets are optimized in debug builds too; and
// those on the way of a served step, whose allocations a test counts.
let optimized: [SwiftSetting] = strict + [.unsafeFlags(["-O"])]

/// The hot loops, compiled once per instruction set from one folder (Sources/KernelBodies, linked under each name); the
/// 16-bit and 8-bit dot products of AVX-512, which not every such processor has, from folders of their own.
/// `-Xcc -m…` is what reaches Swift's code generator; `-target-cpu x86-64-v4` is refused by the driver.
func kernelBodies(_ name: String, define: String, flags: [String]) -> Target {
    .target(
        name: name,
        dependencies: ["CVectors"],
        path: "Sources/\(name)",
        swiftSettings: strict + [
            .define(define),
            // The whole module at once, or a debug build leaves the generic tiles unspecialised (a hundred times slower);
            // one thread, so that this agrees with the index that debug builds write.
            .unsafeFlags(
                ["-O", "-Ounchecked", "-disable-batch-mode", "-whole-module-optimization", "-num-threads", "1"]
                    + flags.flatMap { ["-Xcc", $0] }),
        ])
}

#if arch(x86_64)
let avx512 = ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma", "-mprefer-vector-width=512"]
let instructionSets: [Target] = [
    kernelBodies("KernelsBaseline", define: "KERNELS_BASELINE", flags: []),
    kernelBodies("KernelsAVX2", define: "KERNELS_AVX2", flags: ["-mavx2", "-mfma"]),
    kernelBodies("KernelsAVX512", define: "KERNELS_AVX512", flags: avx512),
    // Two targets, because there are processors with one and without the other.
    kernelBodies("KernelsAVX512BF16", define: "KERNELS_AVX512", flags: avx512 + ["-mavx512bf16"]),
    kernelBodies("KernelsAVX512VNNI", define: "KERNELS_AVX512", flags: avx512 + ["-mavx512vnni"]),
]
#else
// Arm builds from the same source: NEON is the baseline there and has fused multiply-add.
let instructionSets: [Target] = [
    kernelBodies("KernelsBaseline", define: "KERNELS_NEON", flags: [])
]
#endif

let package = Package(
    name: "timestep",
    products: [.executable(name: "timestep", targets: ["timestep"])],
    dependencies: [
        // Command line: parsing, help and completion are solved problems.
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        // Double-ended queues and heaps, for what waits its turn and what comes due.
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        // The logging facade of Swift servers; the handler that writes JSON lines is ours.
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        // SQLite: migrations, connection pool, transactions as closures, typed rows.
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        // YAML: the configuration file, and the test that holds openapi.yaml to the code.
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: instructionSets + [
        // Shims over C libraries: headers only.
        .systemLibrary(
            name: "CCrypto", path: "Sources/CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CCallgrind", path: "Sources/CCallgrind"),
        .target(name: "CCrash", path: "Sources/CCrash"),
        .target(name: "CPosix", path: "Sources/CPosix"),
        .systemLibrary(name: "CVectors", path: "Sources/CVectors"),

        // What requests share and how they end; known to both halves.
        .target(
            name: "Resources", dependencies: ["CCrypto", .product(name: "HeapModule", package: "swift-collections")],
            swiftSettings: optimized),

        // Fields by name, told once.
        .target(name: "NamedFields", swiftSettings: optimized),

        // Learning.
        .target(
            name: "Kernels",
            dependencies: ["NamedFields", "CVectors"] + instructionSets.map { .byName(name: $0.name) },
            swiftSettings: optimized),
        .target(
            name: "Networks", dependencies: ["Resources", "NamedFields", "Kernels"],
            swiftSettings: optimized),
        .target(
            name: "Models", dependencies: ["Resources", "NamedFields", "Kernels", "Networks"],
            swiftSettings: optimized),
        .target(
            name: "Training", dependencies: ["Resources", "NamedFields", "Kernels", "Networks", "Models"],
            swiftSettings: optimized),
        .target(
            name: "Formats", dependencies: ["Resources", "NamedFields", "Networks", "Models", "Training"],
            swiftSettings: optimized),

        // Wire.
        .target(name: "Wire", swiftSettings: optimized),
        .target(
            name: "HTTPServer",
            dependencies: [
                "Resources", "Wire", "CPosix", .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),

        // Between them.
        .target(
            name: "Store",
            dependencies: ["Resources", "CPosix", .product(name: "GRDB", package: "GRDB.swift")], swiftSettings: strict),
        .target(
            name: "Service",
            dependencies: [
                "Resources", "NamedFields", "Kernels", "Networks", "Models", "Training", "Formats", "Store", "CPosix",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: optimized),
        .target(name: "COpenAPI", path: "Sources/COpenAPI", cSettings: [.unsafeFlags(["-std=c23"])]),
        .target(
            name: "API",
            dependencies: [
                "Resources", "NamedFields", "Kernels", "Networks", "Models", "Training", "Formats", "Wire",
                "HTTPServer", "Store",
                "Service", "CCrypto", "COpenAPI", .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: optimized),
        .executableTarget(
            name: "timestep",
            dependencies: [
                "Resources", "NamedFields", "Kernels", "Networks", "Models", "Training", "Formats", "Wire",
                "HTTPServer", "Store",
                "Service", "API", "CPosix", "CCallgrind", "CCrash",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"), "Yams",
            ], swiftSettings: strict),

        // Tests, laid out like the sources.
        .target(
            name: "TestSupport", dependencies: ["Kernels", "Networks", "Models", "Training", "Formats"],
            path: "Tests/TestSupport",
            swiftSettings: optimized),
        .testTarget(name: "SourcesTests", swiftSettings: strict),
        .testTarget(name: "ResourcesTests", dependencies: ["Resources"], swiftSettings: strict),
        .testTarget(name: "NamedFieldsTests", dependencies: ["NamedFields"], swiftSettings: strict),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "TestSupport"], swiftSettings: optimized),
        .testTarget(
            name: "NetworksTests",
            dependencies: ["Resources", "NamedFields", "Kernels", "Networks", "Formats", "TestSupport"],
            swiftSettings: optimized),
        .testTarget(
            name: "ModelsTests",
            dependencies: ["Resources", "Kernels", "Networks", "Models", "Formats", "TestSupport"],
            swiftSettings: optimized),
        // Counts what is allocated, for tests that say that nothing is.
        .target(name: "CAllocations", path: "Tests/CAllocations"),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "NamedFields", "Kernels", "Networks", "Models", "Training", "Formats", "TestSupport", "CAllocations",
            ],
            swiftSettings: optimized),
        .testTarget(
            name: "FormatsTests", dependencies: ["Resources", "NamedFields", "Formats", "TestSupport"],
            swiftSettings: optimized),
        .testTarget(name: "WireTests", dependencies: ["Wire"], swiftSettings: strict),
        .testTarget(name: "HTTPServerTests", dependencies: ["Resources", "Wire", "HTTPServer"], swiftSettings: strict),
        .testTarget(
            name: "StoreTests", dependencies: ["Resources", "Store", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .testTarget(
            name: "ServiceTests", dependencies: ["NamedFields", "Service", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "APITests",
            dependencies: [
                "Resources", "NamedFields", "Kernels", "Networks", "Models", "API", "HTTPServer", "TestSupport",
                "CAllocations", "Yams",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "timestepTests", dependencies: ["NamedFields", "timestep", "TestSupport", "CCrash"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
