// SPDX-License-Identifier: Apache-2.0
#include "sim/html_report.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "ladder/ladder.hpp"
#include "ports/inference.hpp"
#include "sim/faults.hpp"

namespace lichen::sim {
namespace {

constexpr int kWidth = 1100;
constexpr int kLeft = 110;  // names of rows
constexpr int kRowHeight = 16;
constexpr int kBins = 330;  // answers are counted by bin of time
constexpr int kBinWidth = (kWidth - kLeft) / kBins;

constexpr std::string_view kStyle = R"(<style>
body{font:14px/1.4 system-ui,sans-serif;margin:2em;max-width:1200px;color:#222;background:#fff}
pre{background:#f4f4f2;padding:1em;overflow:auto;font-size:12px}
h2{margin-top:2em;font-size:1.1em}
.broken{background:#fde8e6;border-left:4px solid #c0271b;padding:.6em 1em}
.held{background:#e8f3e6;border-left:4px solid #3b7d2a;padding:.6em 1em}
.legend span{display:inline-block;margin-right:1.2em}
.legend i{display:inline-block;width:12px;height:12px;margin-right:.4em;vertical-align:-1px}
svg{display:block;margin:.4em 0}
text{font:11px system-ui,sans-serif;fill:#444}
</style>
)";

struct Colour {
  std::string_view name;
  std::string_view value;
};
constexpr Colour kUp{"up, serves", "#7fb069"};
constexpr Colour kReady{"loaded, not serving yet", "#cfe3c2"};
constexpr Colour kStarting{"starting", "#f2d377"};
constexpr Colour kDown{"down", "#e6a4a0"};
constexpr Colour kOpen{"breaker open", "#b3474a"};
constexpr Colour kFault{"fault", "#4a5b8c"};
constexpr Colour kAnswers{"answers", "#2f7f7a"};
constexpr Colour kRefusals{"refusals", "#c0271b"};
constexpr std::array<Colour, 8> kLegend = {kUp, kReady, kStarting, kDown, kOpen, kFault, kAnswers, kRefusals};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// What a happening makes of its rung: a colour, or nothing if the rung is not loaded.
const Colour* colour_after(ladder::RungEvent event) {
  switch (event) {
    case ladder::RungEvent::kStarted:
      return &kStarting;
    case ladder::RungEvent::kReady:
      return &kReady;
    case ladder::RungEvent::kServes:
    case ladder::RungEvent::kBreakerClosed:
      return &kUp;
    case ladder::RungEvent::kBreakerOpened:
      return &kOpen;
    case ladder::RungEvent::kUnloaded:
      return nullptr;
    default:
      return &kDown;
  }
}

// One device's drawing: rows from top to bottom are the agent, its rungs, the kinds of faults, answers by rung,
// refusals.
class Drawing {
 public:
  Drawing(TimeNs end_ns, std::vector<const Happening*> happenings)
      : end_ns_(end_ns), happenings_(std::move(happenings)) {}

  std::string svg() {
    add_agent();
    for (std::uint32_t rung = 0; rung < ports::kRungsMax; ++rung) add_rung(rung);
    for (std::uint32_t kind = 0; kind < kFaultKinds; ++kind) add_fault(kind);
    for (std::uint32_t rung = 0; rung < ports::kRungsMax; ++rung) {
      add_counts(fmt::format("answers {}", rung), kAnswers, Happening::What::kAnswer, rung);
    }
    add_counts("refusals", kRefusals, Happening::What::kRefusal, 0);
    add_marks();
    return fmt::format("<svg width=\"{}\" height=\"{}\" role=\"img\">\n{}</svg>\n", kWidth, top_ + kRowHeight, body_);
  }

 private:
  [[nodiscard]] double x(TimeNs time_ns) const {
    const double share = static_cast<double>(std::clamp<TimeNs>(time_ns, 0, end_ns_)) / static_cast<double>(end_ns_);
    return kLeft + share * (kWidth - kLeft);
  }
  void name_row(std::string_view name) {
    body_ += fmt::format("<text x=\"0\" y=\"{}\">{}</text>\n", top_ + 12, escaped(name));
  }
  void bar(TimeNs from_ns, TimeNs to_ns, const Colour& colour, std::string_view title) {
    body_ += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"><title>{}</title></rect>\n", x(from_ns),
        top_ + 2, std::max(0.5, x(to_ns) - x(from_ns)), kRowHeight - 4, colour.value, escaped(title));
  }
  [[nodiscard]] std::string span_text(std::string_view what, TimeNs from_ns, TimeNs to_ns) const {
    return fmt::format("{}: {:.3f} s to {:.3f} s", what, static_cast<double>(from_ns) / 1e9,
                       static_cast<double>(to_ns) / 1e9);
  }

  void add_agent() {
    name_row("agent");
    std::optional<TimeNs> up_ns;
    const auto draw = [&](TimeNs to_ns) {
      if (up_ns) bar(*up_ns, to_ns, kUp, span_text("up", *up_ns, to_ns));
      up_ns.reset();
    };
    for (const Happening* h : happenings_) {
      if (h->what == Happening::What::kAgentUp) up_ns = h->at_ns;
      if (h->what == Happening::What::kAgentDown) draw(h->at_ns);
    }
    draw(end_ns_);
    top_ += kRowHeight;
  }

  void add_rung(std::uint32_t rung) {
    const Colour* now = nullptr;
    TimeNs since_ns = 0;
    bool any = false;
    const auto change = [&](TimeNs at_ns, const Colour* colour) {
      if (now != nullptr) bar(since_ns, at_ns, *now, span_text(now->name, since_ns, at_ns));
      now = colour;
      since_ns = at_ns;
    };
    for (const Happening* h : happenings_) {
      if (h->what == Happening::What::kAgentDown) change(h->at_ns, nullptr);
      if (h->what != Happening::What::kRung || h->rung != rung) continue;
      if (!any) name_row(fmt::format("rung {}", rung));
      any = true;
      change(h->at_ns, colour_after(static_cast<ladder::RungEvent>(h->value)));
    }
    change(end_ns_, nullptr);
    if (any) top_ += kRowHeight;
  }

  void add_fault(std::uint32_t kind) {
    bool any = false;
    for (const Happening* h : happenings_) {
      if (h->what != Happening::What::kStrike || h->value != kind) continue;
      if (!any) name_row(fault_row(kind).name);
      any = true;
      bar(h->at_ns, h->at_ns + std::max<TimeNs>(h->lasts_ns, end_ns_ / 1000), kFault,
          span_text(fault_row(kind).name, h->at_ns, h->at_ns + h->lasts_ns));
    }
    if (any) top_ += kRowHeight;
  }

  void add_counts(const std::string& name, const Colour& colour, Happening::What what, std::uint32_t rung) {
    std::array<std::uint64_t, kBins + 1> bins{};
    for (const Happening* h : happenings_) {
      if (h->what != what || h->rung != rung) continue;
      ++bins[static_cast<std::size_t>(h->at_ns / std::max<TimeNs>(end_ns_ / kBins + 1, 1))];
    }
    const std::uint64_t most = *std::ranges::max_element(bins);
    if (most == 0) return;
    name_row(name);
    for (int i = 0; i < kBins; ++i) {
      const std::uint64_t count = bins[static_cast<std::size_t>(i)];
      if (count == 0) continue;
      const double height = std::max(1.5, (kRowHeight - 4) * static_cast<double>(count) / static_cast<double>(most));
      body_ += fmt::format(
          "<rect x=\"{}\" y=\"{:.1f}\" width=\"{}\" height=\"{:.1f}\" fill=\"{}\"><title>{}</title></rect>\n",
          kLeft + i * kBinWidth, top_ + kRowHeight - 2 - height, kBinWidth, height, colour.value, count);
    }
    top_ += kRowHeight;
  }

  // Lines from top to bottom: where the faults end, and where the invariant broke. And the hours beneath.
  void add_marks() {
    for (const Happening* h : happenings_) {
      if (h->what == Happening::What::kHealed) line(h->at_ns, "#888", to_line(*h));
      if (h->what == Happening::What::kBroken) line(h->at_ns, kRefusals.value, h->text);
    }
    constexpr int kTicks = 8;
    for (int i = 0; i <= kTicks; ++i) {
      const TimeNs at_ns = end_ns_ / kTicks * i;
      body_ += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"{}\">{:.5g} s</text>\n", x(at_ns), top_ + 12,
                           i == 0 ? "start" : "end", static_cast<double>(at_ns) / 1e9);
    }
  }
  void line(TimeNs at_ns, std::string_view colour, std::string_view title) {
    body_ += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"0\" y2=\"{1}\" stroke=\"{2}\" stroke-width=\"2\">"
        "<title>{3}</title></line>\n",
        x(at_ns), top_, colour, escaped(title));
  }

  TimeNs end_ns_;
  std::vector<const Happening*> happenings_;
  int top_ = 0;
  std::string body_;
};

std::string legend() {
  std::string text = "<p class=\"legend\">";
  for (const Colour& colour : kLegend) {
    text += fmt::format("<span><i style=\"background:{}\"></i>{}</span>", colour.value, colour.name);
  }
  return text + "</p>\n";
}

}  // namespace

std::string to_html(const Plan& plan, const Report& report, const Timeline& timeline) {
  std::map<std::uint32_t, std::vector<const Happening*>> by_device;
  for (const std::uint32_t device : plan.devices) by_device[device];
  TimeNs last_ns = 1;
  for (const Happening& h : timeline.happenings) {
    by_device[h.device].push_back(&h);
    last_ns = std::max(last_ns, h.at_ns + 1);
  }
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>lichen sim, seed "
      "{}</title>\n{}</head><body>\n"
      "<h1>Simulated world, seed {}</h1>\n",
      plan.seed, kStyle, plan.seed);
  if (report.violation) {
    const Violation& v = *report.violation;
    html += fmt::format("<p class=\"broken\"><b>Broken:</b> {}<br>{}<br>device {} at {:.6f} s</p>\n",
                        escaped(v.invariant), escaped(v.detail), v.device, static_cast<double>(v.time_ns) / 1e9);
  } else {
    html += "<p class=\"held\">All invariants held.</p>\n";
  }
  html += legend();
  std::vector<std::uint32_t> order;
  for (const auto& [device, happenings] : by_device) order.push_back(device);
  if (report.violation) {  // the broken device first
    std::ranges::stable_partition(order, [&](std::uint32_t device) { return device == report.violation->device; });
  }
  for (std::size_t i = 0; i < std::min(order.size(), kHtmlDevicesMax); ++i) {
    html += fmt::format("<h2>Device {}</h2>\n{}", order[i], Drawing(last_ns, by_device[order[i]]).svg());
  }
  if (order.size() > kHtmlDevicesMax)
    html += fmt::format("<p>{} more devices are not drawn.</p>\n", order.size() - kHtmlDevicesMax);
  return html + "<h2>Numbers</h2>\n<pre>" + escaped(to_text(report)) + "</pre>\n</body></html>\n";
}

}  // namespace lichen::sim
