// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/detection.hpp"

namespace lichen::kernels::reference {
namespace {

// Sorts by score, falling; the smaller number first among equals.
template <typename Score>
void sort_by_score(std::span<std::int32_t> items, const Score& score_of) {
  std::sort(items.begin(), items.end(), [&](std::int32_t a, std::int32_t b) {
    const float x = score_of(a);
    const float y = score_of(b);
    return x > y || (x == y && a < b);
  });
}

// Boxes whose score is at least the threshold.
std::span<std::int32_t> candidates_of(const float* scores, Index step, Index count, float threshold, std::int32_t* to) {
  std::size_t kept = 0;
  for (Index i = 0; i < count; ++i) {
    if (scores[i * step] >= threshold) to[kept++] = static_cast<std::int32_t>(i);
  }
  return {to, kept};
}

void write(const DetectionSize& s, const Box* boxes, const float* scores, Index place, Index box, Index c,
           const DetectionOutputs& out) {
  const Index offset = s.score_step - s.classes;
  if (out.boxes != nullptr) {
    const Box& b = boxes[box];
    float* to = out.boxes + place * 4;
    to[0] = b.y0, to[1] = b.x0, to[2] = b.y1, to[3] = b.x1;
  }
  if (out.classes != nullptr) out.classes[place] = static_cast<float>(c);
  if (out.scores != nullptr) out.scores[place] = scores[box * s.score_step + offset + c];
}

// Suppresses over the best score of each box, then gives the best classes of those that stay.
Index detect_fast(const DetectionSize& s, const Box* boxes, const float* scores, const DetectionScratch& scratch,
                  const DetectionOutputs& out) {
  const Index offset = s.score_step - s.classes;
  const Index classes = std::min(s.classes_a_box, s.classes);
  for (Index i = 0; i < s.boxes; ++i) {
    const float* row = scores + i * s.score_step + offset;
    scratch.best[i] = *std::max_element(row, row + s.classes);
  }
  const auto candidates = candidates_of(scratch.best, 1, s.boxes, s.score_threshold, scratch.candidates);
  const Index kept = suppress(boxes, scratch.best, 1, candidates, s.most, s.iou_threshold);
  for (Index i = 0; i < kept; ++i) {
    const Index box = candidates[static_cast<std::size_t>(i)];
    const float* row = scores + box * s.score_step + offset;
    Index previous = -1;  // classes by falling score: the best of those below the previous one
    for (Index k = 0; k < classes; ++k) {
      Index best = -1;
      for (Index c = 0; c < s.classes; ++c) {
        const bool after = previous < 0 || row[c] < row[previous] || (row[c] == row[previous] && c > previous);
        if (after && (best < 0 || row[c] > row[best])) best = c;
      }
      if (best < 0) break;  // NaN scores
      write(s, boxes, scores, i * s.classes_a_box + k, box, best, out);
      previous = best;
    }
  }
  return kept;
}

// Suppresses class by class, and keeps the best of all.
Index detect_regular(const DetectionSize& s, const Box* boxes, const float* scores, const DetectionScratch& scratch,
                     const DetectionOutputs& out) {
  const Index offset = s.score_step - s.classes;
  // In the order of classes, then of boxes' scores: that is how equal scores lie in the end.
  const auto score_of = [&](std::int32_t item) {
    return scores[item / s.classes * s.score_step + offset + item % s.classes];
  };
  const auto comes_first = [&](std::int32_t a, std::int32_t b) { return score_of(a) > score_of(b); };
  Index kept = 0;
  for (Index c = 0; c < s.classes; ++c) {
    const float* of_class = scores + offset + c;
    const auto candidates = candidates_of(of_class, s.score_step, s.boxes, s.score_threshold, scratch.candidates);
    const Index selected = suppress(boxes, of_class, s.score_step, candidates, s.most_a_class, s.iou_threshold);
    for (Index i = 0; i < selected; ++i) {  // an insertion each: both lists are short
      const auto item = static_cast<std::int32_t>(candidates[static_cast<std::size_t>(i)] * s.classes + c);
      Index place = kept;
      while (place > 0 && comes_first(item, scratch.kept[place - 1])) --place;
      if (place >= s.most) continue;
      kept = std::min(kept + 1, s.most);
      std::copy_backward(scratch.kept + place, scratch.kept + kept - 1, scratch.kept + kept);
      scratch.kept[place] = item;
    }
  }
  for (Index i = 0; i < kept; ++i)
    write(s, boxes, scores, i, scratch.kept[i] / s.classes, scratch.kept[i] % s.classes, out);
  return kept;
}

}  // namespace

float intersection_over_union(const Box& a, const Box& b) {
  const float area_a = (a.y1 - a.y0) * (a.x1 - a.x0);
  const float area_b = (b.y1 - b.y0) * (b.x1 - b.x0);
  if (!(area_a > 0.0F && area_b > 0.0F)) return 0.0F;
  const float height = std::max(0.0F, std::min(a.y1, b.y1) - std::max(a.y0, b.y0));
  const float width = std::max(0.0F, std::min(a.x1, b.x1) - std::max(a.x0, b.x0));
  const float shared = height * width;
  return shared / (area_a + area_b - shared);
}

Index suppress(const Box* boxes, const float* scores, Index score_step, std::span<std::int32_t> candidates, Index most,
               float iou_threshold) {
  sort_by_score(candidates, [&](std::int32_t i) { return scores[i * score_step]; });
  Index kept = 0;
  for (const std::int32_t candidate : candidates) {
    if (kept >= most) break;
    bool stays = true;
    for (Index k = 0; stays && k < kept; ++k) {
      stays = !(intersection_over_union(boxes[candidates[static_cast<std::size_t>(k)]], boxes[candidate]) > iou_threshold);
    }
    if (stays) candidates[static_cast<std::size_t>(kept++)] = candidate;
  }
  return kept;
}

void detect(const DetectionSize& s, const Box* boxes, const float* scores, const DetectionScratch& scratch,
            const DetectionOutputs& out) {
  const Index places = s.most * s.classes_a_box;
  if (out.boxes != nullptr) std::fill_n(out.boxes, places * 4, 0.0F);
  if (out.classes != nullptr) std::fill_n(out.classes, places, 0.0F);
  if (out.scores != nullptr) std::fill_n(out.scores, places, 0.0F);
  const Index count = s.regular ? detect_regular(s, boxes, scores, scratch, out)
                                : detect_fast(s, boxes, scores, scratch, out);
  if (out.count != nullptr) *out.count = static_cast<float>(count);
}

}  // namespace lichen::kernels::reference
