// SPDX-License-Identifier: Apache-2.0
// Order of checks: the flatbuffer's own structure (FlatBuffers' verifier, with limits), then that every operator is one
// of ours, then tensors and operators one by one, then the graph as a whole (graph::verify).
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "formats/outline.hpp"
#include "formats/tflite.hpp"
#include "formats/tflite_file.hpp"
#include "formats/tflite_incoming.hpp"
#include "formats/tflite_structure.hpp"
#include "formats/tflite_tensors.hpp"
#include "graph/ops/schema.hpp"
#include "graph/verify.hpp"

namespace lichen::formats {
namespace {

constexpr std::size_t kUnsupportedNamesMax = 64;
constexpr std::size_t kNodeTensorsMax = 1024;
constexpr std::string_view kAcceleratorOp = "edgetpu-custom-op";

using Ids = flatbuffers::Vector<std::int32_t>;

std::vector<graph::TensorId> ids_of(const Ids* ids) {
  if (ids == nullptr) return {};
  return {ids->begin(), ids->end()};
}

// TFLite lets any layer end in tanh; ours end in clamps, so a tanh becomes a node of its own.
graph::Activation* clamp_of(graph::Attributes& attributes) {
  return std::visit(
      [](auto& a) -> graph::Activation* {
        if constexpr (requires { a.activation; }) {
          return &a.activation;
        } else {
          return nullptr;
        }
      },
      attributes);
}

class Reader : public TfliteVariables {
 public:
  Reader(ByteView file, std::string_view name) : file_(file), name_(name) {}

  Result<graph::Graph> read() {
    LICHEN_TRY(open());
    LICHEN_TRY(check_operators());
    graph::Graph graph = LICHEN_TRY(read_subgraph(0));
    graph.name = name_;
    give_variables(graph);
    LICHEN_TRY(graph::infer_types(graph));
    return graph;
  }

  Result<graph::Outline> outline() {
    LICHEN_TRY(open());
    graph::Outline lines;
    const tflite::SubGraph* from = subgraph_at(0);
    const auto* operators = from->operators();
    for (flatbuffers::uoffset_t i = 0; operators != nullptr && i < operators->size(); ++i) {
      if (lines.size() == graph::kOutlineLinesMax) break;
      const tflite::Operator& op = *operators->Get(i);
      const OperatorName name = LICHEN_TRY(name_of(i, op));
      lines.push_back({name.text, first_output(*from, op), is_known(name)});
    }
    return lines;
  }

 private:
  static std::string first_output(const tflite::SubGraph& from, const tflite::Operator& op) {
    if (op.outputs() == nullptr || op.outputs()->size() == 0 || from.tensors() == nullptr) return {};
    const std::int32_t id = op.outputs()->Get(0);
    if (id < 0 || static_cast<std::size_t>(id) >= from.tensors()->size()) return {};
    return printable(from.tensors()->Get(static_cast<flatbuffers::uoffset_t>(id))->name());
  }

  std::unexpected<Error> bad(std::string where, std::string why, Code code = Code::kBadInput) const {
    return fail(code, "cannot load model", where.empty() ? name_ : fmt::format("{}, {}", name_, where), std::move(why));
  }

  Result<void> open() {
    constexpr std::size_t kHeaderBytes = 8;  // root offset, identifier
    constexpr std::uint32_t kVersion = 3;
    if (file_.size() < kHeaderBytes)
      return bad("byte 0", fmt::format("a file of {} bytes is no .tflite model", file_.size()));
    if (file_.size() > kTfliteBytesMax)
      return bad({}, fmt::format("{} bytes, the limit is {}", file_.size(), kTfliteBytesMax), Code::kExhausted);
    if (reinterpret_cast<std::uintptr_t>(file_.data()) % alignof(std::int64_t) != 0)
      return bad({}, "the file's bytes lie at an address that is not a multiple of 8", Code::kInternal);
    const auto* data = reinterpret_cast<const std::uint8_t*>(file_.data());
    if (!tflite::ModelBufferHasIdentifier(data))
      return bad("byte 4", "the identifier is not TFL3, so it is no .tflite model");
    if (const auto broken = broken_table(file_)) {
      return bad(*broken, fmt::format("an offset or a length points outside of the file of {} bytes, or nests too deep",
                                      file_.size()));
    }
    model_ = tflite::GetModel(data);
    if (model_->version() != kVersion)
      return bad("Model.version", fmt::format("{}, only 3 is known", model_->version()), Code::kUnsupported);
    if (model_->subgraphs() == nullptr || model_->subgraphs()->size() == 0)
      return bad("Model.subgraphs", "there are none");
    return {};
  }

