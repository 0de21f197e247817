// SPDX-License-Identifier: Apache-2.0
#include "graph/draw.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "graph/ops/schema.hpp"
#include "graph/print.hpp"

namespace lichen::graph {
namespace {

constexpr std::size_t kNameShown = 34;
constexpr int kBoxWidth = 250;
constexpr int kBoxHeight = 46;
constexpr int kColumnStep = 290;
constexpr int kRowStep = 92;
constexpr int kMargin = 24;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
  }
  return out;
}

std::string shortened(const std::string& name) {
  if (name.size() <= kNameShown) return name;
  return "..." + name.substr(name.size() - kNameShown + 3);
}

std::string_view colour_of(const OpSchema& schema) {
  if (schema.counts_as_macs) return "#bcd7f5";
  const std::string_view name = schema.name;
  if (name.ends_with("Pool2D") || name.starts_with("Reduce")) return "#cdebc5";
  if (name.ends_with("Norm") || name.ends_with("oftmax")) return "#f7e3b5";
  if (name.find("uantize") != std::string_view::npos) return "#f3cfe0";
  if (name == "Reshape" || name == "Transpose" || name == "Concat" || name == "Slice" || name == "Split" ||
      name == "Gather" || name == "Pad")
    return "#e3e3e8";
  return "#f2efe6";
}

// Weights and the like, one after another.
std::string constants_of(const Graph& graph, const Node& node) {
  std::string text;
  for (const TensorId id : node.inputs) {
    if (id == kNoTensor || !graph.tensor(id).constant) continue;
    if (!text.empty()) text += "  ";
    text += graph.tensor(id).spec.shape.to_text();
  }
  return text;
}

struct Place {
  int row = 0;
  int column = 0;
};

// A node's row is one below the lowest node that it reads from; within a row, nodes stand in the order in which they run,
// near the column of what they read first.
class Layout {
 public:
  explicit Layout(const Graph& graph) : graph_(graph), made_by_(graph.tensors.size(), -1) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) place(i);
  }
  [[nodiscard]] const std::vector<Place>& places() const { return places_; }
  [[nodiscard]] int producer(TensorId id) const { return id == kNoTensor ? -1 : made_by_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] int rows() const { return static_cast<int>(taken_.size()); }
  [[nodiscard]] int columns() const { return columns_; }

 private:
  void place(std::size_t at) {
    Place p;
    bool first = true;
    for (const TensorId id : graph_.nodes[at].inputs) {
      const int from = producer(id);
      if (from < 0) continue;
      const Place& above = places_[static_cast<std::size_t>(from)];
      p.row = std::max(p.row, above.row + 1);
      if (first) p.column = above.column;
      first = false;
    }
    if (static_cast<std::size_t>(p.row) >= taken_.size()) taken_.resize(static_cast<std::size_t>(p.row) + 1);
    auto& row = taken_[static_cast<std::size_t>(p.row)];
    while (std::ranges::find(row, p.column) != row.end()) ++p.column;
    row.push_back(p.column);
    columns_ = std::max(columns_, p.column + 1);
    for (const TensorId id : graph_.nodes[at].outputs) {
      if (id != kNoTensor) made_by_[static_cast<std::size_t>(id)] = static_cast<int>(at);
    }
    places_.push_back(p);
  }

  const Graph& graph_;
  std::vector<int> made_by_;
  std::vector<Place> places_;
  std::vector<std::vector<int>> taken_;  // columns, by row
  int columns_ = 1;
};

int left_of(const Place& p) {
  return kMargin + p.column * kColumnStep;
}
int top_of(const Place& p) {
  return kMargin + (p.row + 1) * kRowStep;
}

std::string box(int x, int y, std::string_view colour, std::string_view title, std::string_view line,
                std::string_view tip) {
  return fmt::format(
      "<g><title>{}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"7\" fill=\"{}\" stroke=\"#555\"/>"
      "<text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text><text x=\"{}\" y=\"{}\" font-size=\"11\">{}</text></g>\n",
      escaped(tip), x, y, kBoxWidth, kBoxHeight, colour, x + 10, y + 19, escaped(title), x + 10, y + 36, escaped(line));
}

