// SPDX-License-Identifier: Apache-2.0
#include "onnx/importer.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "graph/ops/schema.hpp"
#include "graph/verify.hpp"
#include "onnx/names.hpp"
#include "onnx/onnx.hpp"
#include "onnx/order.hpp"
#include "onnx/tensors.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::TensorId;

namespace {

constexpr std::size_t kRefusalsShownMax = 64;
constexpr std::size_t kFunctionDepthMax = 16;
constexpr std::size_t kBodyDepthMax = graph::kSubgraphDepthMax;

std::unexpected<Error> bad(std::string where, std::string why, Code code = Code::kBadInput) {
  return fail(code, "cannot load model", std::move(where), std::move(why));
}

std::array<std::span<const OnnxOp>, 8> tables() {
  return {math_ops(), reduce_ops(), movement_ops(), make_ops(), window_ops(), layer_ops(), norm_ops(), quantized_ops()};
}

const OnnxOp* row_named(std::string_view domain, std::string_view name) {
  for (const std::span<const OnnxOp> table : tables()) {
    const auto row = std::ranges::find_if(
        table, [&](const OnnxOp& candidate) { return candidate.name == name && candidate.domain == domain; });
    if (row != table.end()) return &*row;
  }
  return nullptr;
}

}  // namespace

std::string domain_of(const std::string& domain) {
  return domain == "ai.onnx" ? std::string{} : domain;
}

std::string op_text(const ::onnx::NodeProto& node) {
  const std::string domain = domain_of(node.domain());
  return domain.empty() ? clean_name(node.op_type()) : clean_name(domain + "." + node.op_type());
}

const OnnxOp* find_onnx_op(std::string_view domain, std::string_view name, std::int64_t opset) {
  const OnnxOp* row = row_named(domain, name);
  return row != nullptr && row->since <= opset ? row : nullptr;
}

std::vector<OnnxOperator> onnx_operators() {
  std::vector<OnnxOperator> operators;
  for (const std::span<const OnnxOp> table : tables()) {
    for (const OnnxOp& row : table) operators.push_back({row.domain, row.name, row.since});
  }
  return operators;
}

Result<graph::Graph> Importer::run() {
  LICHEN_TRY(read_opsets());
  LICHEN_TRY(read_functions());
  LICHEN_TRY(check_operators());
  Builder builder(name_, nullptr);
  LICHEN_TRY(read_graph(*model_.mutable_graph(), weights_, builder));
  LICHEN_TRY(refusals());
  builder.drop_unused();
  builder.graph().rounding = graph::IntegerRounding::kNearestEven;
  LICHEN_TRY(graph::infer_types(builder.graph()));
  return std::move(builder.graph());
}

Result<void> Importer::read_opsets() {
  if (!model_.has_graph()) return bad(name_, "it has no graph");
  for (const auto& import : model_.opset_import()) {
    const auto [known, is_new] = opsets_.try_emplace(domain_of(import.domain()), import.version());
    if (!is_new && known->second != import.version())  // the same one twice is what merging tools leave behind
      return bad(name_, fmt::format("two opsets of domain '{}'", clean_name(import.domain())));
  }
  if (opsets_.empty()) return bad(name_, "it says no opset, as files of ONNX before 1.2 do", Code::kUnsupported);
  const auto standard = opsets_.find("");
  if (standard != opsets_.end() && (standard->second < kOnnxOpsetMin || standard->second > kOnnxOpsetMax)) {
    return fail(Code::kUnsupported, "cannot load model", name_,
                fmt::format("opset {}, {} to {} are read", standard->second, kOnnxOpsetMin, kOnnxOpsetMax),
                "export it for opset 17");
  }
  return {};
}

Result<void> Importer::read_functions() {
  for (const ::onnx::FunctionProto& function : model_.functions()) {
    if (!functions_.try_emplace({domain_of(function.domain()), function.name()}, &function).second)
      return bad(fmt::format("{}, function '{}'", name_, clean_name(function.name())), "there are two of this name");
  }
  return {};
}

const ::onnx::FunctionProto* Importer::function_of(const ::onnx::NodeProto& node) const {
  const auto found = functions_.find({domain_of(node.domain()), node.op_type()});
  return found == functions_.end() ? nullptr : found->second;
}