  // An operator's number, its own name where it is custom, and what to call it.
  struct OperatorName {
    std::int32_t code = 0;
    std::string custom;
    std::string text;
  };
  Result<OperatorName> name_of(std::size_t at, const tflite::Operator& op) const {
    const auto* codes = model_->operator_codes();
    const std::size_t count = codes == nullptr ? 0 : codes->size();
    if (op.opcode_index() >= count)
      return bad(fmt::format("operator {}", at), fmt::format("operator code {} of {}", op.opcode_index(), count));
    const tflite::OperatorCode* code = codes->Get(op.opcode_index());
    // Old files have the number in a byte; new ones have it in both places where it fits.
    const std::int32_t number = std::max<std::int32_t>(code->deprecated_builtin_code(), code->builtin_code());
    if (number != kTfliteCustom) return OperatorName{number, {}, tflite_op_name(number)};
    std::string custom = printable(code->custom_code());
    std::string text = fmt::format("custom '{}'", custom);
    return OperatorName{number, std::move(custom), std::move(text)};
  }

  const tflite::SubGraph* subgraph_at(std::int32_t index) const {
    if (index < 0 || static_cast<std::size_t>(index) >= model_->subgraphs()->size()) return nullptr;
    return model_->subgraphs()->Get(static_cast<flatbuffers::uoffset_t>(index));
  }

  // The subgraphs that subgraph 0 runs, itself first.
  std::vector<std::int32_t> reachable() const {
    std::vector<std::int32_t> found = {0};
    for (std::size_t next = 0; next < found.size(); ++next) {
      const auto* operators = subgraph_at(found[next])->operators();
      for (flatbuffers::uoffset_t i = 0; operators != nullptr && i < operators->size(); ++i) {
        std::vector<std::int32_t> runs;
        if (const auto* choice = operators->Get(i)->builtin_options_as_IfOptions())
          runs = {choice->then_subgraph_index(), choice->else_subgraph_index()};
        if (const auto* once = operators->Get(i)->builtin_options_as_CallOnceOptions())
          runs = {once->init_subgraph_index()};
        for (const std::int32_t index : runs) {
          if (subgraph_at(index) != nullptr && std::ranges::find(found, index) == found.end()) found.push_back(index);
        }
      }
    }
    return found;
  }

  static bool is_known(const OperatorName& name) {
    const TfliteOp* row = tflite_op(name.code, name.custom);
    return row != nullptr && (row->op == graph::Op::kCount || graph::find_schema(row->op) != nullptr);
  }

  // All operators that we cannot run, of all subgraphs that run, in one error.
  Result<void> check_operators() const {
    std::vector<std::string> unsupported;
    std::size_t total = 0;
    bool accelerator = false;
    for (const std::int32_t g : reachable()) {
      const auto* operators = subgraph_at(g)->operators();
      for (flatbuffers::uoffset_t i = 0; operators != nullptr && i < operators->size(); ++i) {
        const OperatorName name = LICHEN_TRY(name_of(i, *operators->Get(i)));
        if (is_known(name)) continue;
        accelerator = accelerator || name.custom == kAcceleratorOp;
        if (++total > kUnsupportedNamesMax) continue;
        unsupported.push_back(g == 0 ? fmt::format("operator {} {}", i, name.text)
                                     : fmt::format("operator {} {} of subgraph {}", i, name.text, g));
      }
    }
    if (total == 0) return {};
    return fail(Code::kUnsupported, "cannot load model", name_,
                fmt::format("{} of its operators are not supported: {}{}", total, fmt::join(unsupported, ", "),
                            total > kUnsupportedNamesMax ? ", ..." : ""),
                accelerator
                    ? "it was compiled for an Edge TPU and runs only there: use the model that it was compiled from"
                    : "");
  }