std::string line_between(int x1, int y1, int x2, int y2, std::string_view label) {
  const int middle = (y1 + y2) / 2;
  return fmt::format(
      "<path d=\"M{} {} C{} {} {} {} {} {}\" fill=\"none\" stroke=\"#777\" marker-end=\"url(#tip)\"/>"
      "<text x=\"{}\" y=\"{}\" font-size=\"10\" fill=\"#555\">{}</text>\n",
      x1, y1, x1, middle, x2, middle, x2, y2, x2 + 6, y2 - 8, escaped(label));
}

}  // namespace

std::string to_svg(const Graph& graph) {
  const Layout layout(graph);
  const int width = 2 * kMargin + std::max(layout.columns() * kColumnStep, static_cast<int>(graph.inputs.size()) * kColumnStep);
  const int height = 2 * kMargin + (layout.rows() + 2) * kRowStep;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" "
      "markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#777\"/></marker></defs>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  std::vector<int> input_column(graph.tensors.size(), -1);
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const Tensor& tensor = graph.tensor(graph.inputs[i]);
    input_column[static_cast<std::size_t>(graph.inputs[i])] = static_cast<int>(i);
    svg += box(kMargin + static_cast<int>(i) * kColumnStep, kMargin, "#ffffff", "input", to_text(tensor), tensor.spec.name);
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Place& to = layout.places()[i];
    for (const TensorId id : graph.nodes[i].inputs) {
      if (id == kNoTensor) continue;
      const int from = layout.producer(id);
      const int input = input_column[static_cast<std::size_t>(id)];
      if (from < 0 && input < 0) continue;
      const int x = from >= 0 ? left_of(layout.places()[static_cast<std::size_t>(from)]) : kMargin + input * kColumnStep;
      const int y = from >= 0 ? top_of(layout.places()[static_cast<std::size_t>(from)]) : kMargin;
      svg += line_between(x + kBoxWidth / 2, y + kBoxHeight, left_of(to) + kBoxWidth / 2, top_of(to),
                          to_text(graph.tensor(id)));
    }
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const OpSchema& schema = schema_of(node.op);
    std::string detail = constants_of(graph, node);
    if (const std::int64_t macs = macs_of(graph, node); macs > 0) detail += fmt::format("  {} MACs", macs);
    svg += box(left_of(layout.places()[i]), top_of(layout.places()[i]), colour_of(schema),
               fmt::format("{}  {}", i, schema.name), shortened(detail.empty() ? node.name : detail), node.name);
  }
  for (const TensorId id : graph.outputs) {
    const int from = layout.producer(id);
    if (from < 0) continue;
    const Place& p = layout.places()[static_cast<std::size_t>(from)];
    svg += line_between(left_of(p) + kBoxWidth / 2, top_of(p) + kBoxHeight, left_of(p) + kBoxWidth / 2,
                        top_of(p) + kRowStep - 10, "output " + graph.tensor(id).spec.name + "  " + to_text(graph.tensor(id)));
  }
  return svg + "</svg>\n";
}

std::string to_dot(const Graph& graph) {
  const Layout layout(graph);
  std::string dot = "digraph model {\n  node [shape=box style=\"rounded,filled\" fontname=\"sans-serif\"];\n";
  const auto quoted = [](std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
    return out + '"';
  };
  for (const TensorId id : graph.inputs)
    dot += fmt::format("  t{} [label={} fillcolor=white];\n", id, quoted(graph.tensor(id).spec.name + "  " + to_text(graph.tensor(id))));
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const OpSchema& schema = schema_of(node.op);
    dot += fmt::format("  n{} [label={} tooltip={} fillcolor={}];\n", i,
                       quoted(fmt::format("{} {}  {}", i, schema.name, constants_of(graph, node))), quoted(node.name),
                       quoted(colour_of(schema)));
    for (const TensorId id : node.inputs) {
      if (id == kNoTensor || graph.tensor(id).constant) continue;
      const int from = layout.producer(id);
      const std::string source = from >= 0 ? fmt::format("n{}", from) : fmt::format("t{}", id);
      dot += fmt::format("  {} -> n{} [label={}];\n", source, i, quoted(to_text(graph.tensor(id))));
    }
  }
  return dot + "}\n";
}

}  // namespace lichen::graph
