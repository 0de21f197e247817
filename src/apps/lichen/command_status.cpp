// SPDX-License-Identifier: Apache-2.0
// lichen status and lichen top: what a device says of itself, for people; once, or again and again.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "base/json.hpp"
#include "commands.hpp"

namespace lichen::tool {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::chrono::seconds kPatience(3);
constexpr const char* kClearScreen = "\033[H\033[2J";
constexpr int kEveryMsMin = 100;
constexpr int kEveryMsMax = 3'600'000;

struct Options {
  std::string url = "http://127.0.0.1:8080";
  bool json = false;
  int every_ms = 1000;      // top: between two looks
  std::uint64_t times = 0;  // top: looks; 0: until it is interrupted
};

struct Target {
  std::string host;
  std::string port;
};

Result<Target> parse_url(const std::string& url) {
  std::string_view rest = url;
  if (rest.starts_with("http://")) rest.remove_prefix(7);
  rest = rest.substr(0, rest.find('/'));
  const std::size_t colon = rest.rfind(':');
  if (rest.empty() || colon == 0) return fail(Code::kBadInput, "bad address", url, "not http://HOST:PORT");
  if (colon == std::string_view::npos) return Target{std::string(rest), "8080"};
  return Target{std::string(rest.substr(0, colon)), std::string(rest.substr(colon + 1))};
}

Result<std::string> get(const Target& target, const std::string& url) {
  const auto unreachable = [&](const beast::error_code& error) {
    return fail(Code::kUnavailable, "cannot reach the device", url, error.message(),
                "is lichend running, and on this address?");
  };
  asio::io_context io;
  beast::error_code error;
  const auto addresses = asio::ip::tcp::resolver(io).resolve(target.host, target.port, error);
  if (error) return unreachable(error);
  beast::tcp_stream stream(io);
  http::request<http::empty_body> request(http::verb::get, "/lichen/v1/status", 11);
  request.set(http::field::host, target.host);
  request.set(http::field::connection, "close");
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  // Asynchronous only because synchronous operations of a stream have no time limit.
  stream.expires_after(kPatience);
  stream.async_connect(addresses, [&](beast::error_code connected, const auto&) {
    error = connected;
    if (error) return;
    http::async_write(stream, request, [&](beast::error_code written, std::size_t) {
      error = written;
      if (error) return;
      http::async_read(stream, buffer, response, [&](beast::error_code read, std::size_t) { error = read; });
    });
  });
  io.run();
  if (error) return unreachable(error);
  if (response.result() != http::status::ok) {
    return fail(Code::kUnavailable, "the device gave no status", url, fmt::format("HTTP {}", response.result_int()),
                "is it lichend?");
  }
  return response.body();
}

std::string text_at(const Json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || at->is_null()) return "-";
  return at->is_string() ? at->get<std::string>() : at->dump();
}

std::uint64_t sum_of(const Json& counters) {
  std::uint64_t sum = 0;
  for (const auto& [name, count] : counters.items()) sum += count.is_number_unsigned() ? count.get<std::uint64_t>() : 0;
  return sum;
}

// "  12.0 answers/s, 0.1 of them degraded, 0.0 refusals/s", from two looks at one model.
std::string rates_of(const Json& now, const Json& before, double seconds) {
  const auto counted = [](const Json& model, const char* what) {
    return model.value("counters", Json::object()).value(what, Json::object());
  };
  const auto per_second = [&](std::uint64_t later, std::uint64_t earlier) {
    return later >= earlier ? static_cast<double>(later - earlier) / seconds : 0.0;  // it restarted
  };
  const Json answered = counted(now, "answered");
  const Json earlier = counted(before, "answered");
  const double answers = per_second(sum_of(answered), sum_of(earlier));
  const double best = per_second(answered.value("best", std::uint64_t{0}), earlier.value("best", std::uint64_t{0}));
  return fmt::format("   {:.1f} answers/s ({:.1f} from below the best rung), {:.1f} refusals/s", answers, answers - best,
                     per_second(sum_of(counted(now, "refused")), sum_of(counted(before, "refused"))));
}

