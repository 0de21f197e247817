// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "onnx/builder.hpp"
#include "onnx/onnx.hpp"
#include "onnx/tensors.hpp"
#include "onnx/write.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::TensorId;

namespace {

struct Version {
  std::int64_t opset;
  std::int64_t ir;
};
constexpr Version kUsual = {18, 8};  // what most runtimes read, and read best
constexpr Version kLater = {21, 10};
constexpr std::array<std::int64_t, 4> kToFirst = {0, 3, 1, 2};
constexpr std::array<std::int64_t, 4> kToLast = {0, 2, 3, 1};

std::vector<std::int64_t> listed(std::span<const std::int64_t> values) {
  return {values.begin(), values.end()};
}

struct AttributeSetter {
  ::onnx::AttributeProto& to;

  void operator()(std::int64_t value) const {
    to.set_type(::onnx::AttributeProto::INT);
    to.set_i(value);
  }
  void operator()(float value) const {
    to.set_type(::onnx::AttributeProto::FLOAT);
    to.set_f(value);
  }
  void operator()(const std::string& value) const {
    to.set_type(::onnx::AttributeProto::STRING);
    to.set_s(value);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    to.set_type(::onnx::AttributeProto::INTS);
    to.mutable_ints()->Add(values.begin(), values.end());
  }
  void operator()(const std::vector<float>& values) const {
    to.set_type(::onnx::AttributeProto::FLOATS);
    to.mutable_floats()->Add(values.begin(), values.end());
  }
};

// Of a node and of all that its branches take from around them.
void note_reads(const ::onnx::NodeProto& node, std::set<std::string>& names) {
  names.insert(node.input().begin(), node.input().end());
  for (const auto& attribute : node.attribute()) {
    for (const auto& inner : attribute.g().node()) note_reads(inner, names);
    for (const auto& output : attribute.g().output()) names.insert(output.name());
  }
}

bool needs_later(const graph::Node& node) {
  if (node.op == graph::Op::kGelu || node.op == graph::Op::kGroupNorm) return true;
  if (const auto* a = std::get_if<graph::QuantizeLinearAttributes>(&node.attributes))
    return a->block != 0 || a->to != tensor::DType::kU8;
  if (const auto* a = std::get_if<graph::Pool2DAttributes>(&node.attributes)) return a->dilation_h * a->dilation_w != 1;
  if (const auto* a = std::get_if<graph::Pool3DAttributes>(&node.attributes))
    return a->dilations != std::array<std::int32_t, 3>{1, 1, 1};
  return false;
}

Version version_for(const graph::Graph& graph) {
  const auto is_wide = [](const graph::Tensor& tensor) {
    return !tensor.quantization.empty() && tensor.spec.dtype == tensor::DType::kI16;
  };
  if (std::ranges::any_of(graph.nodes, needs_later) || std::ranges::any_of(graph.tensors, is_wide)) return kLater;
  for (const graph::Graph& body : graph.subgraphs) {
    if (version_for(body).opset == kLater.opset) return kLater;
  }
  return kUsual;
}

bool is_stored(const graph::Tensor& tensor) {
  return !tensor.quantization.empty();
}

}  // namespace

const OnnxWriteRow* find_write_row(graph::Op op) {
  for (const auto table : {written_elements(), written_movement(), written_layers()}) {
    const auto row = std::ranges::find(table, op, &OnnxWriteRow::op);
    if (row != table.end()) return &*row;
  }
  return nullptr;
}

// All ops that ONNX has nothing for, before anything is written.
Result<void> GraphWriter::check() const {
  std::vector<std::string> lacking;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const graph::Node& node = graph_.nodes[i];
    if (find_write_row(node.op) == nullptr)
      lacking.push_back(fmt::format("node {} '{}' {}", i, node.name, graph::schema_of(node.op).name));
  }
  if (lacking.empty()) return {};
  return fail(Code::kUnsupported, "cannot write model", graph_.name,
              fmt::format("ONNX has no form for {} of its nodes: {}", lacking.size(), fmt::join(lacking, ", ")));
}