// All operators that no table has, before anything else is looked at.
Result<void> Importer::check_operators() {
  collect_unknown(model_.graph().node(), opsets_, 0);
  for (const auto& [name, function] : functions_) {
    Opsets opsets;
    for (const auto& import : function->opset_import()) opsets[domain_of(import.domain())] = import.version();
    collect_unknown(function->node(), opsets, 0);
  }
  return refusals();
}

void Importer::collect_unknown(const google::protobuf::RepeatedPtrField<::onnx::NodeProto>& nodes, const Opsets& opsets,
                               std::size_t depth) {
  if (depth > kBodyDepthMax) return add_refusal(fmt::format("graphs nested deeper than {}", kBodyDepthMax));
  for (int at = 0; at < nodes.size(); ++at) {
    const ::onnx::NodeProto& node = nodes.Get(at);
    const std::string domain = domain_of(node.domain());
    const auto opset = opsets.find(domain);
    if (function_of(node) == nullptr) {
      const std::string what = fmt::format("node {} '{}' {}", at, clean_name(node.name()), op_text(node));
      if (opset == opsets.end()) {
        add_refusal(fmt::format("{} (no opset of its domain is imported)", what));
      } else if (const OnnxOp* row = row_named(domain, node.op_type()); row == nullptr) {
        add_refusal(what);
      } else if (row->since > opset->second) {
        add_refusal(fmt::format("{} (opset {} does not have it)", what, opset->second));
      }
    }
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_g()) collect_unknown(attribute.g().node(), opsets, depth + 1);
    }
  }
}

void Importer::add_refusal(std::string why) {
  if (++refused_count_ <= kRefusalsShownMax) refused_.push_back(std::move(why));
}

Result<void> Importer::refusals() const {
  if (refused_count_ == 0) return {};
  return bad(name_,
             fmt::format("{} of its operators are not supported: {}{}", refused_count_, fmt::join(refused_, ", "),
                         refused_count_ > refused_.size() ? ", ..." : ""),
             Code::kUnsupported);
}

Result<void> Importer::read_graph(::onnx::GraphProto& proto, std::span<const ByteView> weights, Builder& builder) {
  if (proto.sparse_initializer_size() > 0) return bad(name_, "sparse initializers", Code::kUnsupported);
  for (const ::onnx::ValueInfoProto& info : proto.value_info()) {
    if (!info.type().has_tensor_type()) continue;
    const auto& type = info.type().tensor_type();
    Hint hint{std::nullopt, dtype_of_onnx(type.elem_type())};
    if (type.has_shape()) hint.rank = static_cast<std::size_t>(type.shape().dim_size());
    builder.name_hint(info.name(), hint);
  }
  for (int i = 0; i < proto.initializer_size(); ++i) {
    ::onnx::TensorProto& initializer = *proto.mutable_initializer(i);
    const auto at = static_cast<std::size_t>(i);
    LICHEN_TRY(builder.define_pending(initializer.name(), &initializer, at < weights.size() ? weights[at] : ByteView{}));
  }
  LICHEN_TRY(read_inputs(proto, builder));
  LICHEN_TRY(read_nodes(proto.node(), builder));
  for (const ::onnx::TensorProto& initializer : proto.initializer()) {  // those that nothing read are to be sound, too
    auto id = builder.lookup(initializer.name());
    if (!id && refused_count_ == 0) return std::unexpected(std::move(id).error());
  }
  return read_outputs(proto, builder);
}

// A body takes tensors from around it, but has no inputs of its own in If.
Result<void> Importer::read_body(const ::onnx::GraphProto& proto, Builder& body) {
  if (proto.input_size() > 0) return bad(body.graph().name, "a branch with inputs");
  // Initializers are emptied when they are read; a function's body may be read again.
  ::onnx::GraphProto copy(proto);
  return read_graph(copy, {}, body);
}

Result<void> Importer::read_inputs(const ::onnx::GraphProto& proto, Builder& builder) {
  std::set<std::string> initialized;
  for (const auto& initializer : proto.initializer()) initialized.insert(initializer.name());
  for (const ::onnx::ValueInfoProto& info : proto.input()) {
    if (!initialized.contains(info.name())) LICHEN_TRY(read_input(info, builder));
  }
  return {};
}

