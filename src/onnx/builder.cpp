// SPDX-License-Identifier: Apache-2.0
#include "onnx/builder.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "graph/ops/schema.hpp"
#include "graph/verify.hpp"
#include "tensor/permutation.hpp"
#include "onnx/tensors.hpp"
#include "tensor/half.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::TensorId;

Result<void> Builder::define(const std::string& name, TensorId id) {
  if (!names_.try_emplace(name, Name{id, nullptr, {}}).second) {
    return fail(Code::kBadInput, "cannot load model", fmt::format("{}, tensor '{}'", graph_.name, clean_name(name)),
                "two tensors have this name");
  }
  if (const auto known = name_hints_.find(name); known != name_hints_.end()) hint(id, known->second);
  return {};
}

Result<void> Builder::define_pending(const std::string& name, ::onnx::TensorProto* initializer, ByteView raw) {
  LICHEN_TRY(define(name, kNoTensor));
  Name& entry = names_[name];
  entry.pending = initializer;
  entry.raw = raw;
  return {};
}

Result<TensorId> Builder::lookup(const std::string& name) {
  const auto found = names_.find(name);
  if (found != names_.end()) {
    Name& entry = found->second;
    if (entry.pending != nullptr) {
      tensor::Tensor made = LICHEN_TRY(
          tensor_of(*entry.pending, fmt::format("{}, initializer '{}'", graph_.name, clean_name(name)), entry.raw));
      delete entry.pending->release_raw_data();  // the weights are not held twice
      entry.pending = nullptr;
      entry.id = add_constant(clean_name(name), made.spec.dtype, made.spec.shape, std::move(made.data));
    }
    return entry.id;
  }
  if (outer_ == nullptr || functions_ > 0) return kNoTensor;
  const TensorId around = LICHEN_TRY(outer_->lookup(name));
  return around == kNoTensor ? kNoTensor : capture(around);
}

Builder::Names Builder::enter_function(Names names) {
  ++functions_;
  std::swap(names_, names);
  return names;
}

void Builder::leave_function(Names names) {
  --functions_;
  names_ = std::move(names);
}

TensorId Builder::capture(TensorId outer) {
  if (const auto known = captured_.find(outer); known != captured_.end()) return known->second;
  graph::Tensor copy = outer_->tensor(outer);
  const bool constant = copy.constant.has_value();
  // Its shape is left open: which branch is sound may depend on it, and inputs may get other sizes.
  if (!constant) copy.spec.shape = tensor::Shape::unknown();
  const TensorId id = graph_.add(std::move(copy));
  captured_[outer] = id;
  if (constant) return id;
  Hint known{outer_->rank_of(outer), outer_->dtype_of(outer)};
  if (const tensor::Shape* shape = outer_->shape_of(outer)) known.shape = *shape;
  hint(id, known);
  captures_.push_back(outer);
  graph_.inputs.push_back(id);
  return id;
}

void Builder::arrange_captures(const Ids& wanted) {
  graph_.inputs.clear();
  for (const TensorId outer : wanted) {
    const auto known = captured_.find(outer);
    graph_.inputs.push_back(known != captured_.end() ? known->second
                                                     : graph_.add_unknown(outer_->tensor(outer).spec.name));
  }
}

Result<Ids> Builder::emit(graph::Op op, graph::Attributes attributes, Ids inputs, const std::string& name,
                          const std::vector<bool>& wanted) {
  const graph::OpSchema* schema = graph::find_schema(op);
  if (schema == nullptr) {
    return fail(Code::kUnsupported, "cannot load model", {},
                fmt::format("it needs op {} of the graph, which is not there", static_cast<int>(op)));
  }
  while (inputs.size() > schema->inputs_required && inputs.back() == kNoTensor) inputs.pop_back();
  const bool fits = inputs.size() >= schema->inputs_min && inputs.size() <= schema->inputs_max &&
                    wanted.size() >= schema->outputs_min && wanted.size() <= schema->outputs_max &&
                    schema->attributes_fit(attributes);
  if (!fits) {
    return fail(Code::kUnsupported, "cannot load model", {},
                fmt::format("{} with {} inputs and {} outputs", schema->name, inputs.size(), wanted.size()));
  }
  Ids outputs;
  for (const bool is_wanted : wanted) outputs.push_back(is_wanted ? graph_.add_unknown(name) : kNoTensor);
  graph_.nodes.push_back({op, name, std::move(attributes), std::move(inputs), outputs});
  LICHEN_TRY(infer_last());
  return outputs;
}

