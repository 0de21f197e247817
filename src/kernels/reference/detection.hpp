// SPDX-License-Identifier: Apache-2.0
// Non-maximum suppression, and what detectors of TFLite end in. Nothing allocates: candidates are sorted in scratch.
#pragma once

#include <span>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

struct Box {
  float y0 = 0.0F, x0 = 0.0F, y1 = 0.0F, x1 = 0.0F;
};
// Shared area over united area; 0 where a box has no area.
[[nodiscard]] float intersection_over_union(const Box& a, const Box& b);

// Of one class: which boxes stay, best first. `candidates` holds the boxes that take part and is sorted by score (the
// first of equals first); returns how many of them, now at its beginning, stay: `most` at most.
[[nodiscard]] Index suppress(const Box* boxes, const float* scores, Index score_step, std::span<std::int32_t> candidates,
                             Index most, float iou_threshold);

struct DetectionSize {
  Index boxes = 0, box_step = 4, classes = 0, score_step = 0;  // score_step: classes, or one more at the beginning
  Index most = 0, classes_a_box = 1, most_a_class = 0;
  bool regular = false;
  float score_threshold = 0.0F, iou_threshold = 0.5F;
};
struct DetectionOutputs {
  float* boxes = nullptr;
  float* classes = nullptr;
  float* scores = nullptr;
  float* count = nullptr;
};
struct DetectionScratch {
  std::int32_t* candidates = nullptr;  // boxes of them
  float* best = nullptr;               // boxes of them
  std::int32_t* kept = nullptr;        // box * classes + class: most of them
};
// boxes: decoded. scores: [boxes, score_step].
void detect(const DetectionSize& s, const Box* boxes, const float* scores, const DetectionScratch& scratch,
            const DetectionOutputs& out);

}  // namespace lichen::kernels::reference
