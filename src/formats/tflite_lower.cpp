// SPDX-License-Identifier: Apache-2.0
// A graph in TFLite's operators: each node by its row of the op table.
#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "formats/tflite_ops_state.hpp"
#include "graph/verify.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;
using tensor::DType;
using tensor::Shape;

Outgoing::Outgoing(Lowered& to, std::size_t at) : to_(to), view_(*to.graph, to.graph->nodes[at]), at_(at) {}

TensorId Outgoing::input(std::size_t i) const {
  return view_.has_input(i) ? view_.node().inputs[i] : kNoTensor;
}

TensorId Outgoing::output(std::size_t i) const {
  return view_.has_output(i) ? view_.node().outputs[i] : kNoTensor;
}

std::unexpected<Error> Outgoing::cannot(std::string why) const {
  return fail(Code::kUnsupported, "cannot write model", where_of(*to_.graph, at_),
              fmt::format("TFLite has no {}", why));
}

Result<Shape> Outgoing::output_shape(std::size_t i) const {
  if (view_.has_output(i) && view_.output(i).spec.shape.known()) return view_.output(i).spec.shape;
  return cannot("way to say this without the shape of its output, which is not known");
}

TensorId Outgoing::narrowed(std::size_t i) {
  const TensorId id = input(i);
  if (id == kNoTensor || tensor(id).spec.dtype != DType::kI64) return id;
  const auto values = view_.integers(i);
  if (!values) {
    constexpr std::int32_t kCast = 53;
    tflite::CastOptionsT cast;
    cast.in_data_type = tflite::TensorType_INT64;
    cast.out_data_type = tflite::TensorType_INT32;
    const TensorId narrow = temporary(DType::kI32, tensor(id).spec.shape);
    emit(kCast, {id}, {narrow}, options_with(cast));
    return narrow;
  }
  std::vector<std::int32_t> narrow;
  for (const std::int64_t v : *values)
    narrow.push_back(static_cast<std::int32_t>(std::clamp<std::int64_t>(v, INT32_MIN, INT32_MAX)));
  return constant(tensor(id).spec.shape, narrow);
}

Result<std::vector<std::int64_t>> Outgoing::integers(std::size_t i, std::string_view what) const {
  if (view_.has_input(i) && view_.input(i).spec.dtype != DType::kI32 && view_.input(i).spec.dtype != DType::kI64)
    return cannot(fmt::format("way to have {} in {}", what, name_of(view_.input(i).spec.dtype)));
  auto values = view_.has_input(i) ? view_.integers(i) : std::nullopt;
  if (!values) return cannot(fmt::format("way to compute {}", what));
  return *std::move(values);
}

Result<std::vector<float>> Outgoing::floats(std::size_t i, std::string_view what) const {
  if (view_.has_input(i) && view_.input(i).spec.dtype != DType::kF32)
    return cannot(fmt::format("way to have {} in {}", what, name_of(view_.input(i).spec.dtype)));
  auto values = view_.has_input(i) ? view_.floats(i) : std::nullopt;
  if (!values) return cannot(fmt::format("way to compute {}", what));
  return *std::move(values);
}

namespace {

TensorId add(Lowered& to, graph::Tensor tensor) {
  to.tensors.push_back(std::move(tensor));
  return static_cast<TensorId>(to.tensors.size() - 1);
}

}  // namespace

std::string Outgoing::made_name() {
  return fmt::format("{}.{}", view_.node().name.empty() ? fmt::format("node{}", at_) : view_.node().name, ++made_);
}

TensorId Outgoing::constant(Shape shape, std::span<const std::int32_t> values) {
  return add(to_, {{made_name(), DType::kI32, shape}, {}, tensor::Data::copy_of(values)});
}

TensorId Outgoing::constant(std::span<const std::int64_t> values) {
  const std::vector<std::int32_t> narrow(values.begin(), values.end());
  return constant({static_cast<std::int64_t>(narrow.size())}, narrow);
}

TensorId Outgoing::list_of(std::size_t i, std::span<const std::int64_t> values) {
  if (view_.is_constant(i) && view_.input(i).spec.dtype == DType::kI32) {
    const auto given = view_.integers(i);
    if (given && std::ranges::equal(*given, values)) return input(i);
  }
  return constant(values);
}

TensorId Outgoing::constant(Shape shape, std::span<const float> values) {
  return add(to_, {{made_name(), DType::kF32, shape}, {}, tensor::Data::copy_of(values)});
}

