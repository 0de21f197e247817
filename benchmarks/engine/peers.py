#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One engine that comes as a Python package, as a worker (see worker.hpp): peers.py ENGINE MODEL THREADS INPUT

ENGINE: onnxruntime, litert, litert-ref (its reference kernels), openvino, ncnn. INPUT: the bytes of input 0. The clock is
around the package's own call, so a few microseconds of Python are in these numbers (not in ONNX Runtime's: bench_ort).
"""

import json
import pathlib
import re
import sys
import time

import numpy as np

RUNS_MIN = 3


class OnnxRuntime:
    def __init__(self, model, threads, raw):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.start = time.perf_counter()
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        detail = self.session.get_inputs()[0]
        x = np.frombuffer(raw, np.float32).reshape(detail.shape)
        self.binding = self.session.io_binding()
        self.value = onnxruntime.OrtValue.ortvalue_from_numpy(x)
        self.binding.bind_ortvalue_input(detail.name, self.value)
        self.binding.bind_output(self.session.get_outputs()[0].name)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def output(self):
        return self.binding.copy_outputs_to_cpu()[0]


class LiteRt:
    reference = False

    def __init__(self, model, threads, raw):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
        resolver = OpResolverType.BUILTIN_REF if self.reference else OpResolverType.AUTO
        self.start = time.perf_counter()
        self.interpreter = Interpreter(model, num_threads=threads, experimental_op_resolver_type=resolver)
        self.interpreter.allocate_tensors()
        detail = self.interpreter.get_input_details()[0]
        self.interpreter.set_tensor(detail["index"], np.frombuffer(raw, detail["dtype"]).reshape(detail["shape"]))
        self.at = self.interpreter.get_output_details()[0]["index"]
        self.run = self.interpreter.invoke

    def output(self):
        return self.interpreter.get_tensor(self.at)


class LiteRtReference(LiteRt):
    reference = True


class OpenVino:
    def __init__(self, model, threads, raw):
        import openvino
        self.start = time.perf_counter()
        core = openvino.Core()
        # float32 as asked: its default may compute in bfloat16 where the processor has that.
        compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads,
                                                     "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False,
                                                     "NUM_STREAMS": 1})
        self.request = compiled.create_infer_request()
        port = compiled.inputs[0]
        x = np.frombuffer(raw, port.get_element_type().to_dtype()).reshape(list(port.get_shape()))
        self.tensor = openvino.Tensor(np.ascontiguousarray(x))
        self.request.set_input_tensor(0, self.tensor)

    def run(self):
        self.request.start_async()
        self.request.wait()

    def output(self):
        return self.request.get_output_tensor(0).data


class Ncnn:
    def __init__(self, model, threads, raw):
        import ncnn
        self.start = time.perf_counter()
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.opt.use_fp16_packed = self.net.opt.use_fp16_storage = self.net.opt.use_fp16_arithmetic = False
        self.net.opt.use_bf16_storage = False
        if self.net.load_param(model + ".param") != 0 or self.net.load_model(model + ".bin") != 0:
            raise RuntimeError("ncnn cannot read " + model)
        first = pathlib.Path(model + ".param").read_text().splitlines()[2]
        dims = [int(part.split("=")[1]) for part in first.split() if "=" in part]
        x = np.frombuffer(raw, np.float32)
        x = x.reshape(dims[2], dims[1], dims[0]) if len(dims) == 3 else x
        self.mat = ncnn.Mat(np.ascontiguousarray(x)).clone()
        self.first, self.last = self.net.input_names()[0], self.net.output_names()[0]
        self.result = None

    def run(self):
        extractor = self.net.create_extractor()
        extractor.input(self.first, self.mat)
        _, self.result = extractor.extract(self.last)

    def output(self):
        return np.array(self.result)


ENGINES = {"onnxruntime": OnnxRuntime, "litert": LiteRt, "litert-ref": LiteRtReference, "openvino": OpenVino, "ncnn": Ncnn}


def tell(**row):
    print(json.dumps(row), flush=True)


def time_runs(run, seconds):
    clock = time.perf_counter_ns
    taken = []
    before = clock()
    end = before + seconds * 1e9
    while before < end or len(taken) < RUNS_MIN:
        run()
        after = clock()
        taken.append(after - before)
        before = after
    taken.sort()
    tell(runs=len(taken), median_us=taken[len(taken) // 2] / 1e3, min_us=taken[0] / 1e3)


def serve(engine):
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "time":
            time_runs(engine.run, float(argument))
        elif command == "answer":
            engine.run()
            value = np.ascontiguousarray(engine.output())
            value.tofile(argument)
            tell(outputs=[{"dtype": str(value.dtype), "shape": list(value.shape)}])
        elif command == "memory":
            tell(peak_kb=int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text()).group(1)))


def main():
    name, model, threads, path = sys.argv[1:5]
    try:
        engine = ENGINES[name](model, int(threads), pathlib.Path(path).read_bytes())
        loaded = time.perf_counter()
        engine.run()
        first = time.perf_counter()
    except Exception as error:  # whatever the package throws: the row says so
        tell(error=f"{type(error).__name__}: {error}"[:300])
        return 1
    tell(ready=True, load_us=(loaded - engine.start) * 1e6, first_us=(first - loaded) * 1e6)
    serve(engine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
