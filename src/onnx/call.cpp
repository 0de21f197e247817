// SPDX-License-Identifier: Apache-2.0
#include "onnx/call.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "graph/ops/schema.hpp"
#include "onnx/importer.hpp"
#include "onnx/tensors.hpp"
#include "tensor/permutation.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;
using ::onnx::AttributeProto;

Call::Call(Importer& importer, Builder& builder, const ::onnx::NodeProto& node, const OnnxOp& row, std::int64_t opset)
    : importer_(importer), builder_(builder), node_(node), row_(row), opset_(opset) {
  name_ = clean_name(!node.name().empty() || node.output_size() == 0 ? node.name() : node.output(0));
  for (const std::string& input : node.input()) {
    auto id = input.empty() ? Result<TensorId>(kNoTensor) : builder.lookup(input);
    if (!id) stop(std::move(id).error());
    else if (*id == kNoTensor && !input.empty())
      bad(fmt::format("its input '{}' is not computed before it", clean_name(input)));
    if (failed()) break;
    inputs_.push_back(*id);
  }
}

void Call::stop(Error error) {
  if (!error_) error_ = std::move(error);
}

void Call::stop(Code code, std::string why) {
  stop(Error{code, "cannot load model", {}, std::move(why), {}});
}

TensorId Call::in(std::size_t i) {
  if (!has(i)) bad(fmt::format("it has no input {}", i));
  return optional(i);
}

TensorId Call::optional(std::size_t i) {
  used_inputs_.insert(i);
  return has(i) ? inputs_[i] : kNoTensor;
}

Ids Call::all_inputs() {
  for (std::size_t i = 0; i < inputs_.size(); ++i) static_cast<void>(in(i));
  return inputs_;
}

std::size_t Call::output_count() const {
  return static_cast<std::size_t>(node_.output_size());
}

bool Call::wants(std::size_t output) const {
  return output < output_count() && !node_.output(static_cast<int>(output)).empty();
}

const AttributeProto* Call::find(std::string_view name, AttributeProto::AttributeType type) {
  used_.insert(std::string(name));
  for (const AttributeProto& attribute : node_.attribute()) {
    if (attribute.name() != name) continue;
    if (attribute.type() == type) return &attribute;
    bad(fmt::format("its attribute '{}' has type {}, not {}", name, static_cast<int>(attribute.type()),
                    static_cast<int>(type)));
    return nullptr;
  }
  return nullptr;
}

bool Call::has_attribute(std::string_view name) const {
  return std::ranges::any_of(node_.attribute(), [&](const AttributeProto& a) { return a.name() == name; });
}

std::int64_t Call::integer(std::string_view name, std::int64_t otherwise) {
  const AttributeProto* found = find(name, AttributeProto::INT);
  return found == nullptr ? otherwise : found->i();
}

std::int32_t Call::int32(std::string_view name, std::int32_t otherwise) {
  const std::int64_t value = integer(name, otherwise);
  if (value >= INT32_MIN && value <= INT32_MAX) return static_cast<std::int32_t>(value);
  bad(fmt::format("its attribute '{}' is {}", name, value));
  return otherwise;
}

float Call::real(std::string_view name, float otherwise) {
  const AttributeProto* found = find(name, AttributeProto::FLOAT);
  return found == nullptr ? otherwise : found->f();
}

std::string Call::text(std::string_view name, std::string_view otherwise) {
  const AttributeProto* found = find(name, AttributeProto::STRING);
  return found == nullptr ? std::string(otherwise) : clean_name(found->s());
}

Dims Call::integers(std::string_view name) {
  const AttributeProto* found = find(name, AttributeProto::INTS);
  return found == nullptr ? Dims{} : Dims(found->ints().begin(), found->ints().end());
}

std::vector<float> Call::reals(std::string_view name) {
  const AttributeProto* found = find(name, AttributeProto::FLOATS);
  return found == nullptr ? std::vector<float>{} : std::vector<float>(found->floats().begin(), found->floats().end());
}

std::vector<std::string> Call::texts(std::string_view name) {
  const AttributeProto* found = find(name, AttributeProto::STRINGS);
  return found == nullptr ? std::vector<std::string>{}
                          : std::vector<std::string>(found->strings().begin(), found->strings().end());
}

const ::onnx::TensorProto* Call::tensor_attribute(std::string_view name) {
  const AttributeProto* found = find(name, AttributeProto::TENSOR);
  return found == nullptr ? nullptr : &found->t();
}

const ::onnx::GraphProto* Call::graph_attribute(std::string_view name) {
  const AttributeProto* found = find(name, AttributeProto::GRAPH);
  return found == nullptr ? nullptr : &found->g();
}

const tensor::Shape* Call::shape(TensorId id) const {
  return id == kNoTensor ? nullptr : builder_.shape_of(id);
}

std::optional<std::size_t> Call::rank(TensorId id) const {
  return id == kNoTensor ? std::nullopt : builder_.rank_of(id);
}