void print_rung(const Json& rung, bool colours) {
  const bool serves = rung.value("serves", false);
  const bool healthy = rung.value("healthy", false);
  const char* colour = !colours ? "" : serves && healthy ? "\033[32m" : serves ? "\033[33m" : "\033[31m";
  const Json counters = rung.value("counters", Json::object());
  fmt::print(
      "  {}{:<12}{} {:<9} {:<8} {:<10} {:>8} us {:>10} answers {:>4} deaths {:>4} hangs {:>4} failed starts  pid {:<7} {:>7} KB\n",
      colour, text_at(rung, "name"), colours ? "\033[0m" : "", text_at(rung, "state"), serves ? "serves" : "-",
      "breaker " + text_at(rung, "breaker"), text_at(rung, "latency_us"), text_at(counters, "answers"),
      text_at(counters, "deaths"), text_at(counters, "hangs"), text_at(counters, "start_failures"),
      text_at(rung, "pid"), rung.contains("memory_bytes") && rung["memory_bytes"].is_number()
                                ? fmt::format("{}", rung["memory_bytes"].get<std::uint64_t>() / 1024)
                                : std::string("-"));
  const Json scrub = rung.value("scrub", Json::object());
  const auto mended = scrub.value("flips_mended", std::uint64_t{0});
  const auto damage = scrub.value("damage_found", std::uint64_t{0});
  if (mended + damage > 0) fmt::print("               flipped bits mended: {}; workers replaced for damaged weights: {}\n", mended, damage);
  if (const std::string trouble = text_at(rung, "last_trouble"); !trouble.empty() && trouble != "-") {
    fmt::print("               last trouble: {}\n", trouble);
  }
}

// With `before`, an earlier look, and the seconds between: rates, too.
void print(const Json& status, const Json& before = Json::object(), double seconds = 0) {
  const bool colours = isatty(STDOUT_FILENO) == 1;
  const Json state = status.value("state", Json::object());
  fmt::print("{} {}   up {} s   boot {}{}   mode {}   sandbox {}\n",
             status.value("ready", false) ? "ready" : "NOT READY", text_at(status, "version"),
             status.value("uptime_ms", std::int64_t{0}) / 1000, text_at(state, "boot_id"),
             state.value("boot_id_durable", false) ? "" : " (not durable)", text_at(status, "mode"),
             text_at(status, "sandbox"));
  if (state.contains("fault") && state["fault"].is_object()) {
    const Json& fault = state["fault"];
    fmt::print("state: {}: {}: {}\n", text_at(state, "phase"), text_at(fault, "what"), text_at(fault, "why"));
  }
  for (const Json& model : status.value("models", Json::array())) {
    fmt::print("\n{}   {}   answers from: {}   open requests: {}\n", text_at(model, "name"),
               model.value("ready", false) ? "ready" : "NOT READY", text_at(model, "active_rung"),
               text_at(model, "open_requests"));
    for (const Json& earlier : before.value("models", Json::array())) {
      if (seconds > 0 && text_at(earlier, "name") == text_at(model, "name"))
        fmt::print("{}\n", rates_of(model, earlier, seconds));
    }
    for (const Json& rung : model.value("rungs", Json::array())) print_rung(rung, colours);
  }
}

Result<int> status(const Options& options) {
  const Target target = LICHEN_TRY(parse_url(options.url));
  const std::string body = LICHEN_TRY(get(target, options.url));
  const Json status = LICHEN_TRY(parse_json(body, options.url));
  if (options.json) {
    fmt::print("{}\n", status.dump());
  } else {
    print(status);
  }
  return status.value("ready", false) ? 0 : 1;
}

// Looks again and again, until it is interrupted. A device that cannot be reached for a while is said to be so, and
// looked for again.
Result<int> top(const Options& options) {
  const Target target = LICHEN_TRY(parse_url(options.url));
  const bool screen = isatty(STDOUT_FILENO) == 1;
  asio::io_context io;
  asio::steady_timer pause(io);
  Json before = Json::object();
  auto looked = std::chrono::steady_clock::now();
  for (std::uint64_t look = 0; options.times == 0 || look < options.times; ++look) {
    if (look > 0) {
      pause.expires_after(std::chrono::milliseconds(options.every_ms));
      pause.wait();
    }
    const auto body = get(target, options.url);
    const auto now = std::chrono::steady_clock::now();
    if (screen) fmt::print("{}", kClearScreen);
    if (body) {
      Json status = LICHEN_TRY(parse_json(*body, options.url));
      print(status, before, look > 0 ? std::chrono::duration<double>(now - looked).count() : 0);
      before = std::move(status);
    } else {
      fmt::print("{}\n", body.error().to_line());
    }
    if (!screen) fmt::print("\n");
    std::fflush(stdout);
    looked = now;
  }
  return 0;
}

}  // namespace

Command add_top(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("url", options->url, "where its REST door is")->capture_default_str();
  app.add_option("--every-ms", options->every_ms, "between two looks")
      ->check(CLI::Range(kEveryMsMin, kEveryMsMax))
      ->capture_default_str();
  app.add_option("--times", options->times, "how many looks; 0: until it is interrupted")->capture_default_str();
  return [options] { return top(*options); };
}

Command add_status(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("url", options->url, "where its REST door is")->capture_default_str();
  app.add_flag("--json", options->json, "the device's own JSON");
  app.footer("Exits 0 if every model is ready, else 1.");
  return [options] { return status(*options); };
}

}  // namespace lichen::tool
