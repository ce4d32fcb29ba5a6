"""One rival in a process of its own: measures what it is asked for, and waits otherwise.

Reads requests as JSON lines and answers each with a line. A process of its own, so that the threads of one rival
do not spin beside another's run.

    {"cell": "lstm", "mode": "forward", "precision": "float32", "threads": 1,
     "T": 100, "B": 32, "I": 64, "H": 128, "seconds": 0.3}
    → {"seconds": 0.0123, "form": "torch.nn.LSTM, time first, inference_mode"}
    → {"unsupported": "why"}

A single step (T = 1) is one of a stream: its last state is the next step's first.
"""

import json
import sys
import time

GATES = {"lstm": 4, "gru": 3, "elman": 1}


def shortest(run, seconds, threads, blocks=4):
    """The shortest mean of several blocks of runs, in seconds: the one that other work disturbed least.

    One thread is timed by the processor time of this process, so that what else the machine runs does not count;
    several by the clock on the wall.
    """
    clock = time.process_time if threads == 1 else time.perf_counter

    def mean(count):
        began = clock()
        for _ in range(count):
            run()
        return (clock() - began) / count

    run()
    once = mean(1)
    if once < 1e-3:  # the second call may still be warming up
        once = mean(max(1, int(2e-3 / max(once, 1e-6))))
    count = max(1, int(seconds / blocks / once))
    return min([once] + [mean(count) for _ in range(blocks if once * blocks <= 2 * seconds else 1)])


class Torch:
    """PyTorch, eager. Sequences with time first (its own layout); a step by the cell or the layer, whichever is faster."""

    def __init__(self):
        import torch

        self.torch = torch
        self.version = torch.__version__
        self.threads = None

    def set_threads(self, threads):
        if threads != self.threads:
            self.torch.set_num_threads(threads)
            self.threads = threads

    def forms(self, row):
        torch = self.torch
        self.set_threads(row["threads"])
        T, B, I, H = row["T"], row["B"], row["I"], row["H"]
        if row["precision"] != "float32":
            return
        layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "elman": torch.nn.RNN}[row["cell"]](I, H)
        name = type(layer).__name__
        x = torch.randn(T, B, I)
        if row["mode"] == "train":
            x.requires_grad_(True)
            dy = torch.randn(T, B, H)
            parameters = [x] + list(layer.parameters())

            def train():
                for parameter in parameters:
                    parameter.grad = None
                layer(x)[0].backward(dy)

            yield f"torch.nn.{name}, time first, forward and backward", train
            return
        layer.eval()
        if T == 1:
            zero = torch.zeros(1, B, H)
            states = [(zero, zero) if row["cell"] == "lstm" else zero]

            def step():
                with torch.inference_mode():
                    states[0] = layer(x, states[0])[1]

            yield f"torch.nn.{name}, one step a call, inference_mode", step
            kind = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "elman": torch.nn.RNNCell}[row["cell"]]
            cell = kind(I, H).eval()
            row_x = x[0]
            zero_row = torch.zeros(B, H)
            cells = [(zero_row, zero_row) if row["cell"] == "lstm" else zero_row]

            def cell_step():
                with torch.inference_mode():
                    cells[0] = cell(row_x, cells[0])

            yield f"torch.nn.{kind.__name__}, inference_mode", cell_step
            return

        def forward():
            with torch.inference_mode():
                layer(x)

        yield f"torch.nn.{name}, time first, inference_mode", forward