Result<void> GraphWriter::write(const TensorNames* inputs) {
  LICHEN_TRY(check());
  name_tensors(inputs);
  to_.set_name(graph_.name.empty() ? "graph" : graph_.name);
  if (inputs == nullptr) {
    for (const TensorId id : graph_.inputs) write_info(id, *to_.add_input());
    for (const graph::FreeDimension& free : graph_.free_dimensions) {
      auto* shape = to_.mutable_input(static_cast<int>(free.input))->mutable_type()->mutable_tensor_type()->mutable_shape();
      shape->mutable_dim(static_cast<int>(free.axis))
          ->set_dim_param(free.symbol.empty() ? fmt::format("dim_{}_{}", free.input, free.axis) : free.symbol);
    }
  }
  write_nodes();
  for (const TensorId id : graph_.outputs) write_info(id, *to_.add_output());
  if (!refused_.empty()) {
    return fail(Code::kUnsupported, "cannot write model", graph_.name,
                fmt::format("ONNX has no form for {} of its nodes: {}", refused_.size(), fmt::join(refused_, ", ")));
  }
  drop_unread();
  return {};
}

void GraphWriter::name_tensors(const TensorNames* inputs) {
  for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
    std::string name = graph_.tensors[i].spec.name;
    if (inputs != nullptr && !name.empty()) name = prefix_ + name;
    if (name.empty() || taken_.contains(name)) name = fmt::format("{}tensor_{}", prefix_, i);
    while (!taken_.insert(name).second) name += "_";
    names_.push_back(std::move(name));
  }
  for (std::size_t i = 0; inputs != nullptr && i < graph_.inputs.size(); ++i)
    names_[static_cast<std::size_t>(graph_.inputs[i])] = (*inputs)[i];
}

// Types where they are known; shapes of outputs only where no input is open.
void GraphWriter::write_info(TensorId id, ::onnx::ValueInfoProto& info) const {
  info.set_name(names_[static_cast<std::size_t>(id)]);
  const tensor::TensorSpec& spec = graph_.tensor(id).spec;
  if (!spec.shape.known()) return;
  auto* type = info.mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx_type_of(spec.dtype));
  const bool is_input = std::ranges::find(graph_.inputs, id) != graph_.inputs.end();
  if (!is_input && !graph_.free_dimensions.empty()) return;
  type->mutable_shape();
  for (const std::int64_t dim : spec.shape.dims()) type->mutable_shape()->add_dim()->set_dim_value(dim);
}

void GraphWriter::write_nodes() {
  for (at_ = 0; at_ < graph_.nodes.size(); ++at_) {
    node_ = &graph_.nodes[at_];
    failed_ = false;
    find_write_row(node_->op)->write(*this);
  }
  for (const TensorId id : graph_.outputs) {  // a constant that is an output
    if (graph_.tensor(id).constant) static_cast<void>(name_of_tensor(id));
  }
}

void GraphWriter::refuse(std::string why) {
  if (failed_) return;
  failed_ = true;
  refused_.push_back(fmt::format("node {} '{}' {} ({})", at_, node_->name, graph::schema_of(node_->op).name, why));
}

std::int64_t GraphWriter::rank(std::size_t i) {
  const tensor::Shape& shape = input(i).spec.shape;
  if (shape.known()) return static_cast<std::int64_t>(shape.rank());
  refuse("the rank of its input is known only when it runs");
  return 0;
}

std::string GraphWriter::fresh() {
  std::string name;
  do {
    name = fmt::format("{}value_{}", prefix_, next_++);
  } while (!taken_.insert(name).second);
  return name;
}

std::string GraphWriter::raw_constant(tensor::DType dtype, std::span<const std::int64_t> dims, ByteView bytes) {
  auto& tensor = *to_.add_initializer();
  tensor.set_name(fresh());
  tensor.set_data_type(onnx_type_of(dtype));
  for (const std::int64_t dim : dims) tensor.add_dims(dim);
  tensor.set_raw_data(std::string(text_of(bytes)));
  return tensor.name();
}