// The types of the last node's outputs, where those of its inputs are known.
Result<void> Builder::infer_last() {
  const graph::Node& node = graph_.nodes.back();
  for (const TensorId id : node.inputs) {
    if (id == kNoTensor || graph_.tensor(id).spec.shape.known()) continue;
    hint_last();
    return {};
  }
  const graph::OutputTypes types = LICHEN_TRY(graph::infer_node(graph_, graph_.nodes.size() - 1));
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoTensor) continue;
    tensor::TensorSpec& spec = graph_.tensor(node.outputs[i]).spec;
    if (!types[i].shape || types[i].bound) {
      Hint known;
      if (node.op != graph::Op::kIf) known.dtype = types[i].dtype;  // its branches know better
      if (types[i].shape) known.rank = types[i].shape->rank();
      hint(node.outputs[i], known);
      continue;
    }
    spec.dtype = types[i].dtype;
    spec.shape = *types[i].shape;
  }
  return {};
}

namespace {

// The type of an op's first output where shapes are not known yet, from those of its inputs (by place) and attributes.
std::optional<tensor::DType> dtype_after(const graph::Node& node,
                                         const std::vector<std::optional<tensor::DType>>& inputs) {
  const auto input = [&](std::size_t i) { return i < inputs.size() ? inputs[i] : std::nullopt; };
  switch (node.op) {
    case graph::Op::kIsInf:
    case graph::Op::kIsNan:
    case graph::Op::kEqual:
    case graph::Op::kNotEqual:
    case graph::Op::kGreater:
    case graph::Op::kGreaterEqual:
    case graph::Op::kLess:
    case graph::Op::kLessEqual:
      return tensor::DType::kBool;
    case graph::Op::kNonZero:
    case graph::Op::kNonMaxSuppression:
      return tensor::DType::kI64;
    case graph::Op::kConvInteger:
    case graph::Op::kMatMulInteger:
      return tensor::DType::kI32;
    case graph::Op::kDequantizeLinear:
      return tensor::DType::kF32;
    case graph::Op::kDynamicQuantizeLinear:
      return tensor::DType::kU8;
    case graph::Op::kCast:
      return std::get<graph::CastAttributes>(node.attributes).to;
    case graph::Op::kArgMax:
    case graph::Op::kArgMin:
      return std::get<graph::ArgAttributes>(node.attributes).to;
    case graph::Op::kShape:
    case graph::Op::kSize:
      return std::get<graph::ShapeAttributes>(node.attributes).to;
    case graph::Op::kEyeLike:
      return std::get<graph::EyeLikeAttributes>(node.attributes).to;
    case graph::Op::kQuantizeLinear:
      return input(2) ? input(2) : std::get<graph::QuantizeLinearAttributes>(node.attributes).to;
    case graph::Op::kWhere:
    case graph::Op::kFill:
      return input(1);
    case graph::Op::kOneHot:
      return input(2);
    case graph::Op::kIf:
      return std::nullopt;
    default:
      return input(0);
  }
}

}  // namespace

void Builder::hint_last() {
  const graph::Node& node = graph_.nodes.back();
  std::vector<std::optional<tensor::DType>> inputs;
  for (const TensorId id : node.inputs) inputs.push_back(id == kNoTensor ? std::nullopt : dtype_of(id));
  if (!node.outputs.empty()) hint(node.outputs[0], Hint{std::nullopt, dtype_after(node, inputs)});
  if (node.op != graph::Op::kSplit && node.op != graph::Op::kLstm && node.op != graph::Op::kGru) return;
  for (const TensorId id : node.outputs) hint(id, Hint{std::nullopt, inputs[0]});
}

TensorId Builder::add_constant(const std::string& name, tensor::DType dtype, const tensor::Shape& shape,
                               tensor::Data data) {
  return graph_.add(graph::Tensor{{name, dtype, shape}, {}, std::move(data)});
}

Result<TensorId> Builder::widened(TensorId half) {
  const auto known = wide_.find(half);
  TensorId wide = known == wide_.end() ? kNoTensor : known->second;
  if (wide == kNoTensor) {
    const graph::Tensor from = graph_.tensor(half);  // a copy: the list of tensors grows
    if (from.constant) {
      std::vector<float> values;
      values.reserve(static_cast<std::size_t>(from.spec.shape.elements()));
      for (const std::uint16_t bits : from.constant->as<std::uint16_t>()) values.push_back(tensor::float_of_half(bits));
      wide = graph_.add_constant(from.spec.name, from.spec.shape, values);
    } else {
      wide = LICHEN_TRY(emit(graph::Op::kCast, graph::CastAttributes{tensor::DType::kF32}, {half}, from.spec.name,
                             {true}))[0];
    }
    wide_[half] = wide;
  }
  Hint known_of_half{rank_of(half), tensor::DType::kF32};
  if (const tensor::Shape* shape = shape_of(half)) known_of_half.shape = *shape;
  hint(wide, known_of_half);
  return wide;
}

Result<TensorId> Builder::narrowed(TensorId wide) {
  const std::string name = graph_.tensor(wide).spec.name;
  const TensorId half =
      LICHEN_TRY(emit(graph::Op::kCast, graph::CastAttributes{tensor::DType::kF16}, {wide}, name, {true}))[0];
  hint(half, Hint{rank_of(wide), tensor::DType::kF16});
  wide_[half] = wide;
  narrowed_.insert(half);
  return half;
}