std::size_t Call::need_rank(TensorId id) {
  const auto known = rank(id);
  if (!known) refuse("the rank of its input is known only when it runs");
  return known.value_or(0);
}

std::optional<tensor::DType> Call::dtype(TensorId id) const {
  return id == kNoTensor ? std::nullopt : builder_.dtype_of(id);
}

bool Call::is_constant(TensorId id) const {
  return id != kNoTensor && builder_.tensor(id).constant.has_value();
}

std::optional<Dims> Call::constant_integers(TensorId id) const {
  if (!is_constant(id)) return std::nullopt;
  const graph::Tensor& tensor = builder_.tensor(id);
  if (tensor.spec.dtype == tensor::DType::kI64) {
    const auto values = tensor.constant->as<std::int64_t>();
    return Dims(values.begin(), values.end());
  }
  if (tensor.spec.dtype != tensor::DType::kI32) return std::nullopt;
  const auto values = tensor.constant->as<std::int32_t>();
  return Dims(values.begin(), values.end());
}

std::optional<std::vector<float>> Call::constant_floats(TensorId id) const {
  if (!is_constant(id) || builder_.tensor(id).spec.dtype != tensor::DType::kF32) return std::nullopt;
  const auto values = builder_.tensor(id).constant->as<float>();
  return std::vector<float>(values.begin(), values.end());
}

std::optional<bool> Call::constant_bool(TensorId id) const {
  if (!is_constant(id) || builder_.tensor(id).spec.dtype != tensor::DType::kBool) return std::nullopt;
  const ByteView bytes = builder_.tensor(id).constant->bytes();
  if (bytes.size() != 1) return std::nullopt;
  return bytes[0] != std::byte{0};
}

TensorId Call::truth(bool value) {
  return builder_.add_constant(name_, tensor::DType::kBool, tensor::Shape{},
                               tensor::Data::own(Bytes{static_cast<std::byte>(value)}));
}

TensorId Call::ints(std::span<const std::int64_t> values) {
  return builder_.graph().add_constant(name_, {static_cast<std::int64_t>(values.size())}, values);
}

TensorId Call::ints(std::initializer_list<std::int64_t> values) {
  return ints(std::span(values.begin(), values.size()));
}

TensorId Call::scalar(std::int64_t value) {
  return builder_.graph().add_constant(name_, tensor::Shape{}, std::span<const std::int64_t>(&value, 1));
}

TensorId Call::scalar(float value) {
  return floats(std::span(&value, 1), tensor::Shape{});
}

TensorId Call::floats(std::span<const float> values, const tensor::Shape& shape) {
  return builder_.graph().add_constant(name_, shape, values);
}

TensorId Call::constant(const ::onnx::TensorProto& from) {
  auto made = tensor_of(from, importer_.name());
  if (!made) {
    stop(std::move(made).error());
    return kNoTensor;
  }
  return builder_.add_constant(name_, made->spec.dtype, made->spec.shape, std::move(made->data));
}

TensorId Call::emit(Op op, graph::Attributes attributes, Ids inputs) {
  const Ids outputs = emit_all(op, std::move(attributes), std::move(inputs), {true});
  return outputs[0];
}

Ids Call::emit_all(Op op, graph::Attributes attributes, Ids inputs, const std::vector<bool>& wanted) {
  const Ids none(wanted.size(), kNoTensor);
  if (failed()) return none;
  auto outputs = builder_.emit(op, std::move(attributes), std::move(inputs), name_, wanted);
  if (outputs) return *std::move(outputs);
  stop(std::move(outputs).error());
  return none;
}

TensorId Call::binary(Op op, TensorId a, TensorId b) {
  const TensorId y = emit(op, graph::ElementwiseAttributes{}, {a, b});
  const auto ra = rank(a);
  const auto rb = rank(b);
  if (ra && rb) hint_rank(y, std::max(*ra, *rb));
  return y;
}

TensorId Call::unary(Op op, TensorId x, float alpha, float beta) {
  const TensorId y = emit(op, graph::UnaryAttributes{alpha, beta}, {x});
  hint_rank(y, rank(x));
  return y;
}

TensorId Call::permuted(TensorId id, std::vector<std::int32_t> permutation) {
  if (failed()) return kNoTensor;
  // Where the rank is not known, the Transpose refuses another one when it runs.
  const std::size_t known = rank(id).value_or(permutation.size());
  if (known != permutation.size()) {
    bad(fmt::format("tensor '{}' has rank {}, {} is needed", builder_.tensor(id).spec.name, known, permutation.size()));
    return kNoTensor;
  }
  if (!is_constant(id)) {
    const TensorId y = emit(Op::kTranspose, graph::TransposeAttributes{permutation}, {id});
    hint_rank(y, known);
    return y;
  }
  const graph::Tensor& from = builder_.tensor(id);
  Dims dims;
  for (const std::int32_t axis : permutation) dims.push_back(from.spec.shape[static_cast<std::size_t>(axis)]);
  tensor::Data data = tensor::permutes_nothing(from.spec.shape, permutation)
                          ? *from.constant
                          : tensor::Data::own(permute(from.constant->stored().bytes, from.spec.shape,
                                                      size_of(from.spec.dtype), permutation));
  return builder_.add_constant(from.spec.name, from.spec.dtype, tensor::Shape(dims), std::move(data));
}