std::string GraphWriter::ints(const std::vector<std::int64_t>& values) {
  const std::int64_t count = static_cast<std::int64_t>(values.size());
  return raw_constant(tensor::DType::kI64, std::span(&count, 1), std::as_bytes(std::span(values)));
}

std::string GraphWriter::number(float value) {
  return raw_constant(tensor::DType::kF32, {}, std::as_bytes(std::span(&value, 1)));
}

std::string GraphWriter::name_of_tensor(TensorId id) {
  const std::string& name = names_[static_cast<std::size_t>(id)];
  const graph::Tensor& tensor = graph_.tensor(id);
  if (!tensor.constant || !written_constants_.insert(id).second) return name;
  auto& proto = *to_.add_initializer();
  proto.set_name(name);
  proto.set_data_type(onnx_type_of(tensor.spec.dtype));
  for (const std::int64_t dim : tensor.spec.shape.dims()) proto.add_dims(dim);
  proto.set_raw_data(std::string(text_of(tensor.constant->bytes())));
  return name;
}

std::string GraphWriter::stored(std::size_t i) {
  return has(i) ? name_of_tensor(node_->inputs[i]) : std::string{};
}

TensorNames GraphWriter::parameters(const tensor::Quantization& q, tensor::DType dtype) {
  const std::int64_t count = static_cast<std::int64_t>(q.scales.size());
  const std::span<const std::int64_t> dims = count == 1 ? std::span<const std::int64_t>{} : std::span(&count, 1);
  const std::string scale = raw_constant(tensor::DType::kF32, dims, std::as_bytes(std::span(q.scales)));
  Bytes zero_points;
  for (const std::int32_t value : q.zero_points) {
    const ByteView bytes = std::as_bytes(std::span(&value, 1)).first(size_of(dtype));  // little-endian: the low bytes
    zero_points.insert(zero_points.end(), bytes.begin(), bytes.end());
  }
  return {scale, raw_constant(dtype, dims, zero_points)};
}

std::string GraphWriter::dequantized(const std::string& x, const tensor::Quantization& q, tensor::DType dtype,
                                     std::int64_t axis) {
  const TensorNames p = parameters(q, dtype);
  return add("DequantizeLinear", {x, p[0], p[1]}, {{"axis", axis}});
}

std::string GraphWriter::quantized(const std::string& x, const tensor::Quantization& q, tensor::DType dtype) {
  const TensorNames p = parameters(q, dtype);
  return add("QuantizeLinear", {x, p[0], p[1]}, {{"axis", static_cast<std::int64_t>(q.axis)}});
}

// A bias of 16-bit layers: DequantizeLinear has no form for integers as wide as that.
std::string GraphWriter::reals_of(const graph::Tensor& tensor) {
  const tensor::Quantization& q = tensor.quantization;
  std::vector<float> reals;
  for (const std::int64_t value : tensor.constant->as<std::int64_t>()) {
    const std::size_t c = q.per_channel() ? reals.size() % q.scales.size() : 0;
    reals.push_back(static_cast<float>(double{q.scale(c)} * (static_cast<double>(value) - q.zero_point(c))));
  }
  return raw_constant(tensor::DType::kF32, tensor.spec.shape.dims(), std::as_bytes(std::span(reals)));
}

std::string GraphWriter::value_of(TensorId id) {
  const graph::Tensor& tensor = graph_.tensor(id);
  const std::string name = name_of_tensor(id);
  if (const auto known = values_.find(id); known != values_.end()) return known->second;
  if (is_stored(tensor) && tensor.spec.dtype == tensor::DType::kI64 && tensor.constant)
    return values_[id] = reals_of(tensor);
  if (is_stored(tensor)) {
    return values_[id] = dequantized(name, tensor.quantization, tensor.spec.dtype,
                                     static_cast<std::int64_t>(tensor.quantization.axis));
  }
  return name;
}

std::string GraphWriter::in(std::size_t i) {
  return has(i) ? value_of(node_->inputs[i]) : std::string{};
}

