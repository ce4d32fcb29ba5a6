import Service

/// What `--version` and the benchmarks tell of this build.
enum Version {
    static var text: String { Service.codeVersion }
}