Result<void> Importer::read_input(const ::onnx::ValueInfoProto& info, Builder& builder) {
  const std::string where = fmt::format("{}, input '{}'", name_, clean_name(info.name()));
  if (!info.type().has_tensor_type()) return bad(where, "it is no tensor", Code::kUnsupported);
  const auto& type = info.type().tensor_type();
  const auto dtype = dtype_of_onnx(type.elem_type());
  if (!dtype) return bad(where, fmt::format("{} elements", onnx_type_name(type.elem_type())), Code::kUnsupported);
  if (!type.has_shape()) return bad(where, "it has no shape", Code::kUnsupported);
  Dims dims;
  graph::Graph& graph = builder.graph();
  for (const auto& dim : type.shape().dim()) {
    if (!dim.has_dim_value()) {
      graph.free_dimensions.push_back({graph.inputs.size(), dims.size(), clean_name(dim.dim_param())});
    }
    dims.push_back(dim.has_dim_value() ? dim.dim_value() : 1);
  }
  const tensor::Shape shape = LICHEN_TRY(tensor::Shape::make(dims, where));
  const TensorId id = graph.add(clean_name(info.name()), *dtype, shape);
  graph.inputs.push_back(id);
  return builder.define(info.name(), id);
}

// An output is computed by a node of its own: one that is an input, a constant or an output already is copied.
Result<void> Importer::read_outputs(const ::onnx::GraphProto& proto, Builder& builder) {
  std::set<TensorId> taken(builder.graph().inputs.begin(), builder.graph().inputs.end());
  for (const ::onnx::ValueInfoProto& info : proto.output()) {
    const std::string where = fmt::format("{}, output '{}'", name_, clean_name(info.name()));
    TensorId id = LICHEN_TRY(builder.lookup(info.name()));
    if (id == kNoTensor) return bad(where, "no node computes it");
    taken.insert(builder.graph().inputs.begin(), builder.graph().inputs.end());  // it may have just been captured
    if (taken.contains(id) || builder.tensor(id).constant) {
      auto copy = builder.emit(graph::Op::kIdentity, graph::NoAttributes{}, {id}, clean_name(info.name()), {true});
      if (!copy) {
        copy.error().where = where;
        return std::unexpected(std::move(copy).error());
      }
      id = (*copy)[0];
    }
    taken.insert(id);
    builder.graph().tensor(id).spec.name = clean_name(info.name());
    builder.graph().outputs.push_back(id);
  }
  return {};
}

Result<void> Importer::read_nodes(const google::protobuf::RepeatedPtrField<::onnx::NodeProto>& nodes, Builder& builder) {
  for (const int at : running_order(nodes))
    LICHEN_TRY(read_node(nodes.Get(at), static_cast<std::size_t>(at), builder));
  return {};
}

Result<void> Importer::read_node(const ::onnx::NodeProto& node, std::size_t at, Builder& builder) {
  if (++nodes_ > graph::kNodesMax) return bad(name_, fmt::format("more than {} nodes", graph::kNodesMax), Code::kExhausted);
  const auto done = [&]() -> Result<void> {
    if (const auto* function = function_of(node)) return inline_function(node, *function, builder);
    const auto opset = opsets_.find(domain_of(node.domain()));
    const OnnxOp* row = opset == opsets_.end() ? nullptr : find_onnx_op(opset->first, node.op_type(), opset->second);
    if (row == nullptr) return bad({}, "it is not supported", Code::kUnsupported);
    return read_call(node, *row, opset->second, builder);
  }();
  if (done) return {};
  Error error = done.error();
  error.what = "cannot load model";
  const std::string place = fmt::format("node {} '{}' {}", at, clean_name(node.name()), op_text(node));
  const std::size_t tensor = std::min(error.where.find("tensor '"), error.where.find("initializer '"));
  if (error.code == Code::kUnsupported || refused_count_ > 0) {
    if (error.code == Code::kUnsupported) add_refusal(fmt::format("{} ({})", place, error.why));
    for (const std::string& output : node.output()) {  // so that the others can be looked at, too
      if (!output.empty() && !builder.defines(output))
        LICHEN_TRY(builder.define(output, builder.graph().add_unknown(clean_name(output))));
    }
    return {};
  }
  error.where = fmt::format("{}, {}{}", name_, place,
                            tensor == std::string::npos ? "" : ", " + error.where.substr(tensor));
  return std::unexpected(std::move(error));
}

