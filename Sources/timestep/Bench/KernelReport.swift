import Formats
import Kernels

/// The figures of one run of `timestep bench kernels`, as a table and as a file.
struct KernelReport {
    var machine: Machine
    var rows: [Row] = []

    /// The limits of one thread; nil where the processor has no such instructions, or they were not measured.
    struct Machine {
        var cpu: String
        var instructionSet: String
        /// Under the names of the file, in its order.
        var figures: [(name: String, value: Double?)]

        init(_ set: InstructionSet, _ limits: MachineLimits?) {
            cpu = Processor.name
            instructionSet = set.rawValue
            figures = Precision.allCases.map { precision in
                (Self.name(precision), limits?.operationsPerSecond(precision).map { $0 / 1e9 })
            }
            let levels: [(String, KeyPath<CacheSizes, Int>)] = [
                ("l1_gbps", \.withinFirst), ("l2_gbps", \.withinSecond), ("l3_gbps", \.withinThird),
                ("memory_gbps", \.beyond),
            ]
            figures += levels.map { name, size in
                (name, limits.map { $0.bytesPerSecond(workingSet: $0.caches[keyPath: size]) / 1e9 })
            }
        }

        init(cpu: String, instructionSet: String) {
            (self.cpu, self.instructionSet, figures) = (cpu, instructionSet, [])
        }

        private static func name(_ precision: Precision) -> String {
            switch precision {
            case .float32: "fma_gflops"
            case .bfloat16: "bf16_gflops"
            case .int8: "int8_gops"
            }
        }

        var lines: [String] {
            var lines = ["\(cpu), \(instructionSet)"]
            let values = Dictionary(uniqueKeysWithValues: figures.map { ($0.name, $0.value) })
            func text(_ name: String) -> String { Numerals.fixed(values[name] ?? nil, 0) }
            guard figures.contains(where: { $0.value != nil }) else { return lines }
            lines.append(
                "  one thread, in registers: float32 \(text("fma_gflops")), bfloat16 \(text("bf16_gflops")), "
                    + "8-bit \(text("int8_gops")) thousand million operations/s")
            lines.append(
                "  one thread, read from: first cache \(text("l1_gbps")), second \(text("l2_gbps")), third "
                    + "\(text("l3_gbps")), memory \(text("memory_gbps")) GB/s")
            return lines
        }
    }

    struct Row {
        var item: KernelCase
        var seconds: Double
        var percentOfLimit: Double?

        init(_ item: KernelCase, seconds: Double, percentOfLimit: Double?) {
            (self.item, self.seconds, self.percentOfLimit) = (item, seconds, percentOfLimit)
        }

        var flops: Double { item.operations / seconds }
    }

    init(machine: Machine) { self.machine = machine }

    // MARK: Table

    static func lines(_ shape: BenchShape, _ rows: [Row], earlier: KernelReport?) -> [String] {
        var columns: [(String, TextTable.Alignment)] = [
            ("cell", .left), ("mode", .left), ("precision", .left), ("threads", .right), ("us", .right),
            ("GFLOP/s", .right), ("of limit", .right),
        ]
        if earlier != nil { columns += [("earlier us", .right), ("earlier/now", .right)] }
        var table = TextTable(columns)
        for row in rows {
            var cells = [
                row.item.cell.rawValue, shape.isStep ? "step" : row.item.mode.rawValue, row.item.precision.rawValue,
                "\(row.item.threads)", Numerals.short(row.seconds * 1e6), Numerals.fixed(row.flops / 1e9, 1),
                row.percentOfLimit.map { Numerals.fixed($0, 0) + "%" } ?? "-",
            ]
            if let earlier {
                let before = earlier.rows.first { $0.item == row.item }?.seconds
                cells += [
                    before.map { Numerals.short($0 * 1e6) } ?? "-",
                    before.map { Numerals.fixed($0 / row.seconds, 2) } ?? "-",
                ]
            }
            table.add(cells)
        }
        let title =
            "\(Numerals.count(shape.steps, "step")) x \(Numerals.count(shape.batch, "sequence")), "
            + "\(shape.inputs) -> \(shape.hidden)"
        return [title] + table.lines(for: .plain, indent: 2)
    }

    // MARK: File

    var document: JSON {
        var machine = JSONObject()
        machine["cpu"] = .string(self.machine.cpu)
        machine["instruction_set"] = .string(self.machine.instructionSet)
        for (name, value) in self.machine.figures { machine[name] = value.map { .number(Self.rounded($0)) } ?? .null }
        let rows = rows.map { row -> JSON in
            [
                "cell": .string(row.item.cell.rawValue), "mode": .string(row.item.mode.rawValue),
                "precision": .string(row.item.precision.rawValue), "threads": .number(Double(row.item.threads)),
                "T": .number(Double(row.item.shape.steps)), "B": .number(Double(row.item.shape.batch)),
                "I": .number(Double(row.item.shape.inputs)), "H": .number(Double(row.item.shape.hidden)),
                "microseconds": .number(Self.rounded(row.seconds * 1e6)),
                "gflops": .number(Self.rounded(row.flops / 1e9)),
                "percent_of_limit": row.percentOfLimit.map { .number(Self.rounded($0)) } ?? .null,
            ]
        }
        return ["machine": .object(machine), "rows": .array(rows)]
    }

    /// Five significant digits: no clock tells more.
    private static func rounded(_ value: Double) -> Double {
        guard value.isFinite, value != 0 else { return 0 }
        var scale = 1.0
        while abs(value) * scale < 10_000 { scale *= 10 }
        return (value * scale).rounded() / scale
    }

    init(file path: String) throws(CommandError) {
        let document: JSON
        do {
            document = try JSON.parse(try Files.read(path))
        } catch {
            throw (error as? CommandError) ?? CommandError(.file, "\(path) is no JSON: \(error)")
        }
        guard let machine = document["machine"], let rows = document["rows"]?.array else {
            throw CommandError(.file, "\(path) is no file that timestep bench kernels --json wrote")
        }
        self.machine = Machine(
            cpu: machine["cpu"]?.string ?? "", instructionSet: machine["instruction_set"]?.string ?? "")
        for (number, row) in rows.enumerated() {
            guard let cell = row["cell"]?.string.flatMap(BenchCell.init), let steps = row["T"]?.int,
                let mode = row["mode"]?.string.flatMap(BenchMode.init), let batch = row["B"]?.int,
                let precision = row["precision"]?.string.flatMap(Precision.init), let inputs = row["I"]?.int,
                let threads = row["threads"]?.int, let hidden = row["H"]?.int,
                let microseconds = row["microseconds"]?.double
            else { throw CommandError(.file, "\(path): row \(number) is not one of timestep bench kernels") }
            let item = KernelCase(
                shape: BenchShape(steps, batch, inputs, hidden), cell: cell, mode: mode, precision: precision,
                threads: threads)
            self.rows.append(
                Row(item, seconds: microseconds / 1e6, percentOfLimit: row["percent_of_limit"]?.double))
        }
    }
}
