#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes models/operator_detection_*.tflite: the custom operator that detectors end in, in several settings.

  V/bin/python tests/engine/golden/detection.py    # before make.py, in the same virtual environment
"""
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from operators import Model

F32, U8 = np.float32, np.uint8
RANDOM = np.random.default_rng(23)


def detection(name, boxes=24, classes=4, background=True, code=4, quantized=False, **settings):
    m = Model()
    columns = classes + 1 if background else classes
    kind = U8 if quantized else F32
    encodings = m.input(kind, [1, boxes, code], (0.06, 120) if quantized else None)
    scores = m.input(kind, [1, boxes, columns], (1 / 256, 0) if quantized else None)
    centers = RANDOM.uniform(0.2, 0.8, (boxes, 2))
    anchors = np.concatenate([centers, RANDOM.uniform(0.1, 0.4, (boxes, 2))], 1).astype(F32)
    if quantized:
        anchors = m.constant(np.round(anchors * 250), U8, (1 / 250, 0))
    else:
        anchors = m.constant(anchors, F32)
    places = settings.get("max_detections", 6) * settings.get("max_classes_per_detection", 1)
    shapes = [[1, places, 4], [1, places], [1, places], [1]]
    outputs = [m.tensor(F32, [] if quantized else shape) for shape in shapes]
    for output in outputs:  # old converters leave these shapes out
        m.graph.tensors[output].hasRank = not quantized
    attributes = {"max_detections": 6, "max_classes_per_detection": 1, "num_classes": classes, "y_scale": 10.0,
                  "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0, "nms_score_threshold": 0.1,
                  "nms_iou_threshold": 0.4} | settings
    m.op("CUSTOM", [encodings, scores, anchors], outputs)
    m.model.operatorCodes[-1].customCode = "TFLite_Detection_PostProcess"
    m.graph.operators[-1].customOptions = list(flexbuffers.Dumps(attributes))
    m.graph.operators[-1].customOptionsFormat = schema.CustomOptionsFormat.FLEXBUFFERS
    m.write(f"detection_{name}", outputs)


def main():
    detection("fast")
    detection("fast_keypoints", background=False, code=7, y_scale=7.5, h_scale=3.5)
    detection("fast_three_classes", max_classes_per_detection=3, nms_iou_threshold=0.3)
    detection("fast_more_classes_than_there_are", classes=2, max_classes_per_detection=3)
    detection("fast_few", nms_score_threshold=3.8, max_detections=20)
    detection("regular", use_regular_nms=True, detections_per_class=2, max_detections=7)
    detection("regular_all", use_regular_nms=True, max_detections=40, nms_score_threshold=2.5)
    detection("regular_short", use_regular_nms=True, detections_per_class=50, max_detections=3, background=False)
    detection("u8", quantized=True, max_detections=8)
    detection("u8_two_classes", quantized=True, max_classes_per_detection=2)
    detection("u8_regular", quantized=True, use_regular_nms=True, detections_per_class=3, max_detections=9)


if __name__ == "__main__":
    main()