std::string GraphWriter::as_int64(std::size_t i) {
  if (!has(i)) return {};
  if (input(i).spec.shape.known() && input(i).spec.dtype == tensor::DType::kI64) return stored(i);
  if (input(i).constant && input(i).spec.dtype == tensor::DType::kI32) {
    const auto small = input(i).constant->as<std::int32_t>();
    const std::vector<std::int64_t> values(small.begin(), small.end());
    return raw_constant(tensor::DType::kI64, input(i).spec.shape.dims(), std::as_bytes(std::span(values)));
  }
  return add("Cast", {stored(i)}, {{"to", std::int64_t{7}}});
}

bool GraphWriter::is_channels_first(std::size_t i) const {
  return channels_first_.contains(node_->inputs[i]);
}

std::string GraphWriter::channels_first(std::size_t i) {
  const TensorId id = node_->inputs[i];
  if (const auto known = channels_first_.find(id); known != channels_first_.end()) return known->second;
  return channels_first_[id] = transposed(in(i), listed(kToFirst));
}

std::string GraphWriter::weights(std::size_t i, const std::vector<std::int32_t>& permutation) {
  const graph::Tensor& tensor = input(i);
  const std::vector<std::int64_t> order(permutation.begin(), permutation.end());
  if (!tensor.constant) return transposed(in(i), order);
  std::vector<std::int64_t> dims;
  for (const std::int64_t axis : order) dims.push_back(tensor.spec.shape[static_cast<std::size_t>(axis)]);
  const Bytes bytes = permute(tensor.constant->bytes(), tensor.spec.shape, size_of(tensor.spec.dtype), permutation);
  const std::string name = raw_constant(tensor.spec.dtype, dims, bytes);
  if (!is_stored(tensor)) return name;
  const auto axis = std::ranges::find(permutation, static_cast<std::int32_t>(tensor.quantization.axis));
  return dequantized(name, tensor.quantization, tensor.spec.dtype, axis - permutation.begin());
}

std::string GraphWriter::add(std::string_view op, const TensorNames& inputs, const OnnxAttributes& attributes) {
  return add_many(op, inputs, attributes, 1)[0];
}

TensorNames GraphWriter::add_many(std::string_view op, const TensorNames& inputs, const OnnxAttributes& attributes,
                                  std::size_t outputs) {
  auto& node = *to_.add_node();
  node.set_op_type(std::string(op));
  std::size_t count = inputs.size();
  while (count > 0 && inputs[count - 1].empty()) --count;
  for (std::size_t i = 0; i < count; ++i) {
    node.add_input(inputs[i]);
    read_.insert(inputs[i]);
  }
  for (const OnnxAttribute& attribute : attributes) {
    auto& to = *node.add_attribute();
    to.set_name(std::string(attribute.name));
    std::visit(AttributeSetter{to}, attribute.value);
  }
  TensorNames names;
  for (std::size_t i = 0; i < outputs; ++i) {
    names.push_back(fresh());
    node.add_output(names.back());
  }
  node.set_name(names.empty() ? fresh() : names[0]);
  return names;
}

std::string GraphWriter::transposed(const std::string& x, const std::vector<std::int64_t>& permutation) {
  return add("Transpose", {x}, {{"perm", permutation}});
}

std::string GraphWriter::activated(const std::string& x, graph::Activation activation) {
  switch (activation) {
    case graph::Activation::kNone:
      return x;
    case graph::Activation::kRelu:
      return add("Relu", {x});
    case graph::Activation::kReluN1To1:
      return add("Clip", {x, number(-1.0F), number(1.0F)});
    case graph::Activation::kRelu6:
      return add("Clip", {x, number(0.0F), number(6.0F)});
    case graph::Activation::kTanh:
      return add("Tanh", {x});
  }
  return x;
}