def onnx_model(row, step):
    """One LSTM, GRU (reset after) or RNN node; a step has its state as inputs and outputs."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    T, B, I, H = row["T"], row["B"], row["I"], row["H"]
    gates = GATES[row["cell"]]
    kind = {"lstm": "LSTM", "gru": "GRU", "elman": "RNN"}[row["cell"]]
    random = np.random.default_rng(1)
    scale = 1 / np.sqrt(H)

    def weights(*shape):
        return (random.uniform(-scale, scale, shape)).astype(np.float32)

    constants = [
        numpy_helper.from_array(weights(1, gates * H, I), "W"),
        numpy_helper.from_array(weights(1, gates * H, H), "R"),
        numpy_helper.from_array(weights(1, 2 * gates * H), "bias"),
    ]
    carried = ["h", "c"] if row["cell"] == "lstm" else ["h"]
    inputs = [helper.make_tensor_value_info("X", TensorProto.FLOAT, [T, B, I])]
    outputs = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [T, 1, B, H])]
    node_inputs, node_outputs = ["X", "W", "R", "bias"], ["Y"]
    if step:
        inputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, B, H]) for name in carried]
        # The state alone is asked for: Y of one step is the same numbers.
        outputs = [helper.make_tensor_value_info(name + "_out", TensorProto.FLOAT, [1, B, H]) for name in carried]
        node_inputs += [""] + carried
        node_outputs = [""] + [name + "_out" for name in carried]
    attributes = {"hidden_size": H}
    if row["cell"] == "gru":
        attributes["linear_before_reset"] = 1
    node = helper.make_node(kind, node_inputs, node_outputs, **attributes)
    graph = helper.make_graph([node], "layer", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
    model.ir_version = 8
    return model.SerializeToString(), carried


class OnnxRuntime:
    """ONNX Runtime on the processor: inputs and outputs bound once to memory that stays."""

    def __init__(self):
        import onnxruntime

        self.runtime = onnxruntime
        self.version = onnxruntime.__version__

    def forms(self, row):
        import numpy as np

        if row["mode"] == "train" or row["precision"] != "float32":
            return
        runtime = self.runtime
        T, B, I, H = row["T"], row["B"], row["I"], row["H"]
        step = T == 1
        model, carried = onnx_model(row, step)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = row["threads"]
        options.inter_op_num_threads = 1
        options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
        session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

        def value(*shape):
            return runtime.OrtValue.ortvalue_from_numpy(np.random.randn(*shape).astype(np.float32) * 0.1)

        x = value(T, B, I)
        if not step:
            binding = session.io_binding()
            binding.bind_ortvalue_input("X", x)
            binding.bind_ortvalue_output("Y", value(T, 1, B, H))
            yield "LSTM/GRU/RNN node, IOBinding", lambda: session.run_with_iobinding(binding)
            return
        sides = [{name: value(1, B, H) for name in carried} for _ in range(2)]
        bindings = []
        for side in range(2):
            binding = session.io_binding()
            binding.bind_ortvalue_input("X", x)
            for name in carried:
                binding.bind_ortvalue_input(name, sides[side][name])
                binding.bind_ortvalue_output(name + "_out", sides[1 - side][name])
            bindings.append(binding)
        turn = [0]

        def run():
            session.run_with_iobinding(bindings[turn[0]])
            turn[0] ^= 1

        yield "LSTM/GRU/RNN node, IOBinding, state bound to and fro", run


class OpenVINO:
    """OpenVINO: latency hint, one stream, infer requests that are used again. Its own operation and the imported ONNX node,
    each by both calls of a request; the fastest counts."""

    def __init__(self):
        import openvino

        self.openvino = openvino
        self.version = openvino.__version__
        self.core = openvino.Core()

    def compiled(self, model, row):
        return self.core.compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": "1",
                "INFERENCE_NUM_THREADS": str(row["threads"]),
                "INFERENCE_PRECISION_HINT": "bf16" if row["precision"] == "bfloat16" else "f32",
            },
        )

    def own_sequence(self, row):
        import numpy as np
        from openvino import Model, opset8 as op

        T, B, I, H = row["T"], row["B"], row["I"], row["H"]
        gates = GATES[row["cell"]]
        scale = 1 / np.sqrt(H)

        def weights(*shape):
            return op.constant(np.random.uniform(-scale, scale, shape).astype(np.float32))

        x = op.parameter([B, T, I], np.float32, name="X")
        h = op.parameter([B, 1, H], np.float32, name="h")
        lengths = op.constant(np.full(B, T, np.int32))
        W, R = weights(1, gates * H, I), weights(1, gates * H, H)
        if row["cell"] == "lstm":
            c = op.parameter([B, 1, H], np.float32, name="c")
            node = op.lstm_sequence(x, h, c, lengths, W, R, weights(1, 4 * H), H, "FORWARD")
            return Model([node.output(0), node.output(1), node.output(2)], [x, h, c], "layer")
        if row["cell"] == "gru":
            node = op.gru_sequence(
                x, h, lengths, W, R, weights(1, 4 * H), H, "FORWARD", linear_before_reset=True
            )
        else:
            node = op.rnn_sequence(x, h, lengths, W, R, weights(1, H), H, "FORWARD")
        return Model([node.output(0), node.output(1)], [x, h], "layer")

    def own_cell(self, row):
        import numpy as np
        from openvino import Model, opset8 as op

        B, I, H = row["B"], row["I"], row["H"]
        gates = GATES[row["cell"]]
        scale = 1 / np.sqrt(H)

        def weights(*shape):
            return op.constant(np.random.uniform(-scale, scale, shape).astype(np.float32))

        x = op.parameter([B, I], np.float32, name="X")
        h = op.parameter([B, H], np.float32, name="h")
        W, R = weights(gates * H, I), weights(gates * H, H)
        if row["cell"] == "lstm":
            c = op.parameter([B, H], np.float32, name="c")
            node = op.lstm_cell(x, h, c, W, R, weights(4 * H), H)
            return Model([node.output(0), node.output(1)], [x, h, c], "step")
        if row["cell"] == "gru":
            node = op.gru_cell(x, h, W, R, weights(4 * H), H, linear_before_reset=True)
        else:
            node = op.rnn_cell(x, h, W, R, weights(H), H, ["tanh"], [], [])
        return Model([node.output(0)], [x, h], "step")

    def forms(self, row):
        if row["mode"] == "train" or row["precision"] not in ("float32", "bfloat16"):
            return
        if row["precision"] == "bfloat16" and "BF16" not in self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            return
        step = row["T"] == 1
        own = ("cell operation", self.own_cell) if step else ("sequence operation, batch first", self.own_sequence)
        models = [(own[0], own[1](row))]
        if row["precision"] == "float32":
            name = "ONNX node" if step else "ONNX node, time first"
            models.append((name, self.core.read_model(onnx_model(row, step)[0], b"")))
        for name, model in models:
            requests = self.steps(model, row) if step else self.sequence(model, row)
            yield f"{name}, infer", self.turns(requests, lambda request: request.infer(share_outputs=True))
            yield f"{name}, start_async and wait", self.turns(requests, lambda r: (r.start_async(), r.wait()))

    @staticmethod
    def turns(requests, infer):
        turn = [0]

        def run():
            infer(requests[turn[0]])
            turn[0] = (turn[0] + 1) % len(requests)

        return run

    def sequence(self, model, row):
        import numpy as np

        request = self.compiled(model, row).create_infer_request()
        for index, port in enumerate(request.model_inputs):
            values = np.random.randn(*port.shape).astype(np.float32) * 0.1
            request.set_input_tensor(index, self.openvino.Tensor(values))
        return [request]

    def steps(self, model, row):
        """State inputs and outputs are bound to two sets of memory in turn, by two requests of one model."""
        import numpy as np

        compiled = self.compiled(model, row)
        shapes = [tuple(port.shape) for port in compiled.inputs]
        x = self.openvino.Tensor(np.random.randn(*shapes[0]).astype(np.float32) * 0.1)
        sides = [[self.openvino.Tensor(np.zeros(shape, np.float32)) for shape in shapes[1:]] for _ in range(2)]
        requests = []
        for side in range(2):
            request = compiled.create_infer_request()
            request.set_input_tensor(0, x)
            for index in range(len(shapes) - 1):
                request.set_input_tensor(1 + index, sides[side][index])
                request.set_output_tensor(index, sides[1 - side][index])
            requests.append(request)
        return requests


RIVALS = {"pytorch": Torch, "onnxruntime": OnnxRuntime, "openvino": OpenVINO}


def main():
    # Whatever a library prints goes beside the answers.
    answers = sys.stdout
    sys.stdout = sys.stderr
    rival = RIVALS[sys.argv[1]]()
    print(json.dumps({"version": rival.version}), file=answers, flush=True)
    # Forms are built once for a row and kept while it is asked for; the slower of two is asked for once only.
    key, forms = None, []
    for line in sys.stdin:
        row = json.loads(line)
        seconds = row.pop("seconds")
        if row != key:
            key, forms = row, []  # lets go of the old one before the new one is built
            forms = list(rival.forms(row))
            if len(forms) > 1:
                times = [shortest(run, seconds / 2, row["threads"]) for _, run in forms]
                forms = [forms[times.index(min(times))]]
        if not forms:
            answer = {"unsupported": f"{row['mode']} in {row['precision']}"}
        else:
            form, run = forms[0]
            if sys.argv[1] == "pytorch":
                rival.set_threads(row["threads"])
            answer = {"seconds": shortest(run, seconds, row["threads"]), "form": form}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