TensorId Outgoing::constant(float value) {
  return constant(Shape{}, std::span<const float>(&value, 1));
}

TensorId Outgoing::temporary(DType dtype, Shape shape, tensor::Quantization quantization) {
  return add(to_, {{made_name(), dtype, shape}, std::move(quantization), {}});
}

namespace {

// LiteRT reads the bias of a layer of 16 bits by what its options say of it.
void say_bias_type(TfliteOptions& options, tflite::TensorType type) {
  if (auto* conv = options.AsConv2DOptions()) conv->quantized_bias_type = type;
  if (auto* connected = options.AsFullyConnectedOptions()) connected->quantized_bias_type = type;
  if (auto* transposed = options.AsTransposeConvOptions()) transposed->quantized_bias_type = type;
}

}  // namespace

void Outgoing::emit(std::int32_t code, std::vector<TensorId> inputs, std::vector<TensorId> outputs,
                    TfliteOptions options, std::int32_t version_float, std::int32_t version_integer) {
  const auto integer = [&](TensorId id) { return id != kNoTensor && tensor(id).spec.dtype != DType::kF32; };
  const bool any = std::ranges::any_of(outputs, integer) || (!inputs.empty() && integer(inputs.front()));
  WrittenOperator made;
  made.code = code;
  made.version = any ? version_integer : version_float;
  made.inputs = std::move(inputs);
  made.outputs = std::move(outputs);
  made.options = std::move(options);
  const auto has_type = [&](TensorId id, DType dtype) { return id != kNoTensor && tensor(id).spec.dtype == dtype; };
  const bool words = std::ranges::any_of(made.inputs, [&](TensorId id) { return has_type(id, DType::kI16); });
  for (const DType bias : {DType::kI32, DType::kI64}) {
    if (words && has_type(made.inputs.back(), bias)) say_bias_type(made.options, write_type(bias));
  }
  to_.operators.push_back(std::move(made));
}

void Outgoing::emit_row(std::vector<TensorId> inputs, std::vector<TensorId> outputs, TfliteOptions options) {
  const TfliteOp& row = *tflite_op(view_.node().op);
  emit(row.code, std::move(inputs), std::move(outputs), std::move(options), row.version_float, row.version_integer);
}

// Options that say what is so without them are left out, but for the operators that TFLite refuses without.
void Outgoing::apply_to(std::int32_t code, std::vector<TensorId> inputs, TensorId out) {
  constexpr std::int32_t kAdd = 0;
  constexpr std::int32_t kMul = 18;
  constexpr std::int32_t kSub = 41;
  constexpr std::int32_t kDiv = 42;
  TfliteOptions options;
  if (code == kAdd) options.Set(tflite::AddOptionsT{});
  if (code == kMul) options.Set(tflite::MulOptionsT{});
  if (code == kSub) options.Set(tflite::SubOptionsT{});
  if (code == kDiv) options.Set(tflite::DivOptionsT{});
  emit(code, std::move(inputs), {out}, std::move(options));
}

TensorId Outgoing::apply(std::int32_t code, std::vector<TensorId> inputs) {
  // The operand that is no scalar says the shape.
  const auto big = std::ranges::max_element(inputs, {}, [&](TensorId id) {
    return tensor(id).spec.shape.known() ? tensor(id).spec.shape.rank() : tensor::kRankMax;
  });
  const TensorId out = temporary(*big);
  apply_to(code, std::move(inputs), out);
  return out;
}

void Outgoing::reshape(TensorId from, TensorId to, const Shape& shape) {
  constexpr std::int32_t kReshape = 22;
  tflite::ReshapeOptionsT table;
  table.new_shape.assign(shape.dims().begin(), shape.dims().end());
  emit(kReshape, {from}, {to}, options_with(std::move(table)));
}

namespace {

// SVDF and the LSTM keep their state in tensors of their own: where a node reads it from a variable and gives it back
// to the same one, the two nodes around it go.
class Lowering {
 public:
  explicit Lowering(Lowered& to) : to_(to), graph_(*to.graph), skipped_(graph_.nodes.size(), false) {}

