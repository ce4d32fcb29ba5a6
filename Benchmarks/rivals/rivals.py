#!/usr/bin/env python3
"""timestep beside PyTorch, ONNX Runtime and OpenVINO: same cells, shapes, modes and precisions, in turns, in one run.

    make rivals                                  everything, one thread and then two (about half an hour)
    make rivals RIVALS="--rows step --rounds 3"  some of it

For every row each library and timestep take their turn, several rounds over; a row's figure is the median of the
rounds, and its ratio the best rival's time divided by ours. Each runs in a process of its own, in the fastest form
that its interface has; the report names the form. One thread is timed by processor time on all sides, so that other
work on the machine disturbs little; several threads by the clock.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
CELLS = ["lstm", "gru", "elman"]
BATCHES = [(100, 32, 64, 128), (100, 32, 256, 256), (50, 64, 512, 512), (25, 64, 1024, 1024)]
ALONE = [(100, 1, 128, 256)]
STEPS = [(1, 1, 64, 64), (1, 1, 256, 256), (1, 1, 1024, 1024)]
WIDE_STEPS = [(1, 64, 256, 256)]
# Wide enough for two threads, whatever the library.
TWO_THREADS = BATCHES[2:]
# Helper threads of a library watch for more work before they sleep; OpenMP's of Intel for 0.2 s.
SETTLING_SECONDS = 0.25


class Group:
    """The rows of one line of the report. `beside` names what they are held against where it is not the rivals: a
    form of our own, as the members of a row that differ."""

    def __init__(self, key, title, cells, shapes, mode="forward", precision="float32", threads=1, beside=None):
        self.key, self.title, self.beside = key, title, beside
        self.rows = [
            dict(cell=cell, mode=mode, precision=precision, threads=threads, T=T, B=B, I=I, H=H)
            for cell in cells
            for (T, B, I, H) in shapes
        ]


def groups(threads):
    found = []
    for cell in CELLS:
        found.append(Group("forward", f"forward, float32, {cell}", [cell], BATCHES))
    found.append(Group("alone", "forward, float32, one sequence", CELLS, ALONE))
    for cell in CELLS:
        found.append(Group("step", f"one step, batch 1, {cell}", [cell], STEPS))
    found.append(Group("step", "one step, batch 64", CELLS, WIDE_STEPS))
    for cell in CELLS:
        found.append(Group("bfloat16", f"forward, bfloat16, {cell}", [cell], BATCHES, precision="bfloat16"))
    for precision in ("bfloat16", "int8"):
        title = f"one step, batch 1, {precision} beside our float32"
        found.append(Group("reduced", title, CELLS, STEPS, precision=precision, beside=dict(precision="float32")))
    for cell in CELLS:
        found.append(Group("train", f"training step, {cell}", [cell], BATCHES, mode="train"))
    if threads > 1:
        for mode, name in (("forward", "forward"), ("train", "training step")):
            for cell in CELLS:
                found.append(
                    Group("threads", f"{name}, {threads} threads, {cell}", [cell], TWO_THREADS, mode, threads=threads)
                )
            title = f"{name}, {threads} threads beside our one"
            found.append(Group("threads", title, CELLS, TWO_THREADS, mode, threads=threads, beside=dict(threads=1)))
    return found


class Rival:
    """A worker process that answers one request at a time."""

    def __init__(self, name, threads):
        self.name = name
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, env=environment,
        )
        self.form = {}
        first = self.process.stdout.readline()
        if not first:
            raise SystemExit(f"{name} does not start:\n{self.words()}")
        self.version = json.loads(first)["version"]

    def seconds(self, row, seconds):
        self.process.stdin.write(json.dumps(dict(row, seconds=seconds)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended on {row}:\n{self.words()}")
        answer = json.loads(line)
        self.form[key(row)] = answer.get("form")
        return answer.get("seconds")

    def words(self):
        """What it said beside its answers."""
        self.process.wait()
        self.errors.seek(0)
        return self.errors.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Timestep:
    """The program under test, started anew for every turn; it answers with its own measurement."""

    def __init__(self, program, instruction_set, name="timestep", members=None):
        self.program, self.instruction_set, self.name = program, instruction_set, name
        # Members of a row that this side measures in another way.
        self.members = members or {}

    def run(self, row, seconds, limits):
        # Several threads are timed by the clock, and so is what stands beside them.
        clock = "wall" if row["threads"] > 1 else "auto"
        row = dict(row, **self.members)
        shape = "x".join(str(row[letter]) for letter in "TBIH")
        command = [
            self.program, "bench", "kernels", "--cells", row["cell"], "--shapes", shape, "--modes", row["mode"],
            "--precisions", row["precision"], "--threads", str(row["threads"]), "--repetitions", "1", "--clock", clock,
            "--seconds", str(seconds), "--instruction-set", self.instruction_set, "--json", "-",
        ] + ([] if limits else ["--no-limits"])  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{result.stderr}")
        return json.loads(result.stdout)

    def seconds(self, row, seconds):
        return self.run(row, seconds, limits=False)["rows"][0]["microseconds"] / 1e6


def key(row):
    return tuple(sorted(row.items()))


def operations(row):
    gates = {"lstm": 4, "gru": 3, "elman": 1}[row["cell"]]
    forward = 2 * row["T"] * row["B"] * gates * row["H"] * (row["I"] + row["H"])
    return 3 * forward if row["mode"] == "train" else forward


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))


def measure(row, sides, rounds, seconds):
    """The median of every side's turns; the order is turned round each time."""
    times = {side.name: [] for side in sides}
    silent = set()
    for turn in range(rounds):
        for side in sides if turn % 2 == 0 else sides[::-1]:
            if side.name in silent:
                continue
            if row["threads"] > 1:
                time.sleep(SETTLING_SECONDS)
            value = side.seconds(row, seconds)
            if value is None:
                silent.add(side.name)
            else:
                times[side.name].append(value)
    return {name: statistics.median(values) for name, values in times.items() if values}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--timestep", default=str(REPOSITORY / ".build/release/timestep"), help="the program")
    parser.add_argument("--instruction-set", default="auto", help="of timestep")
    parser.add_argument("--rivals", default="pytorch,onnxruntime,openvino", help="which, separated by commas")
    parser.add_argument("--rows", default="", help="only forward, alone, step, bfloat16, reduced, train, threads (commas)")
    parser.add_argument("--cells", default=",".join(CELLS), help="only these cells (commas)")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="of the rows with several")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (default 5)")
    parser.add_argument("--seconds", type=float, default=0.15, help="of each turn (default 0.15)")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    options = parser.parse_args()

    wanted = [group for group in groups(options.threads) if not options.rows or group.key in options.rows.split(",")]
    for group in wanted:
        group.rows = [row for row in group.rows if row["cell"] in options.cells.split(",")]
    wanted = [group for group in wanted if group.rows]
    if not wanted:
        raise SystemExit("nothing to measure: see --rows and --cells")
    rivals = [Rival(name, options.threads) for name in options.rivals.split(",") if name]
    own = Timestep(options.timestep, options.instruction_set)

    machine = own.run(wanted[0].rows[0], options.seconds, limits=True)["machine"]
    print(f"{machine['cpu']}, {machine['instruction_set']}, {os.cpu_count()} cores; " + ", ".join(
        f"{rival.name} {rival.version}" for rival in rivals))  # fmt: skip
    limits = [name for name in machine if isinstance(machine[name], (int, float))]
    print("limits of one thread: " + ", ".join(f"{name} {machine[name]:.0f}" for name in limits))
    print(f"medians of {options.rounds} rounds in turns; ratio = best rival's time / ours; GF/s = GFLOP/s\n", flush=True)

    figures, means, began = [], [], time.time()
    for group in wanted:
        others = rivals
        if group.beside:
            others = [Timestep(options.timestep, options.instruction_set, "beside", group.beside)]
        names = [other.name for other in others]
        print(group.title)
        print("  " + f"{'T x B x I -> H':>22}  {'cell':5}  {'ours µs':>10} {'GF/s':>6}"
              + "".join(f"  {name + ' µs':>14} {'GF/s':>6}" for name in names) + f"  {'ratio':>6}")  # fmt: skip
        ratios = []
        for row in group.rows:
            times = measure(row, others + [own], options.rounds, options.seconds)
            ours = times.pop("timestep", None)
            best = min(times, key=times.get) if times else None
            ratio = times[best] / ours if ours and best else None
            if ratio:
                ratios.append(ratio)

            def cell(value, width):
                if not value:
                    return f"{'-':>{width}} {'':>6}"
                return f"{value * 1e6:>{width}.1f} {operations(row) / value / 1e9:>6.1f}"

            shape = f"{row['T']} x {row['B']} x {row['I']} -> {row['H']}"
            print("  " + f"{shape:>22}  {row['cell']:5}  {cell(ours, 10)}"
                  + "".join("  " + cell(times.get(name), 14) for name in names)
                  + (f"  {ratio:>6.2f}  {best}" if ratio else f"  {'-':>6}"), flush=True)  # fmt: skip
            figures.append(
                dict(row, line=group.title, ours=ours, ratio=ratio, best=best,
                     rivals={other.name: {"seconds": times[other.name],
                                          "form": group.beside or other.form[key(row)]}
                             for other in others if other.name in times})
            )  # fmt: skip
        if ratios:
            mean = geometric_mean(ratios)
            means.append((group.title, mean, min(ratios)))
            print(f"  {'geometric mean':>22} {mean:.2f}, least {min(ratios):.2f}")
        print(flush=True)

    if means:
        print(f"{'':45}  geometric mean  least")
        for title, mean, least in means:
            print(f"{title:45}  {mean:14.2f}  {least:5.2f}")
    print("\nforms:")
    for rival in rivals:
        forms = sorted({form for form in rival.form.values() if form})
        for form in forms:
            print(f"  {rival.name}: {form}")
    print(f"{time.time() - began:.0f} s")
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": machine, "rows": figures}, indent=1) + "\n")
    for rival in rivals:
        rival.close()


if __name__ == "__main__":
    main()
