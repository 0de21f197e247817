// SPDX-License-Identifier: Apache-2.0
// Pad.
#include "graph/ops/pad.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "engine/native/moves.hpp"
#include "engine/native/sharing.hpp"
#include "kernels/reference/pick.hpp"

namespace lichen::engine {
namespace {

using graph::AxisPads;
using graph::PadMode;
using kernels::Index;
using kernels::reference::Copy;
using kernels::reference::CopyAxis;
using kernels::reference::Picks;

using Element = std::array<std::byte, 8>;

// What is padded with where the node does not say: 0, which quantized integers store as their zero point.
Element default_value(const graph::Tensor& x) {
  Element element{};
  if (x.quantization.empty()) return element;
  const std::int32_t zero_point = x.quantization.zero_point();  // little-endian, as the element is
  std::memcpy(element.data(), &zero_point, std::min(sizeof(zero_point), tensor::size_of(x.spec.dtype)));
  return element;
}

// The part of the input that stays, to where it goes.
Copy inside_of(const graph::NodeView& node, std::span<const AxisPads> pads) {
  const tensor::TensorSpec& x = node.input(0).spec;
  const std::vector<Index> in = steps_of(x);
  const std::vector<Index> out = steps_of(node.output().spec);
  std::vector<CopyAxis> axes;
  Index in_offset = 0;
  Index out_offset = 0;
  for (std::size_t i = 0; i < pads.size(); ++i) {
    const Index cut = std::max<Index>(0, -pads[i].before);
    const Index kept = x.shape[i] - cut - std::max<Index>(0, -pads[i].after);
    axes.push_back({kept, in[i], out[i]});
    in_offset += cut * in[i];
    out_offset += std::max<Index>(0, pads[i].before) * out[i];
  }
  return kernels::reference::copy_of(axes, element_bytes(node.input(0)), in_offset, out_offset);
}

StepResult build_constant(const BuildContext& context, std::span<const AxisPads> pads) {
  const graph::NodeView& node = context.node;
  const Copy inside = inside_of(node, pads);
  const bool adds = std::ranges::any_of(pads, [](AxisPads p) { return p.before > 0 || p.after > 0; });
  const Element value = default_value(node.input(0));
  const Index bytes = element_bytes(node.input(0));
  const Index count = node.output().spec.shape.elements();
  return make_step("pad copy", 0, [=](const StepBuffers& b) {
    const std::byte* said = b.inputs.size() > 2 ? b.inputs[2] : nullptr;
    if (adds) kernels::reference::fill(said != nullptr ? said : value.data(), bytes, count, b.outputs[0]);
    share_rows(*b.threads, inside.parts(), inside.bytes_a_part(), [&](Index begin, Index end) {
      kernels::reference::copy(inside, b.inputs[0], b.outputs[0], begin, end);
    });
  });
}

// The position within [0, size) that position `at`, which may lie outside, repeats.
Index repeated(PadMode mode, Index at, Index size) {
  const auto wrapped = [](Index value, Index period) { return ((value % period) + period) % period; };
  switch (mode) {
    case PadMode::kReflect: {
      if (size == 1) return 0;
      const Index place = wrapped(at, 2 * size - 2);
      return place < size ? place : 2 * size - 2 - place;
    }
    case PadMode::kSymmetric: {
      const Index place = wrapped(at, 2 * size);
      return place < size ? place : 2 * size - 1 - place;
    }
    case PadMode::kWrap:
      return wrapped(at, size);
    default:
      return std::clamp<Index>(at, 0, size - 1);
  }
}

// Lists are made for every position of an axis: a bound on them, whatever a file claims.
constexpr Index kPositionsMax = Index{1} << 24;

StepResult build_repeating(const BuildContext& context, std::span<const AxisPads> pads, PadMode mode) {
  const graph::NodeView& node = context.node;
  const tensor::Shape& x = node.input(0).spec.shape;
  std::vector<std::vector<Index>> positions(pads.size());
  for (std::size_t i = 0; i < pads.size(); ++i) {
    const Index cut = std::max<Index>(0, -pads[i].before);
    const Index kept = x[i] - cut - std::max<Index>(0, -pads[i].after);
    const Index out = node.output().spec.shape[i];
    if (out > kPositionsMax)
      return fail(Code::kExhausted, "cannot plan model", {}, fmt::format("a size of {} is padded by repeating", out));
    for (Index at = 0; at < out; ++at)
      positions[i].push_back(cut + repeated(mode, at - std::max<Index>(0, pads[i].before), kept));
  }
  Picks picks = kernels::reference::picks_of(std::move(positions), x.dims(), element_bytes(node.input(0)));
  return make_step("pad copy", 0, [picks = std::move(picks)](const StepBuffers& b) {
    kernels::reference::pick(picks, b.inputs[0], nullptr, 0, b.outputs[0], 0,
                             static_cast<Index>(picks.places[0].size()));
  });
}

StepResult build_pad(const BuildContext& context) {
  const auto pads = LICHEN_TRY(graph::pads_of(context.node));
  if (!pads) return not_computed(context);
  const PadMode mode = context.node.attributes<graph::PadAttributes>().mode;
  if (mode == PadMode::kConstant) return build_constant(context, *pads);
  return build_repeating(context, *pads, mode);
}

constexpr std::array kBuilders = {Builder{graph::Op::kPad, build_pad}};

}  // namespace

std::span<const Builder> pad_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
