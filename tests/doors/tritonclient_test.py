#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives a running REST door with the public client `tritonclient[http]`, as its users do.

Usage: tritonclient_test.py HOST:PORT MODEL

Asks health and metadata, sends zeros of the model's own input shapes in binary and in JSON, wants outputs in both
forms, and checks that errors arrive as the client's exception with our sentence in it. Exit 0: all held.
"""
import os
import sys

import numpy as np
import tritonclient.http as triton
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException, triton_to_np_dtype


def inputs_of(metadata, binary):
    inputs = []
    for spec in metadata["inputs"]:
        tensor = triton.InferInput(spec["name"], spec["shape"], spec["datatype"])
        data = np.zeros(spec["shape"], dtype=triton_to_np_dtype(spec["datatype"]))
        tensor.set_data_from_numpy(data, binary_data=binary)
        inputs.append(tensor)
    return inputs


def check_answer(result, metadata, outputs):
    response = result.get_response()
    assert response["model_name"] == metadata["name"], response
    for label in ("lichen_rung", "lichen_reason", "lichen_degraded", "lichen_latency_us"):
        assert label in response["parameters"], response
    for spec in metadata["outputs"]:
        if outputs is not None and spec["name"] not in outputs:
            continue
        array = result.as_numpy(spec["name"])
        assert array is not None, f"{spec['name']} is missing"
        assert list(array.shape) == spec["shape"], (array.shape, spec)
        assert array.dtype == triton_to_np_dtype(spec["datatype"]), (array.dtype, spec)


def check_health(client, model):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(model)
    assert not client.is_model_ready("no-such-model")
    server = client.get_server_metadata()
    assert server["name"] == "lichen" and "binary_tensor_data" in server["extensions"], server


def check_inference(client, model, metadata):
    first = metadata["outputs"][0]["name"]
    answers = {}
    for binary_in in (True, False):
        inputs = inputs_of(metadata, binary_in)
        answers[binary_in] = client.infer(model, inputs, request_id="7", parameters={"lichen_deadline_ms": 5000})
        assert answers[binary_in].get_response()["id"] == "7"
        check_answer(answers[binary_in], metadata, None)
        for binary_out in (True, False):
            wanted = [triton.InferRequestedOutput(first, binary_data=binary_out)]
            result = client.infer(model, inputs, outputs=wanted, headers={"X-Lichen-Deadline-Ms": "5000"})
            check_answer(result, metadata, [first])
    check_answer(client.async_infer(model, inputs_of(metadata, True)).get_result(), metadata, None)


def check_compression(client, model, metadata):
    plain = client.infer(model, inputs_of(metadata, True), request_id="i" * 1000)
    for coding in ("gzip", "deflate"):
        for binary in (True, False):
            result = client.infer(model, inputs_of(metadata, binary), request_id="i" * 1000,
                                  request_compression_algorithm=coding, response_compression_algorithm=coding)
            check_answer(result, metadata, None)
            assert result.get_response()["id"] == "i" * 1000
            for spec in metadata["outputs"]:
                assert np.array_equal(result.as_numpy(spec["name"]), plain.as_numpy(spec["name"])), spec


def check_config(client, model, metadata):
    config = client.get_model_config(model)
    assert (config["name"], config["max_batch_size"]) == (model, 0), config
    for key, specs in (("input", metadata["inputs"]), ("output", metadata["outputs"])):
        assert [t["name"] for t in config[key]] == [s["name"] for s in specs], config
        assert [t["dims"] for t in config[key]] == [s["shape"] for s in specs], config
        assert [t["data_type"] for t in config[key]] == ["TYPE_" + s["datatype"] for s in specs], config
    assert client.get_model_config(model, model_version=metadata["versions"][0]) == config


def check_statistics(client, model, metadata):
    def now():
        return client.get_inference_statistics(model)["model_stats"][0]

    before = now()
    assert before["name"] == model and before["version"] == metadata["versions"][0], before
    for _ in range(5):
        client.infer(model, inputs_of(metadata, True))
    expect_error("lichen_min_rung", lambda: client.infer(model, inputs_of(metadata, True),
                                                         parameters={"lichen_min_rung": "nobody"}))
    after = now()
    for name in ("success", "compute_input", "compute_infer", "compute_output"):
        a, b = before["inference_stats"][name], after["inference_stats"][name]
        assert b["count"] == a["count"] + 5 and b["ns"] > a["ns"], (name, a, b)
    stats = after["inference_stats"]
    assert stats["fail"]["count"] == before["inference_stats"]["fail"]["count"] + 1, stats
    parts = sum(stats[name]["ns"] for name in ("compute_input", "compute_infer", "compute_output"))
    assert parts == stats["success"]["ns"], stats
    assert after["inference_count"] == before["inference_count"] + 5, after
    assert after["execution_count"] >= before["execution_count"] + 5, after
    assert after["batch_stats"][0]["compute_infer"] == stats["compute_infer"], after
    assert after["last_inference"] > 1_600_000_000_000, after
    assert client.get_inference_statistics()["model_stats"][0]["name"] == model


def check_repository(client, model, metadata):
    def state():
        return next(m for m in client.get_model_repository_index() if m["name"] == model)

    assert state() == {"name": model, "version": metadata["versions"][0], "state": "READY", "reason": ""}, state()
    client.unload_model(model)
    assert not client.is_model_ready(model)
    assert client.is_server_ready()
    assert (state()["state"], state()["reason"]) == ("UNAVAILABLE", "unloaded"), state()
    expect_error("it is unloaded", lambda: client.infer(model, inputs_of(metadata, True)))
    assert client.get_model_metadata(model) == metadata
    client.load_model(model)
    assert client.is_model_ready(model)
    check_answer(client.infer(model, inputs_of(metadata, True)), metadata, None)
    client.load_model(model)  # once more: it starts anew
    check_answer(client.infer(model, inputs_of(metadata, True)), metadata, None)
    expect_error("does not serve it", lambda: client.load_model("no-such-model"))
    expect_error("not taken from clients", lambda: client.load_model(model, config="{}"))


def check_shared_memory(client, model, metadata):
    assert client.get_system_shared_memory_status() == []
    assert client.get_cuda_shared_memory_status() == []
    expect_error("CUDA memory", lambda: client.register_cuda_shared_memory("gpu", b"handle", 0, 64))
    expect_error("No such file", lambda: client.register_system_shared_memory("none", "lichen_no_such_key", 64))
    plain = client.infer(model, inputs_of(metadata, True))
    region = shm.create_shared_memory_region("tensors", f"lichen_test_{os.getpid()}", 1 << 16, create_only=True)
    try:
        client.register_system_shared_memory("tensors", f"lichen_test_{os.getpid()}", 1 << 16)
        status = client.get_system_shared_memory_status()
        assert [(s["name"], s["byte_size"]) for s in status] == [("tensors", 1 << 16)], status
        inputs, at = [], 0
        for spec in metadata["inputs"]:
            data = np.zeros(spec["shape"], dtype=triton_to_np_dtype(spec["datatype"]))
            shm.set_shared_memory_region(region, [data], offset=at)
            tensor = triton.InferInput(spec["name"], spec["shape"], spec["datatype"])
            tensor.set_shared_memory("tensors", data.nbytes, offset=at)
            inputs.append(tensor)
            at += data.nbytes
        outputs, places = [], {}
        for spec in metadata["outputs"]:
            size = int(np.prod(spec["shape"])) * np.dtype(triton_to_np_dtype(spec["datatype"])).itemsize
            outputs.append(triton.InferRequestedOutput(spec["name"]))
            outputs[-1].set_shared_memory("tensors", size, offset=at)
            places[spec["name"]] = at
            at += size
        result = client.infer(model, inputs, outputs=outputs)
        for spec in metadata["outputs"]:
            parameters = result.get_output(spec["name"])["parameters"]
            assert parameters["shared_memory_region"] == "tensors", parameters
            got = shm.get_contents_as_numpy(region, triton_to_np_dtype(spec["datatype"]), spec["shape"],
                                            offset=places[spec["name"]])
            assert np.array_equal(got, plain.as_numpy(spec["name"])), (got, plain.as_numpy(spec["name"]))
        os.truncate(f"/dev/shm/lichen_test_{os.getpid()}", 1)
        expect_error("shorter", lambda: client.infer(model, inputs, outputs=outputs))
    finally:
        shm.destroy_shared_memory_region(region)
    client.unregister_system_shared_memory("tensors")
    expect_error("not registered", lambda: client.infer(model, inputs))
    client.unregister_system_shared_memory()
    assert client.get_system_shared_memory_status() == []
    assert client.is_server_live()


def expect_error(words, call):
    try:
        call()
    except InferenceServerException as error:
        assert words in error.message(), error.message()
        return
    raise AssertionError(f"no error with '{words}'")


def check_errors(client, model, metadata):
    spec = metadata["inputs"][0]
    wrong_shape = triton.InferInput(spec["name"], [3, 1, 4, 1], spec["datatype"])
    wrong_shape.set_data_from_numpy(np.zeros([3, 1, 4, 1], dtype=triton_to_np_dtype(spec["datatype"])))
    expect_error("shape: it is [3, 1, 4, 1]", lambda: client.infer(model, [wrong_shape]))
    wrong_name = triton.InferInput("nobody", [1], "FP32")
    wrong_name.set_data_from_numpy(np.zeros([1], dtype=np.float32))
    expect_error("no such input", lambda: client.infer(model, [wrong_name]))
    good = inputs_of(metadata, True)
    expect_error("does not serve it", lambda: client.infer("no-such-model", good))
    expect_error("lichen_min_rung", lambda: client.infer(model, good, parameters={"lichen_min_rung": "no-such-rung"}))
    expect_error("nothing is served", client.get_trace_settings)


def main():
    url, model = sys.argv[1:]
    with triton.InferenceServerClient(url, concurrency=2, network_timeout=20.0) as client:
        check_health(client, model)
        metadata = client.get_model_metadata(model)
        check_inference(client, model, metadata)
        check_compression(client, model, metadata)
        check_config(client, model, metadata)
        check_statistics(client, model, metadata)
        check_shared_memory(client, model, metadata)
        check_repository(client, model, metadata)
        check_errors(client, model, metadata)
        check_inference(client, model, metadata)
    print(f"tritonclient: all held for model {model} at {url}")


if __name__ == "__main__":
    main()