  Result<graph::Graph> read_subgraph(std::int32_t index) {
    const tflite::SubGraph* from = subgraph_at(index);
    if (from->tensors() == nullptr) return bad(fmt::format("SubGraph {}", index), "it has no tensors");
    if (from->tensors()->size() > graph::kTensorsMax)
      return bad(fmt::format("SubGraph {}", index), fmt::format("{} tensors", from->tensors()->size()),
                 Code::kExhausted);
    graph::Graph graph;
    graph.name = fmt::format("{}, subgraph {}", name_, index);
    graph.inputs = ids_of(from->inputs());
    graph.outputs = ids_of(from->outputs());
    LICHEN_TRY(read_tensors(*from, graph));
    graph::Graph* outer = std::exchange(graph_, &graph);
    auto nodes = read_operators(*from);
    graph_ = outer;
    LICHEN_TRY(std::move(nodes));
    LICHEN_TRY(remove_handles(*from, graph));
    return graph;
  }

  Result<void> read_tensors(const tflite::SubGraph& from, graph::Graph& graph) {
    bool dynamic = false;
    for (const auto* tensor : *from.tensors()) dynamic = dynamic || has_free_dimension(*tensor);
    graph.tensors.reserve(from.tensors()->size());
    for (flatbuffers::uoffset_t i = 0; i < from.tensors()->size(); ++i) {
      const tflite::Tensor& tensor = *from.tensors()->Get(i);
      graph.tensors.push_back(LICHEN_TRY(read_tflite_tensor(*model_, file_, tensor, i, name_)));
      graph::Tensor& to = graph.tensors.back();
      const auto id = static_cast<graph::TensorId>(i);
      const auto input = std::ranges::find(graph.inputs, id);
      if (tensor.is_variable()) {
        if (input != graph.inputs.end())
          return bad(fmt::format("tensor {} '{}'", i, to.spec.name), "a variable tensor as an input",
                     Code::kUnsupported);
        scope.state_tensors.insert(id);
      }
      if (to.constant || tensor.is_variable()) continue;
      if (input == graph.inputs.end()) {
        // What follows from others is not taken from the file where sizes are open or not said.
        if (dynamic || (to.spec.shape == tensor::Shape{} && !tensor.has_rank()))
          to.spec.shape = tensor::Shape::unknown();
        continue;
      }
      const auto* signature = tensor.shape_signature();
      for (flatbuffers::uoffset_t axis = 0; signature != nullptr && axis < signature->size(); ++axis) {
        if (signature->Get(axis) < 0 && axis < to.spec.shape.rank())
          graph.free_dimensions.push_back({static_cast<std::size_t>(input - graph.inputs.begin()), axis, {}});
      }
    }
    return {};
  }

  Result<void> read_operators(const tflite::SubGraph& from) {
    for (flatbuffers::uoffset_t i = 0; from.operators() != nullptr && i < from.operators()->size(); ++i) {
      const tflite::Operator& op = *from.operators()->Get(i);
      const OperatorName name = LICHEN_TRY(name_of(i, op));
      auto read = read_operator(op, *tflite_op(name.code, name.custom), from);
      if (!read) {
        Error error = std::move(read).error();
        if (error.what == "cannot load model") return std::unexpected(std::move(error));  // of a subgraph
        error.what = "cannot load model";
        error.where =
            fmt::format("{}, operator {} {}{}{}", name_, i, name.text, error.where.empty() ? "" : ", ", error.where);
        return std::unexpected(std::move(error));
      }
    }
    return {};
  }

  Result<void> read_operator(const tflite::Operator& op, const TfliteOp& row, const tflite::SubGraph& subgraph) {
    Incoming in(op, *graph_, *this);
    in.inputs = LICHEN_TRY(checked_ids(op.inputs(), "input", subgraph));
    in.outputs = LICHEN_TRY(checked_ids(op.outputs(), "output", subgraph));
    LICHEN_TRY(check_handles(in, row.code, subgraph));
    if (graph_->nodes.size() > graph::kNodesMax || graph_->tensors.size() > graph::kTensorsMax)
      return fail(Code::kExhausted, "bad operator", {}, "the model has too many nodes or tensors");
    if (row.read != nullptr) return row.read(in);
    LICHEN_TRY(read_states(in));
    graph::Attributes attributes = LICHEN_TRY(row.attributes(op));
    graph::Activation* clamp = clamp_of(attributes);
    if (clamp == nullptr || *clamp != graph::Activation::kTanh || in.outputs.empty()) {
      in.add(row.op, std::move(attributes), in.inputs, in.outputs);
      return {};
    }
    *clamp = graph::Activation::kNone;
    LICHEN_TRY(in.expect(0, kNodeTensorsMax, 1, 1, 0));
    const graph::TensorId before = LICHEN_TRY(in.before_activation(graph::Activation::kTanh));
    in.add(row.op, std::move(attributes), in.inputs, {before});
    in.activate(graph::Activation::kTanh, before);
    return {};
  }