const tensor::Shape* Builder::shape_of(TensorId id) const {
  if (graph_.tensor(id).spec.shape.known()) return &graph_.tensor(id).spec.shape;
  const auto known = hints_.find(id);
  return known == hints_.end() || !known->second.shape ? nullptr : &*known->second.shape;
}

std::optional<std::size_t> Builder::rank_of(TensorId id) const {
  if (const tensor::Shape* shape = shape_of(id)) return shape->rank();
  const auto known = hints_.find(id);
  return known == hints_.end() ? std::nullopt : known->second.rank;
}

std::optional<tensor::DType> Builder::dtype_of(TensorId id) const {
  if (graph_.tensor(id).spec.shape.known()) return graph_.tensor(id).spec.dtype;
  const auto known = hints_.find(id);
  return known == hints_.end() ? std::nullopt : known->second.dtype;
}

void Builder::hint(TensorId id, const Hint& more) {
  if (id == kNoTensor) return;
  Hint& known = hints_[id];
  if (!known.rank) known.rank = more.rank;
  if (!known.dtype) known.dtype = more.dtype;
  if (!known.shape) known.shape = more.shape;
}

void Builder::drop_unread_casts() {
  std::set<TensorId> read(graph_.outputs.begin(), graph_.outputs.end());
  for (const graph::Node& node : graph_.nodes) read.insert(node.inputs.begin(), node.inputs.end());
  std::erase_if(graph_.nodes, [&](const graph::Node& node) {
    return node.op == graph::Op::kCast && is_narrowed(node.outputs[0]) && !read.contains(node.outputs[0]);
  });
}

void Builder::drop_unused() {
  drop_unread_casts();
  std::vector<bool> used(graph_.tensors.size(), false);
  const auto mark = [&](const Ids& ids) {
    for (const TensorId id : ids) {
      if (id != kNoTensor) used[static_cast<std::size_t>(id)] = true;
    }
  };
  mark(graph_.inputs);
  mark(graph_.outputs);
  for (const graph::Node& node : graph_.nodes) {
    mark(node.inputs);
    mark(node.outputs);
  }
  Ids moved(graph_.tensors.size(), kNoTensor);
  std::vector<graph::Tensor> kept;
  for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
    if (!used[i]) continue;
    moved[i] = static_cast<TensorId>(kept.size());
    kept.push_back(std::move(graph_.tensors[i]));
  }
  graph_.tensors = std::move(kept);
  const auto renumber = [&](Ids& ids) {
    for (TensorId& id : ids) id = id == kNoTensor ? kNoTensor : moved[static_cast<std::size_t>(id)];
  };
  renumber(graph_.inputs);
  renumber(graph_.outputs);
  for (graph::Node& node : graph_.nodes) {
    renumber(node.inputs);
    renumber(node.outputs);
  }
}

namespace {

struct Axis {  // of the output
  std::size_t size = 0;
  std::size_t stride = 0;  // of the input, in bytes
};

// The innermost axis is last in `axes`, of which there is at least one.
template <std::size_t kElementBytes>
void copy_elements(const std::byte* from, std::span<const Axis> axes, Bytes& to) {
  std::array<std::size_t, tensor::kRankMax> at{};
  const Axis inner = axes.back();
  std::size_t source = 0;
  for (std::size_t out = 0; out < to.size();) {
    for (std::size_t i = 0; i < inner.size; ++i, out += kElementBytes)
      std::memcpy(to.data() + out, from + source + i * inner.stride, kElementBytes);
    for (std::size_t i = axes.size() - 1; i-- > 0;) {  // counts up; a digit that is full goes back to 0
      source += axes[i].stride;
      if (++at[i] < axes[i].size) break;
      source -= axes[i].stride * axes[i].size;
      at[i] = 0;
    }
  }
}

}  // namespace

Bytes permute(ByteView from, const tensor::Shape& shape, std::size_t element_bytes,
              const std::vector<std::int32_t>& permutation) {
  const std::size_t rank = shape.rank();
  LICHEN_ASSERT(permutation.size() == rank && from.size() == static_cast<std::size_t>(shape.elements()) * element_bytes);
  if (tensor::permutes_nothing(shape, permutation)) return {from.begin(), from.end()};
  std::vector<Axis> axes(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const auto axis = static_cast<std::size_t>(permutation[i]);
    axes[i] = {static_cast<std::size_t>(shape[axis]), element_bytes};
    for (std::size_t j = axis + 1; j < rank; ++j) axes[i].stride *= static_cast<std::size_t>(shape[j]);
  }
  Bytes to(from.size());
  switch (element_bytes) {
    case 1:
      copy_elements<1>(from.data(), axes, to);
      break;
    case 2:
      copy_elements<2>(from.data(), axes, to);
      break;
    case 4:
      copy_elements<4>(from.data(), axes, to);
      break;
    default:
      LICHEN_ASSERT(element_bytes == 8);
      copy_elements<8>(from.data(), axes, to);
  }
  return to;
}

}  // namespace lichen::formats
