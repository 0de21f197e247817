#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes moves.json: what LiteRT's reference kernels answer to single ops that move, make or resize tensors. Environment
and form of the cases: ops.py, beside this file."""
import numpy as np

import ops
from ops import Case, values

TYPES = (np.float32, np.int8, np.uint8, np.int32, np.int64, np.bool_)
Q8, QU8 = (0.05, 3), (0.05, 130)


def scale_of(dtype):
    return {np.int8: Q8, np.uint8: QU8}.get(dtype)


def ints(*numbers):
    return (np.array(numbers, np.int32), None, True)


def moved(tfl, op, x, parameters, attributes=None, options=None, outputs=1):
    """One tensor that is moved, by constant parameters."""
    q = scale_of(x.dtype.type)
    return Case(tfl, op, [(x, q, False), *parameters], [(x.dtype.type, q)] * outputs, attributes, options)


def concat_cases():
    options = ("ConcatenationOptions", {"axis": -1, "fusedActivationFunction": 0})
    for dtype in TYPES:
        q = scale_of(dtype)
        yield Case("CONCATENATION", "Concat", [(values(dtype, (2, 3, n)), q, False) for n in (1, 4, 2)], [(dtype, q)],
                   {"axis": -1}, options)
        yield Case("CONCATENATION", "Concat", [(values(dtype, (2, n, 3)), q, False) for n in (5, 1)], [(dtype, q)],
                   {"axis": 1}, ("ConcatenationOptions", {"axis": 1, "fusedActivationFunction": 0}))
    whole = ops.all_bytes(np.uint8).reshape(2, 128)
    for scales in (((0.05, 130), (0.02, 7), (0.05, 128)), ((0.013, 0), (0.3, 255), (0.0137, 3)), ((1 / 255, 0), (1 / 128, 1), (0.007, 90))):
        yield Case("CONCATENATION", "Concat", [(whole, scales[0], False), (whole[:, ::-1].copy(), scales[1], False)],
                   [(np.uint8, scales[2])], {"axis": -1}, options)


def transpose_cases():
    for dtype in TYPES:
        for shape, permutation in (((3, 4, 5), (2, 0, 1)), ((1, 6, 7, 3), (0, 3, 1, 2)), ((2, 33), (1, 0)),
                                   ((2, 3, 4, 5, 2), (4, 1, 3, 0, 2)), ((1, 37, 41), (0, 2, 1))):
            yield TransposeCase(values(dtype, shape), permutation)


class TransposeCase(Case):
    """The permutation is an input there and an attribute here."""

    def __init__(self, x, permutation):
        q = scale_of(x.dtype.type)
        super().__init__("TRANSPOSE", "Transpose", [(x, q, False), ints(*permutation)], [(x.dtype.type, q)],
                         {"permutation": list(permutation)})
        self.inputs_of_ours = slice(0, 1)


def slice_cases():
    for dtype in TYPES:
        yield moved("SLICE", "Slice", values(dtype, (4, 6, 5)), [ints(1, 0, 2), ints(2, -1, 3)], {"sizes": True})
    x = values(np.float32, (4, 6, 5))
    masks = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    fields = ("beginMask", "endMask", "ellipsisMask", "newAxisMask", "shrinkAxisMask")
    for begin, end, strides, *bits in (
            ((1, 0, 0), (3, 6, 5), (1, 2, 3)), ((0, 5, 4), (4, 0, 0), (1, -2, -1)), ((0, 5, 4), (4, 0, 0), (1, -2, -1), 0, 7),
            ((0, 5, 4), (4, 0, 0), (1, -1, -1), 6, 6), ((-1, 2), (0, 4), (1, 1), 0, 0, 0, 0, 1), ((1,), (2,), (1,), 0, 0, 0, 0, 1),
            ((0, 1), (0, 3), (1, 1), 0, 0, 1), ((0, 0, 1), (0, 0, 3), (1, 1, 1), 0, 0, 0, 1), ((-3, -20, 1), (20, 20, -1), (2, 1, 1)),
            ((1, 0, 2), (2, 0, 3), (1, 1, 1), 0, 0, 2, 0, 5)):
        bits = tuple(bits) + (0,) * (5 - len(bits))
        yield moved("STRIDED_SLICE", "StridedSlice", x, [ints(*begin), ints(*end), ints(*strides)], dict(zip(masks, bits)),
                    ("StridedSliceOptions", dict(zip(fields, bits))))


def pad_cases():
    for dtype in (np.float32, np.int8, np.uint8, np.int32, np.int64):
        pads = (np.array([[0, 0], [1, 2], [0, 3], [2, 0]], np.int32), None, True)
        x = values(dtype, (1, 3, 4, 2))
        yield moved("PAD", "Pad", x, [pads], {"mode": "constant", "pairs": True})
        value = (np.array([5], dtype), scale_of(dtype), True)
        yield moved("PADV2", "Pad", x, [pads, value], {"mode": "constant", "pairs": True})
        mirror = (np.array([[0, 0], [2, 1], [1, 2], [1, 0]], np.int32), None, True)
        for mode, name in ((0, "reflect"), (1, "symmetric")):
            yield moved("MIRROR_PAD", "Pad", x, [mirror], {"mode": name, "pairs": True}, ("MirrorPadOptions", {"mode": mode}))


def gather_cases():
    x = values(np.float32, (4, 5, 3))
    for dtype in (np.int32, np.int64):
        yield Case("GATHER", "Gather", [(x, None, False), (np.array([[3, 0], [1, 1]], dtype), None, False)],
                   [(np.float32, None)], {"axis": 1}, ("GatherOptions", {"axis": 1, "batchDims": 0}))
        yield Case("GATHER_ND", "GatherNd", [(x, None, False), (np.array([[3, 0], [1, 1]], dtype), None, False)],
                   [(np.float32, None)], {})
    yield Case("GATHER", "Gather", [(x, None, False), (values(np.int32, (4, 2), 0, 2), None, False)],
               [(np.float32, None)], {"axis": 2, "batch_dims": 1}, ("GatherOptions", {"axis": 2, "batchDims": 1}))
    for dtype in (np.int8, np.uint8, np.int64, np.bool_):
        q = scale_of(dtype)
        yield Case("GATHER", "Gather", [(values(dtype, (6, 3)), q, False), ints(5, 0, 2, 2)], [(dtype, q)], {"axis": 0},
                   ("GatherOptions", {"axis": 0}))


def other_cases():
    for dtype in TYPES:
        x = values(dtype, (1, 4, 6, 4))
        yield moved("SPACE_TO_DEPTH", "SpaceToDepth", x, [], {"block": 2}, ("SpaceToDepthOptions", {"blockSize": 2}))
        yield moved("DEPTH_TO_SPACE", "DepthToSpace", x, [], {"block": 2}, ("DepthToSpaceOptions", {"blockSize": 2}))
        yield moved("TILE", "Tile", values(dtype, (2, 1, 3)), [ints(2, 3, 2)])
        yield moved("REVERSE_V2", "Reverse", values(dtype, (2, 4, 3)), [ints(1)])
        expand = moved("BROADCAST_TO", "Expand", values(dtype, (2, 1, 3)), [ints(4, 2, 5, 3)])
        expand.version = 2
        yield expand
        yield SplitCase(values(dtype, (2, 6, 3)))
        yield moved("REVERSE_SEQUENCE", "ReverseSequence", values(dtype, (3, 4, 2)), [ints(4, 1, 3)],
                    {"batch_axis": 0, "time_axis": 1}, ("ReverseSequenceOptions", {"seqDim": 1, "batchDim": 0}))
        yield moved("PACK", "Unsqueeze", values(dtype, (3, 2)), [], {"axes": [1]}, ("PackOptions", {"valuesCount": 1, "axis": 1}))
        yield moved("SQUEEZE", "Squeeze", values(dtype, (1, 3, 1, 2)), [], {"axes": [2]}, ("SqueezeOptions", {"squeezeDims": [2]}))
    for dtype in (np.float32, np.int8, np.uint8, np.int32, np.int64):
        x = values(dtype, (1, 5, 4, 2))
        edges = (np.array([[1, 0], [2, 2]], np.int32), None, True)
        yield moved("SPACE_TO_BATCH_ND", "SpaceToBatchNd", x, [ints(3, 2), edges])
        x = values(dtype, (6, 2, 4, 2))
        yield moved("BATCH_TO_SPACE_ND", "BatchToSpaceNd", x, [ints(3, 2), edges])
    yield Case("SHAPE", "Shape", [(values(np.float32, (2, 4, 3)), None, False)], [(np.int64, None)], {"to": "i64"},
               ("ShapeOptions", {"outType": 4}))
    yield Case("FILL", "Fill", [ints(2, 3), (np.array(7.5, np.float32), None, False)], [(np.float32, None)])
    for numbers in ((1, 9, 3), (9, 1, -2), (0, 1, 5)):
        yield Case("RANGE", "Range", [(np.array(n, np.int32), None, True) for n in numbers], [(np.int32, None)])
    yield Case("RANGE", "Range", [(np.array(n, np.float32), None, True) for n in (0.1, 2.0, 0.3)], [(np.float32, None)])


class SplitCase(Case):
    """The axis is the first input there and an attribute here."""

    def __init__(self, x):
        q = scale_of(x.dtype.type)
        super().__init__("SPLIT", "Split", [ints(1), (x, q, False)], [(x.dtype.type, q)] * 3, {"axis": 1},
                         ("SplitOptions", {"numSplits": 3}))
        self.inputs_of_ours = slice(1, 2)


def resize_cases():
    for tfl, mode, options in (("RESIZE_BILINEAR", "linear", "ResizeBilinearOptions"),
                               ("RESIZE_NEAREST_NEIGHBOR", "nearest", "ResizeNearestNeighborOptions")):
        for dtype in (np.float32, np.int8, np.uint8):
            for height, width in ((10, 14), (3, 2), (5, 7), (1, 1), (11, 4)):
                for align, half, coordinates in ((False, False, "asymmetric"), (True, False, "align_corners"),
                                                 (False, True, "half_pixel")):
                    yield moved(tfl, "Resize", values(dtype, (1, 5, 7, 2)), [ints(height, width)],
                                {"mode": mode, "coordinates": coordinates, "axes": [1, 2], "like_tflite": True},
                                (options, {"alignCorners": align, "halfPixelCenters": half}))


CASES = [*concat_cases(), *transpose_cases(), *slice_cases(), *pad_cases(), *gather_cases(), *other_cases(),
         *resize_cases()]

if __name__ == "__main__":
    ops.write("moves.json", CASES)