Result<void> Importer::read_call(const ::onnx::NodeProto& node, const OnnxOp& row, std::int64_t opset,
                                 Builder& builder) {
  Call call(*this, builder, node, row, opset);
  const HalfRule half = half_rule(row.name);
  call.widen_inputs(half);
  const auto first = static_cast<TensorId>(builder.graph().tensors.size());
  Ids outputs = call.failed() ? Ids{} : row.translate(call);
  call.narrow_outputs(half, outputs);
  if (!call.failed()) call.check_all_used();
  for (std::size_t i = outputs.size(); i < call.output_count() && !call.failed(); ++i) {
    if (call.wants(i)) call.refuse(fmt::format("its output {} is not computed", i));
  }
  if (call.failed()) return std::unexpected(*call.error());
  for (std::size_t i = 0; i < outputs.size() && i < call.output_count(); ++i) {
    const std::string& name = node.output(static_cast<int>(i));
    if (name.empty()) continue;
    if (outputs[i] == kNoTensor) return bad({}, fmt::format("its output {} is not computed", i), Code::kUnsupported);
    LICHEN_TRY(builder.define(name, outputs[i]));
    if (outputs[i] >= first) builder.graph().tensor(outputs[i]).spec.name = clean_name(name);
  }
  return {};
}

Result<void> Importer::inline_function(const ::onnx::NodeProto& node, const ::onnx::FunctionProto& function,
                                       Builder& builder) {
  if (function_depth_ >= kFunctionDepthMax)
    return bad({}, fmt::format("functions call each other deeper than {}", kFunctionDepthMax));
  if (node.input_size() > function.input_size() || node.output_size() > function.output_size())
    return bad({}, "it has more inputs or outputs than its function");
  Builder::Names inner;
  for (int i = 0; i < node.input_size(); ++i) {
    if (node.input(i).empty()) continue;
    const TensorId id = LICHEN_TRY(builder.lookup(node.input(i)));
    if (id == kNoTensor)
      return bad({}, fmt::format("its input '{}' is not computed before it", clean_name(node.input(i))));
    inner[function.input(i)] = {id, nullptr, {}};
  }
  Opsets opsets;
  for (const auto& import : function.opset_import()) opsets[domain_of(import.domain())] = import.version();
  std::swap(opsets, opsets_);
  ++function_depth_;
  Builder::Names outer = builder.enter_function(std::move(inner));
  Ids outputs;
  const auto body = [&]() -> Result<void> {
    for (int at = 0; at < function.node_size(); ++at) {
      ::onnx::NodeProto copy = function.node(at);
      for (const std::string& input : copy.input()) {
        // An optional input that the caller left out is left out inside, too.
        if (!input.empty() && !builder.defines(input) &&
            std::ranges::find(function.input(), input) != function.input().end())
          LICHEN_TRY(builder.define(input, kNoTensor));
      }
      copy.clear_attribute();
      for (const auto& attribute : function.node(at).attribute()) {
        if (attribute.ref_attr_name().empty()) {
          *copy.add_attribute() = attribute;
          continue;
        }
        const auto same_name = [&](const auto& given) { return given.name() == attribute.ref_attr_name(); };
        const auto given = std::ranges::find_if(node.attribute(), same_name);
        if (given == node.attribute().end()) continue;
        auto* added = copy.add_attribute();
        *added = *given;
        added->set_name(attribute.name());
      }
      LICHEN_TRY(read_node(copy, static_cast<std::size_t>(at), builder));
    }
    for (int i = 0; i < node.output_size(); ++i) {
      const TensorId id = LICHEN_TRY(builder.lookup(function.output(i)));
      if (id == kNoTensor) return bad({}, fmt::format("its function does not compute output {}", i));
      outputs.push_back(id);
    }
    return {};
  }();
  builder.leave_function(std::move(outer));
  --function_depth_;
  std::swap(opsets, opsets_);
  LICHEN_TRY(body);
  for (int i = 0; i < node.output_size(); ++i) {
    if (!node.output(i).empty()) LICHEN_TRY(builder.define(node.output(i), outputs[static_cast<std::size_t>(i)]));
  }
  return {};
}

}  // namespace lichen::formats