TensorId Call::reshaped(TensorId id, const Dims& dims) {
  if (failed()) return kNoTensor;
  if (!is_constant(id)) {
    const TensorId y = emit(Op::kReshape, graph::ReshapeAttributes{}, {id, ints(dims)});
    hint_rank(y, dims.size());
    return y;
  }
  const graph::Tensor from = builder_.tensor(id);  // a copy: the list of tensors grows
  auto shape = tensor::Shape::make(dims, name_);
  if (!shape || shape->elements() != from.spec.shape.elements()) {
    bad(fmt::format("tensor '{}' is {}", from.spec.name, from.spec.shape.to_text()));
    return kNoTensor;
  }
  return builder_.add_constant(from.spec.name, from.spec.dtype, *shape, *from.constant);
}

Ids Call::branch(TensorId condition) {
  const Ids none(output_count(), kNoTensor);
  std::vector<Builder> bodies;
  bodies.reserve(2);
  for (const std::string_view which : {"then_branch", "else_branch"}) {
    const ::onnx::GraphProto* proto = graph_attribute(which);
    if (proto == nullptr) bad(fmt::format("it has no {}", which));
    if (failed()) return none;
    Builder& body = bodies.emplace_back(fmt::format("{} of '{}'", which, name_), &builder_);
    if (auto read = importer_.read_body(*proto, body); !read) {
      stop(std::move(read).error());
      return none;
    }
    if (body.graph().outputs.size() != output_count())
      bad(fmt::format("{} gives {} tensors, not {}", which, body.graph().outputs.size(), output_count()));
  }
  if (failed()) return none;
  Ids captures = bodies[0].captures();
  for (const TensorId id : bodies[1].captures()) {
    if (std::ranges::find(captures, id) == captures.end()) captures.push_back(id);
  }
  std::vector<Hint> hints;
  for (std::size_t i = 0; i < output_count(); ++i) {
    const TensorId a = bodies[0].graph().outputs[i];
    const TensorId b = bodies[1].graph().outputs[i];
    Hint& known = hints.emplace_back(Hint{bodies[0].rank_of(a), bodies[0].dtype_of(a)});
    if (known.rank != bodies[1].rank_of(b)) known.rank.reset();
    if (known.dtype != bodies[1].dtype_of(b)) known.dtype.reset();
  }
  const auto first = static_cast<std::int32_t>(builder_.graph().subgraphs.size());
  for (Builder& body : bodies) {
    body.arrange_captures(captures);
    body.drop_unused();
    builder_.graph().subgraphs.push_back(std::move(body.graph()));
  }
  Ids inputs{condition};
  inputs.insert(inputs.end(), captures.begin(), captures.end());
  const Ids outputs = emit_all(Op::kIf, graph::IfAttributes{first, first + 1}, std::move(inputs),
                               std::vector<bool>(output_count(), true));
  for (std::size_t i = 0; i < outputs.size() && !failed(); ++i) builder_.hint(outputs[i], hints[i]);
  return outputs;
}

void Call::widen_inputs(const HalfRule& rule) {
  const auto is_half = [&](TensorId id) { return dtype(id) == tensor::DType::kF16; };
  const bool computed = std::ranges::any_of(inputs_, [&](TensorId id) { return builder_.is_narrowed(id); });
  if (failed() || rule.use == HalfUse::kStored || (rule.use == HalfUse::kMoves && !computed)) return;
  gives_halves_ = rule.like < inputs_.size() && is_half(inputs_[rule.like]);
  for (TensorId& id : inputs_) {
    if (!is_half(id)) continue;
    auto wide = builder_.widened(id);
    if (!wide) return stop(std::move(wide).error());
    id = *wide;
  }
}

void Call::narrow_outputs(const HalfRule& rule, Ids& outputs) {
  for (std::size_t i = 0; i < std::min(outputs.size(), rule.outputs) && gives_halves_ && !failed(); ++i) {
    if (dtype(outputs[i]) != tensor::DType::kF32) continue;
    auto half = builder_.narrowed(outputs[i]);
    if (!half) return stop(std::move(half).error());
    outputs[i] = *half;
  }
}

TensorId Call::before_narrowing(TensorId id) {
  if (failed() || id == kNoTensor || !builder_.is_narrowed(id)) return kNoTensor;
  auto wide = builder_.widened(id);
  if (wide) return *wide;
  stop(std::move(wide).error());
  return kNoTensor;
}

void Call::check_all_used() {
  for (const AttributeProto& attribute : node_.attribute()) {
    if (!used_.contains(attribute.name()))
      refuse(fmt::format("its attribute '{}' is not known in opset {}", clean_name(attribute.name()), opset_));
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (has(i) && !used_inputs_.contains(i)) refuse(fmt::format("its input {} is not known in opset {}", i, opset_));
  }
}

}  // namespace lichen::formats