  Result<std::vector<graph::TensorId>> checked_ids(const Ids* from, std::string_view what,
                                                   const tflite::SubGraph& subgraph) const {
    const std::size_t count = subgraph.tensors()->size();
    std::vector<graph::TensorId> ids = ids_of(from);
    if (ids.size() > kNodeTensorsMax) return fail(Code::kBadInput, "bad operator", {}, "too many tensors");
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < graph::kNoTensor || (ids[i] >= 0 && static_cast<std::size_t>(ids[i]) >= count)) {
        return fail(Code::kBadInput, "bad operator", {},
                    fmt::format("{} {} is tensor {} of {}", what, i, ids[i], count));
      }
    }
    return ids;
  }

  // Handles of variables go from VAR_HANDLE to the operators that read and assign, nowhere else.
  Result<void> check_handles(const Incoming& in, std::int32_t code, const tflite::SubGraph& subgraph) const {
    const auto is_handle = [&](graph::TensorId id) {
      return id >= 0 &&
             subgraph.tensors()->Get(static_cast<flatbuffers::uoffset_t>(id))->type() == tflite::TensorType_RESOURCE;
    };
    const bool takes = code == kTfliteReadVariable || code == kTfliteAssignVariable;
    for (std::size_t i = 0; i < in.inputs.size(); ++i) {
      if (is_handle(in.inputs[i]) != (takes && i == 0))
        return fail(Code::kUnsupported, "bad operator", fmt::format("input {}", i),
                    takes && i == 0 ? "no handle of a variable" : "a variable's handle");
    }
    for (const graph::TensorId id : in.outputs) {
      if (is_handle(id) != (code == kTfliteVarHandle))
        return fail(Code::kUnsupported, "bad operator", "output",
                    "a variable's handle where none can be, or none where one must be");
      if (scope.state_tensors.contains(id))
        return fail(Code::kUnsupported, "bad operator", "output", "a variable tensor that an operator computes");
    }
    return {};
  }

  // Operators without state of their own may look at a state tensor.
  Result<void> read_states(Incoming& in) {
    for (graph::TensorId& id : in.inputs) {
      if (!scope.state_tensors.contains(id)) continue;
      const auto known = scope.states.find(id);
      const auto variable = known == scope.states.end() ? static_cast<std::int32_t>(variables.size()) : known->second;
      if (known == scope.states.end()) {
        scope.states[id] = variable;
        graph::Tensor& tensor = graph_->tensor(id);
        variables.push_back(
            {tensor.spec.name, tensor.spec, tensor.quantization, std::exchange(tensor.constant, std::nullopt)});
      }
      const graph::TensorId value = known == scope.states.end() ? id : in.temporary(id);
      in.add(graph::Op::kReadVariable, graph::VariableAttributes{variable}, {}, {value});
      id = value;
    }
    return {};
  }