  Result<void> run() {
    for (const graph::Node& node : graph_.nodes) {
      if (node.op == Op::kSvdf) keep_state(node, 4, 1);
      if (node.op == Op::kSequenceLstm) {
        keep_state(node, 18, 1);
        keep_state(node, 19, 2);
      }
    }
    std::vector<Error> errors;
    for (std::size_t i = 0; i < graph_.nodes.size() && errors.size() < kErrorsMax; ++i) {
      if (skipped_[i]) continue;
      if (auto written = write(i); !written) errors.push_back(std::move(written).error());
    }
    if (errors.empty()) return {};
    if (errors.size() == 1) {
      errors.front().where = fmt::format("{}, {}", graph_.name, errors.front().where);
      return std::unexpected(std::move(errors.front()));
    }
    std::vector<std::string> lines;
    for (const Error& error : errors) lines.push_back(fmt::format("{}: {}", error.where, error.why));
    return fail(errors.front().code, "cannot write model", graph_.name,
                fmt::format("{} of its nodes: {}", errors.size(), fmt::join(lines, "; ")));
  }

 private:
  static constexpr std::size_t kErrorsMax = 32;

  Result<void> write(std::size_t at) {
    const graph::Node& node = graph_.nodes[at];
    const TfliteOp* row = tflite_op(node.op);
    Outgoing out(to_, at);
    if (row == nullptr) return out.cannot("operator for it");
    if (row->write != nullptr) return row->write(out);
    TfliteOptions options;
    row->options(node.attributes, options);
    std::vector<TensorId> inputs = node.inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if ((row->parameters >> i & 1U) != 0) inputs[i] = out.narrowed(i);
    }
    out.emit_row(std::move(inputs), node.outputs, std::move(options));
    return {};
  }

  std::optional<std::size_t> node_with(Op op, auto&& fits) const {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (graph_.nodes[i].op == op && fits(graph_.nodes[i])) return i;
    }
    return std::nullopt;
  }

  std::size_t uses_of(TensorId id) const {
    std::size_t uses = 0;
    for (const graph::Node& node : graph_.nodes) uses += static_cast<std::size_t>(std::ranges::count(node.inputs, id));
    return uses + static_cast<std::size_t>(std::ranges::count(graph_.outputs, id));
  }

  void keep_state(const graph::Node& node, std::size_t input, std::size_t output) {
    if (node.inputs.size() <= input || node.outputs.size() <= output) return;
    const TensorId before = node.inputs[input];
    const TensorId after = node.outputs[output];
    const auto read = node_with(Op::kReadVariable, [&](const graph::Node& n) { return n.outputs.front() == before; });
    const auto assign = node_with(Op::kAssignVariable, [&](const graph::Node& n) { return n.inputs.front() == after; });
    if (!read || !assign || uses_of(before) != 1 || uses_of(after) != 1) return;
    const auto variable_of = [&](std::size_t at) {
      return std::get<graph::VariableAttributes>(graph_.nodes[at].attributes).variable;
    };
    const std::int32_t variable = variable_of(*read);
    const auto of_it = [&](const graph::Node& n) {
      return (n.op == Op::kReadVariable || n.op == Op::kAssignVariable) &&
             std::get<graph::VariableAttributes>(n.attributes).variable == variable;
    };
    const auto& initial = graph_.variables[static_cast<std::size_t>(variable)].initial;
    const auto starts_as = first_state(graph_.tensor(before));
    const std::byte start = starts_as && !starts_as->bytes().empty() ? starts_as->bytes().front() : std::byte{0};
    const bool as_a_state = initial ? std::ranges::count(initial->bytes(), start) == std::ssize(initial->bytes())
                                    : start == std::byte{0};
    if (variable_of(*assign) != variable || std::ranges::count_if(graph_.nodes, of_it) != 2 || !as_a_state) return;
    skipped_[*read] = skipped_[*assign] = true;
    to_.state_tensors.insert(before);
  }

  Lowered& to_;
  const graph::Graph& graph_;
  std::vector<bool> skipped_;
};

std::vector<std::string> unique_names(std::span<const graph::Variable> variables) {
  std::vector<std::string> names;
  for (const graph::Variable& variable : variables) {
    std::string name = variable.name;
    for (int i = 1; std::ranges::find(names, name) != names.end() || name.empty(); ++i)
      name = fmt::format("{}#{}", variable.name, i);
    names.push_back(std::move(name));
  }
  return names;
}

Lowered started(const graph::Graph& graph, LoweredFile& file) {
  Lowered to;
  to.graph = &graph;
  to.file = &file;
  to.tensors = graph.tensors;
  to.variable_names = unique_names(file.root->variables);
  to.handles.assign(to.variable_names.size(), kNoTensor);
  to.inputs = graph.inputs;
  to.outputs = graph.outputs;
  return to;
}