// A value that one node gives and none reads yet takes the tensor's name; any other is copied.
void GraphWriter::rename(const std::string& from, const std::string& to) {
  if (!read_.contains(from)) {
    for (int n = to_.node_size(); n-- > 0;) {
      for (std::string& output : *to_.mutable_node(n)->mutable_output()) {
        if (output != from) continue;
        output = to;
        to_.mutable_node(n)->set_name(to);
        for (auto* known : {&values_, &channels_first_}) {
          for (auto& [id, name] : *known) {
            if (name == from) name = to;
          }
        }
        return;
      }
    }
  }
  auto& node = *to_.add_node();
  node.set_op_type("Identity");
  node.set_name(to);
  node.add_input(from);
  node.add_output(to);
  read_.insert(from);
}

void GraphWriter::put_stored(std::string value, std::size_t i) {
  if (failed_ || i >= node_->outputs.size() || node_->outputs[i] == kNoTensor) return;
  rename(value, names_[static_cast<std::size_t>(node_->outputs[i])]);
}

void GraphWriter::put(std::string value, std::size_t i) {
  if (failed_ || i >= node_->outputs.size() || node_->outputs[i] == kNoTensor) return;
  const graph::Tensor& tensor = output(i);
  if (is_stored(tensor)) value = quantized(value, tensor.quantization, tensor.spec.dtype);
  put_stored(std::move(value), i);
}

void GraphWriter::put_channels_first(const std::string& value, graph::Activation activation) {
  if (failed_) return;
  const std::string y = activated(value, activation);
  if (!is_stored(output())) channels_first_[node_->outputs[0]] = y;
  put(transposed(y, listed(kToLast)));
}

void GraphWriter::add_branch(::onnx::NodeProto& node, const char* attribute, std::int32_t subgraph,
                             const TensorNames& inputs) {
  auto& to = *node.add_attribute();
  to.set_name(attribute);
  to.set_type(::onnx::AttributeProto::GRAPH);
  GraphWriter body(graph_.subgraphs[static_cast<std::size_t>(subgraph)], *to.mutable_g(),
                   fmt::format("{}{}_{}/", prefix_, attribute, at_));
  if (auto written = body.write(&inputs); !written) refuse(written.error().why);
  for (const std::string& name : inputs) read_.insert(name);
}

// Nodes and initializers that no output needs: transposes that were not wanted after all.
void GraphWriter::drop_unread() {
  std::set<std::string> needed;
  for (const auto& output : to_.output()) needed.insert(output.name());
  std::vector<bool> keep(static_cast<std::size_t>(to_.node_size()), false);
  for (int n = to_.node_size(); n-- > 0;) {
    const ::onnx::NodeProto& node = to_.node(n);
    const bool wanted = std::ranges::any_of(node.output(), [&](const std::string& name) { return needed.contains(name); });
    if (!wanted) continue;
    keep[static_cast<std::size_t>(n)] = true;
    note_reads(node, needed);
  }
  std::size_t at = 0;
  auto* nodes = to_.mutable_node();
  nodes->erase(std::remove_if(nodes->begin(), nodes->end(), [&](const auto&) { return !keep[at++]; }), nodes->end());
  auto* constants = to_.mutable_initializer();
  constants->erase(std::remove_if(constants->begin(), constants->end(),
                                  [&](const auto& tensor) { return !needed.contains(tensor.name()); }),
                   constants->end());
}

Result<Bytes> write_onnx(const graph::Graph& graph) {
  ::onnx::ModelProto model;
  const Version version = version_for(graph);
  model.set_ir_version(version.ir);
  model.set_producer_name("lichen");
  model.add_opset_import()->set_version(version.opset);
  LICHEN_TRY(GraphWriter(graph, *model.mutable_graph(), "").write(nullptr));
  if (model.ByteSizeLong() > kOnnxBytesMax) {
    return fail(Code::kExhausted, "cannot write model", graph.name,
                fmt::format("{} bytes, the limit is {}", model.ByteSizeLong(), kOnnxBytesMax));
  }
  const std::string text = model.SerializeAsString();
  const ByteView bytes = bytes_of(text);
  return Bytes(bytes.begin(), bytes.end());
}

}  // namespace lichen::formats