  // Handles have no value of their own: their tensors leave the graph.
  Result<void> remove_handles(const tflite::SubGraph& from, graph::Graph& graph) const {
    std::vector<graph::TensorId> places(graph.tensors.size(), graph::kNoTensor);
    std::vector<graph::Tensor> kept;
    for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
      const bool handle =
          i < from.tensors()->size() &&
          from.tensors()->Get(static_cast<flatbuffers::uoffset_t>(i))->type() == tflite::TensorType_RESOURCE;
      if (handle) continue;
      places[i] = static_cast<graph::TensorId>(kept.size());
      kept.push_back(std::move(graph.tensors[i]));
    }
    const auto move = [&](std::vector<graph::TensorId>& ids) {
      for (graph::TensorId& id : ids) {
        if (id >= 0 && static_cast<std::size_t>(id) < places.size()) id = places[static_cast<std::size_t>(id)];
      }
    };
    if (kept.size() == graph.tensors.size()) {
      graph.tensors = std::move(kept);
      return {};
    }
    for (const auto* ids : {&graph.inputs, &graph.outputs}) {
      for (const graph::TensorId id : *ids) {
        if (id >= 0 && static_cast<std::size_t>(id) < places.size() && places[static_cast<std::size_t>(id)] < 0)
          return bad("graph", fmt::format("tensor {}, a variable's handle, is an input or output", id),
                     Code::kUnsupported);
      }
    }
    graph.tensors = std::move(kept);
    move(graph.inputs);
    move(graph.outputs);
    for (graph::Node& node : graph.nodes) {
      move(node.inputs);
      move(node.outputs);
    }
    return {};
  }

  Result<std::int32_t> body(std::int32_t index) override {
    if (index <= 0 || subgraph_at(index) == nullptr)
      return fail(Code::kBadInput, "bad operator", "options",
                  fmt::format("subgraph {} of {}", index, model_->subgraphs()->size()));
    if (std::ranges::find(path_, index) != path_.end())
      return fail(Code::kBadInput, "bad operator", "options", fmt::format("subgraph {} runs itself", index));
    if (path_.size() >= graph::kSubgraphDepthMax || ++bodies_ > graph::kSubgraphsMax)
      return fail(Code::kExhausted, "bad operator", "options", "subgraphs nest too deep");
    path_.push_back(index);
    Scope outer = std::exchange(scope, Scope{});
    auto read = read_subgraph(index);
    scope = std::move(outer);
    path_.pop_back();
    graph_->subgraphs.push_back(LICHEN_TRY(std::move(read)));
    return static_cast<std::int32_t>(graph_->subgraphs.size() - 1);
  }

  // CALL_ONCE's subgraph assigns constants to variables, and does nothing else.
  Result<void> initialize(std::int32_t index) override {
    const tflite::SubGraph* from = subgraph_at(index);
    if (index <= 0 || from == nullptr || from->tensors() == nullptr)
      return fail(Code::kBadInput, "bad operator", "options",
                  fmt::format("subgraph {} of {}", index, model_->subgraphs()->size()));
    std::map<std::int32_t, std::int32_t> handles;
    for (flatbuffers::uoffset_t i = 0; from->operators() != nullptr && i < from->operators()->size(); ++i) {
      const tflite::Operator& op = *from->operators()->Get(i);
      const OperatorName name = LICHEN_TRY(name_of(i, op));
      const std::string where = fmt::format("subgraph {}, operator {} {}", index, i, name.text);
      const auto inputs = LICHEN_TRY(checked_ids(op.inputs(), "input", *from));
      const auto outputs = LICHEN_TRY(checked_ids(op.outputs(), "output", *from));
      if (name.code == kTfliteVarHandle && outputs.size() == 1) {
        const auto* options = op.builtin_options_as_VarHandleOptions();
        if (options == nullptr) return bad(where, "options: there are none");
        const auto text = [](const flatbuffers::String* s) { return s == nullptr ? std::string() : s->str(); };
        handles[outputs[0]] = named(text(options->container()), text(options->shared_name()));
      } else if (name.code == kTfliteAssignVariable && inputs.size() == 2 && handles.contains(inputs[0]) &&
                 inputs[1] >= 0) {
        const auto id = static_cast<flatbuffers::uoffset_t>(inputs[1]);
        graph::Tensor value = LICHEN_TRY(read_tflite_tensor(*model_, file_, *from->tensors()->Get(id), id, name_));
        if (!value.constant) return bad(where, "a first value of a variable that is computed", Code::kUnsupported);
        graph::Variable& variable = at(handles[inputs[0]]);
        variable = {
            variable.name, {variable.name, value.spec.dtype, value.spec.shape}, value.quantization, value.constant};
      } else {
        return bad(where, "only constants can be a variable's first value", Code::kUnsupported);
      }
    }
    return {};
  }

  // Bodies use the same variables by the same numbers.
  void give_variables(graph::Graph& graph) {
    graph.variables = variables;
    for (graph::Graph& inner : graph.subgraphs) give_variables(inner);
  }

  ByteView file_;
  std::string name_;
  const tflite::Model* model_ = nullptr;
  graph::Graph* graph_ = nullptr;         // that is being read
  std::vector<std::int32_t> path_ = {0};  // of subgraphs down to it
  std::size_t bodies_ = 0;
};

}  // namespace

Result<graph::Graph> read_tflite(ByteView file, std::string_view name) {
  return Reader(file, name).read();
}

Result<graph::Outline> outline_tflite(ByteView file, std::string_view name) {
  return Reader(file, name).outline();
}

}  // namespace lichen::formats