// The subgraph that CALL_ONCE runs: each variable that handles were made for gets its first value.
void write_first_values(LoweredFile& file, const std::set<std::size_t>& used) {
  static const graph::Graph kEmpty;
  Lowered& to = *file.graphs.emplace_back(std::make_unique<Lowered>(started(kEmpty, file)));
  const auto index = static_cast<std::int32_t>(file.graphs.size() - 1);
  for (const std::size_t i : used) {
    const graph::Variable& variable = file.root->variables[i];
    graph::Tensor value{{to.variable_names[i] + ".initial", variable.spec.dtype, variable.spec.shape},
                        variable.quantization,
                        variable.initial};
    if (!value.constant) value.constant = tensor::Data::own(Bytes(variable.spec.bytes()));
    const TensorId id = add(to, std::move(value));
    WrittenOperator assign;
    assign.code = kTfliteAssignVariable;
    assign.inputs = {variable_handle(to, i), id};
    to.operators.push_back(std::move(assign));
  }
  WrittenOperator call;
  call.code = kTfliteCallOnce;
  tflite::CallOnceOptionsT table;
  table.init_subgraph_index = index;
  call.options.Set(table);
  auto& main = file.graphs.front()->operators;
  main.insert(main.begin(), std::move(call));
}

// Tensors that nothing uses any more leave.
void compact(Lowered& to) {
  std::vector<TensorId> places(to.tensors.size(), kNoTensor);
  const auto mark = [&](const std::vector<TensorId>& ids) {
    for (const TensorId id : ids) {
      if (id != kNoTensor) places[static_cast<std::size_t>(id)] = 0;
    }
  };
  mark(to.inputs);
  mark(to.outputs);
  for (const WrittenOperator& op : to.operators) mark(op.inputs), mark(op.outputs), mark(op.intermediates);
  std::vector<graph::Tensor> kept;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] == kNoTensor) continue;
    places[i] = static_cast<TensorId>(kept.size());
    kept.push_back(std::move(to.tensors[i]));
  }
  to.tensors = std::move(kept);
  const auto moved = [&](TensorId id) { return id == kNoTensor ? id : places[static_cast<std::size_t>(id)]; };
  const auto move = [&](std::vector<TensorId>& ids) { std::ranges::transform(ids, ids.begin(), moved); };
  const auto move_set = [&](std::set<TensorId>& ids) {
    std::set<TensorId> to_ids;
    for (const TensorId id : ids) {
      if (moved(id) != kNoTensor) to_ids.insert(moved(id));
    }
    ids = std::move(to_ids);
  };
  move(to.inputs);
  move(to.outputs);
  for (WrittenOperator& op : to.operators) move(op.inputs), move(op.outputs), move(op.intermediates);
  move_set(to.state_tensors);
  move_set(to.resources);
}

}  // namespace

TensorId variable_handle(Lowered& to, std::size_t variable) {
  TensorId& handle = to.handles.at(variable);
  if (handle != kNoTensor) return handle;
  const std::string& name = to.variable_names.at(variable);
  handle = add(to, {{name + ".handle", DType::kI32, Shape{}}, {}, {}});
  to.resources.insert(handle);
  WrittenOperator made;
  made.code = kTfliteVarHandle;
  made.outputs = {handle};
  tflite::VarHandleOptionsT table;
  table.shared_name = name;
  made.options.Set(std::move(table));
  to.operators.push_back(std::move(made));
  return handle;
}

Result<std::int32_t> lower_body(LoweredFile& file, const graph::Graph& body) {
  Lowered& to = *file.graphs.emplace_back(std::make_unique<Lowered>(started(body, file)));
  const auto index = static_cast<std::int32_t>(file.graphs.size() - 1);
  LICHEN_TRY(Lowering(to).run());
  return index;
}

Result<LoweredFile> lower_to_tflite(const graph::Graph& graph) {
  LoweredFile file;
  file.root = &graph;
  LICHEN_TRY(lower_body(file, graph));
  std::set<std::size_t> used;
  for (const auto& lowered : file.graphs) {
    for (std::size_t i = 0; i < lowered->handles.size(); ++i) {
      if (lowered->handles[i] != kNoTensor) used.insert(i);
    }
  }
  if (!used.empty()) write_first_values(file, used);
  for (const auto& lowered : file.graphs) compact(*lowered);
  return file;
}

}  // namespace lichen::formats
