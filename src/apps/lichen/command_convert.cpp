// SPDX-License-Identifier: Apache-2.0
// lichen convert: a model from one format into another, and what that changed. The new file is read back and both are
// run on seeded inputs before it is kept.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/json.hpp"
#include "commands.hpp"
#include "difference.hpp"
#include "engine/session.hpp"
#include "engine/specialize.hpp"
#include "formats/tflite.hpp"
#include "graph/ops/schema.hpp"
#include "graph/rewrites.hpp"
#include "model_file.hpp"
#include "onnx/onnx.hpp"
#include "posix/files.hpp"
#include "tensor/half.hpp"

namespace lichen::tool {
namespace {

constexpr std::size_t kSamples = 3;
constexpr double kRelativeMax = 1e-3;  // of f32 answers; beyond it something is wrong, not rounded
constexpr double kStepsMax = 1;        // of integers that are rounded in another place; beyond it they differ

struct Options {
  std::string from;
  std::string to;
  bool force = false;
  bool json = false;
};

struct Format {
  std::string_view name;
  std::string_view ending;
  Result<Bytes> (*write)(const graph::Graph&);
  Result<graph::Graph> (*read)(ByteView, std::string_view);
};
constexpr Format kFormats[] = {
    {"tflite", ".tflite", formats::write_tflite, formats::read_tflite},
    {"onnx", ".onnx", formats::write_onnx, formats::read_onnx},
};

Result<const Format*> format_of(const std::string& path) {
  for (const Format& format : kFormats) {
    if (path.ends_with(format.ending)) return &format;
  }
  return fail(Code::kBadInput, "cannot convert", path, "the ending says no format", "name it .tflite or .onnx");
}

using Counts = std::map<std::string, std::size_t>;

Counts ops_of(const graph::Graph& graph) {
  Counts counts;
  for (const graph::Node& node : graph.nodes) ++counts[std::string(graph::schema_of(node.op).name)];
  return counts;
}

// Nodes that follow from constants alone.
std::size_t constant_nodes(const graph::Graph& graph) {
  std::vector<bool> constant(graph.tensors.size());
  for (std::size_t i = 0; i < constant.size(); ++i) constant[i] = graph.tensors[i].constant.has_value();
  std::size_t count = 0;
  for (const graph::Node& node : graph.nodes) {
    if (graph::schema_of(node.op).has_state || node.op == graph::Op::kIf || node.inputs.empty()) continue;
    const bool all = std::ranges::all_of(node.inputs, [&](graph::TensorId id) {
      return id == graph::kNoTensor || constant[static_cast<std::size_t>(id)];
    });
    if (!all) continue;
    ++count;
    for (const graph::TensorId id : node.outputs) {
      if (id != graph::kNoTensor) constant[static_cast<std::size_t>(id)] = true;
    }
  }
  return count;
}

// Are values rounded to steps on the way, which formats do in different places? In integer layers, and in layers of
// floats by integer weights, whose inputs TFLite quantizes for the occasion ("dynamic range") and ONNX takes as they
// are.
bool rounds_on_the_way(const graph::Graph& graph) {
  const auto is_quantized = [&](graph::TensorId id) {
    return id != graph::kNoTensor && !graph.tensor(id).quantization.empty();
  };
  return std::ranges::any_of(graph.nodes, [&](const graph::Node& node) {
    return node.op != graph::Op::kDequantize &&
           (std::ranges::any_of(node.inputs, is_quantized) || std::ranges::any_of(node.outputs, is_quantized));
  });
}

// The new file's bytes, by the first form of the graph that its format can express.
struct Written {
  Bytes file;
  std::string_view form;
};
Result<Written> write_as(const Format& format, const graph::Graph& graph) {
  Result<Written> answer = fail(Code::kInternal, "cannot convert", graph.name, "nothing was tried");
  for (const bool rewrite : {true, false}) {
    const auto special = engine::specialize(graph, {.input_shapes = {}, .rewrite = rewrite});
    if (!special) continue;
    auto file = format.write(*special);
    if (file) return Written{*std::move(file), rewrite ? "rewritten" : "folded"};
    answer = std::unexpected(std::move(file).error());
  }
  auto file = format.write(graph);
  if (file) return Written{*std::move(file), "as it was"};
  return std::unexpected(std::move(file).error());
}

// A byte of a stream that the seed, the sample and the input decide.
std::uint8_t seeded_byte(std::size_t sample, std::size_t input, std::size_t at) {
  std::uint64_t x = (at + 1) * 0x9E3779B97F4A7C15ULL + sample * 1000003 + input * 7919;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return static_cast<std::uint8_t>((x ^ (x >> 31)) >> 56);
}

template <typename T>
void put(std::span<std::byte> to, std::size_t i, T value) {
  std::memcpy(to.data() + i * sizeof(T), &value, sizeof(T));
}

// f32 in [-1, 1]; bytes over their range; other integers 0 or 1, which most indices and lengths allow.
void fill(engine::Session& session, std::size_t sample) {
  for (std::size_t t = 0; t < session.inputs().size(); ++t) {
    const std::span<std::byte> to = session.input(t);
    const tensor::DType dtype = session.inputs()[t].spec.dtype;
    for (std::size_t i = 0; i < to.size() / size_of(dtype); ++i) {
      const std::uint8_t byte = seeded_byte(sample, t, i);
      const int bit = byte >> 7;
      if (dtype == tensor::DType::kF32) put(to, i, static_cast<float>(byte) / 127.5F - 1.0F);
      if (dtype == tensor::DType::kI8 || dtype == tensor::DType::kU8) put(to, i, byte);
      if (dtype == tensor::DType::kBool) put(to, i, static_cast<std::uint8_t>(bit));
      if (dtype == tensor::DType::kF16) put(to, i, tensor::half_of_float(static_cast<float>(byte) / 127.5F - 1.0F));
      if (dtype == tensor::DType::kI16) put(to, i, static_cast<std::int16_t>(bit));
      if (dtype == tensor::DType::kI32) put(to, i, static_cast<std::int32_t>(bit));
      if (dtype == tensor::DType::kI64) put(to, i, static_cast<std::int64_t>(bit));
    }
  }
}

// How far the answers of two models lie apart: reals relative to the largest value of their output, integers in steps.
struct Worst {
  double relative = 0;
  double steps = 0;
  std::size_t values = 0;
  std::size_t differing = 0;
};

enum class Verdict : std::uint8_t { kEqual, kClose, kDiffers };
constexpr std::string_view kVerdicts[] = {"equal", "close", "differs"};

Verdict verdict_of(const Worst& worst) {
  if (worst.differing == 0) return Verdict::kEqual;
  return worst.relative <= kRelativeMax && worst.steps <= kStepsMax ? Verdict::kClose : Verdict::kDiffers;
}

Result<void> compare(const engine::Session& before, const engine::Session& after, Worst& worst) {
  for (std::size_t i = 0; i < before.outputs().size(); ++i) {
    const Difference found =
        LICHEN_TRY(difference_of({after.outputs()[i], after.output(i)}, {before.outputs()[i], before.output(i)}));
    double& to = found.is_real ? worst.relative : worst.steps;
    to = std::max(to, found.is_real ? found.relative : found.largest);
    worst.values += found.values;
    worst.differing += found.differing;
  }
  return {};
}

Result<Worst> worst_of(const graph::Graph& before, const graph::Graph& after) {
  const auto a = LICHEN_TRY(engine::Session::create(before, {}));
  const auto b = LICHEN_TRY(engine::Session::create(after, {}));
  if (a->inputs().size() != b->inputs().size() || a->outputs().size() != b->outputs().size())
    return fail(Code::kInternal, "cannot convert", before.name, "inputs or outputs were lost");
  Worst worst;
  for (std::size_t sample = 0; sample < kSamples; ++sample) {  // in a row: state goes on from one to the next
    fill(*a, sample);
    for (std::size_t i = 0; i < a->inputs().size(); ++i) {
      if (a->input(i).size() != b->input(i).size())
        return fail(Code::kInternal, "cannot convert", a->inputs()[i].spec.name,
                    "the input has another size afterwards");
      std::ranges::copy(a->input(i), b->input(i).begin());
    }
    LICHEN_TRY(a->run());
    LICHEN_TRY(b->run());
    LICHEN_TRY(compare(*a, *b, worst));
  }
  return worst;
}

std::vector<std::string> changes_of(const graph::Graph& before, const graph::Graph& after, std::string_view form) {
  std::vector<std::string> changes;
  if (form != "as it was") {
    const std::size_t folded = constant_nodes(before);
    if (folded > 0) changes.push_back(fmt::format("{} nodes that follow from constants were computed", folded));
  }
  const auto transposes = [](const graph::Graph& g) {
    return std::ranges::count(g.nodes, graph::Op::kTranspose, &graph::Node::op);
  };
  if (transposes(before) > transposes(after))
    changes.push_back(
        fmt::format("{} of {} transposes were removed", transposes(before) - transposes(after), transposes(before)));
  if (before.rounding != after.rounding && rounds_on_the_way(before)) {
    changes.push_back(after.rounding == graph::IntegerRounding::kFixedPoint
                          ? "integer layers round by fixed-point multipliers now, before by halves to even"
                          : "integer layers round halves to even now, before by fixed-point multipliers");
  }
  for (const graph::FreeDimension& free : before.free_dimensions) {
    const bool still = std::ranges::any_of(after.free_dimensions, [&](const graph::FreeDimension& f) {
      return f.input == free.input && f.axis == free.axis;
    });
    if (still) continue;
    const tensor::Shape& shape = before.tensor(before.inputs[free.input]).spec.shape;
    changes.push_back(
        fmt::format("dimension {} of input {} was open and is {} now", free.axis, free.input, shape[free.axis]));
  }
  return changes;
}

void print_counts(const Counts& before, const Counts& after) {
  Counts all = before;
  all.insert(after.begin(), after.end());
  fmt::print("{:<24} {:>7} {:>7}\n", "op", "before", "after");
  for (const auto& [name, unused] : all) {
    const auto count = [&](const Counts& in) { return in.contains(name) ? in.at(name) : 0; };
    if (count(before) + count(after) > 0) fmt::print("{:<24} {:>7} {:>7}\n", name, count(before), count(after));
  }
}

struct Report {
  const Options& options;
  const ModelFile& model;
  const graph::Graph& after;
  const Written& written;
  std::vector<std::string> changes;
  const Result<Worst>& difference;
};

void print_json(const Report& r) {
  Json out = {{"schema", "lichen.convert.v1"},       {"from", r.options.from},       {"to", r.options.to},
              {"from_format", r.model.format},       {"graph", r.written.form},      {"bytes", r.written.file.size()},
              {"ops_before", ops_of(r.model.graph)}, {"ops_after", ops_of(r.after)}, {"changes", r.changes}};
  if (r.difference) {
    out["difference"] = {{"samples", kSamples},
                         {"verdict", kVerdicts[static_cast<std::size_t>(verdict_of(*r.difference))]},
                         {"values", r.difference->values},
                         {"differing", r.difference->differing},
                         {"f32_relative", r.difference->relative},
                         {"integer_steps", r.difference->steps}};
  } else {
    out["not_compared"] = r.difference.error().to_line();
  }
  fmt::print("{}\n", out.dump());
}

// "within 1 step (12 of 300 values differ)"
std::string text_of(const Worst& worst) {
  const Verdict verdict = verdict_of(worst);
  if (verdict == Verdict::kEqual) return fmt::format("equal, all {} values", worst.values);
  std::string far;
  if (worst.relative > 0) far = fmt::format("{:.2g} of the largest value", worst.relative);
  if (worst.steps > 0)
    far += fmt::format("{}{} step{}", far.empty() ? "" : " and ", worst.steps, worst.steps == 1 ? "" : "s");
  return fmt::format("{} {} ({} of {} values differ)", verdict == Verdict::kClose ? "within" : "DIFFERS, by", far,
                     worst.differing, worst.values);
}

void print_text(const Report& r) {
  fmt::print("{} ({}) -> {} ({} bytes)\n", r.options.from, r.model.format, r.options.to, r.written.file.size());
  print_counts(ops_of(r.model.graph), ops_of(r.after));
  for (const std::string& change : r.changes) fmt::print("{}\n", change);
  if (r.difference) {
    fmt::print("compared on {} seeded inputs: {}\n", kSamples, text_of(*r.difference));
    if (verdict_of(*r.difference) == Verdict::kDiffers && rounds_on_the_way(r.model.graph)) {
      fmt::print("integer layers are rounded in other places: compare both on your own data before you trust the new "
                 "file\n");
    }
  } else {
    fmt::print("not compared: {}\n", r.difference.error().to_line());
  }
}

Result<int> convert(const Options& options) {
  const Format& format = *LICHEN_TRY(format_of(options.to));
  std::error_code ignored;
  if (!options.force && std::filesystem::exists(options.to, ignored))
    return fail(Code::kBadInput, "cannot convert", options.to, "the file exists", "use --force to replace it");
  const ModelFile model = LICHEN_TRY(load_model(options.from));
  const Written written = LICHEN_TRY(write_as(format, model.graph));
  const graph::Graph after = LICHEN_TRY(format.read(written.file, options.to));
  const auto difference = worst_of(model.graph, after);
  // Not so if only the seeded inputs were refused, indices out of range among them: then the report says so.
  if (!difference && difference.error().code != Code::kBadInput && !options.force) {
    Error error = difference.error();
    error.why += ", so its answers could not be compared, and it was not written";
    error.hint = "--force writes it all the same";
    return std::unexpected(std::move(error));
  }
  if (difference && difference->relative > kRelativeMax && !rounds_on_the_way(model.graph) && !options.force) {
    return fail(Code::kInternal, "cannot convert", options.to,
                fmt::format("its answers differ by {:.2g} of the largest, so it was not written", difference->relative),
                "--force writes it all the same");
  }
  LICHEN_TRY(posix::write_file(options.to, written.file));
  const Report report{options, model, after, written, changes_of(model.graph, after, written.form), difference};
  options.json ? print_json(report) : print_text(report);
  return 0;
}

}  // namespace

Command add_convert(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("from", options->from, "a .tflite or .onnx file")->required();
  app.add_option("to", options->to, "the file to make; its ending says the format")->required();
  app.add_flag("--force", options->force, "replace a file that exists, and keep one that answers differently");
  app.add_flag("--json", options->json, "one JSON object");
  app.footer(
      "Both models are run on seeded inputs; the report says how far their answers lie apart (integers in steps), "
      "which\n"
      "ops there were and are, what was folded, and how rounding changes.");
  return [options] { return convert(*options); };
}

}  // namespace lichen::tool
