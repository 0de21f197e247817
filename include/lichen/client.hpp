// SPDX-License-Identifier: Apache-2.0
// A client of a device on the same machine, for C++23: asks `lichend` through its Unix socket. Header only; nothing to
// link.
//
//   lichen::Client client("/run/lichen.sock");
//   std::vector<float> pixels(64);
//   auto answer = client.infer("digits", {lichen::input("image", {1, 8, 8, 1}, std::span(pixels))}, {.within = 50ms});
//   if (!answer) return complain(answer.error().text);
//   for (float score : answer->outputs[0].as<float>()) ...
//   if (answer->degraded) ...   // a lower rung answered: answer->rung, and why: answer->reason
//
// The connection is kept and used again. If lichend restarts meanwhile, the request is asked again on a new connection,
// as often as its deadline allows: a model with a state of its own may then see it twice. After the deadline nothing is
// waited for. One client is used by one thread at a time.
#pragma once

#include <fcntl.h>
#include <lichen/lichen.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace lichen {

// Why there is no answer. LICHEN_EXHAUSTED: too much is asked (429), or nothing can answer now (503); LICHEN_TOO_LATE:
// the deadline; LICHEN_FAILED: no device is there.
struct NoAnswer {
  lichen_code code = LICHEN_FAILED;
  std::string text;    // one line
  std::string reason;  // the device's own word for it ("overloaded", "no_rung_available"), where it gave one
};

// One input: bytes that somebody else owns, row-major.
struct InputTensor {
  std::string name;
  std::string_view datatype;  // as the Open Inference Protocol says it: "FP32"
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

template <typename T>
inline constexpr std::string_view kDatatype = {};
template <>
inline constexpr std::string_view kDatatype<float> = "FP32";
template <>
inline constexpr std::string_view kDatatype<std::int8_t> = "INT8";
template <>
inline constexpr std::string_view kDatatype<std::uint8_t> = "UINT8";
template <>
inline constexpr std::string_view kDatatype<std::int16_t> = "INT16";
template <>
inline constexpr std::string_view kDatatype<std::int32_t> = "INT32";
template <>
inline constexpr std::string_view kDatatype<std::int64_t> = "INT64";
template <>
inline constexpr std::string_view kDatatype<bool> = "BOOL";

template <typename T, std::size_t N>
[[nodiscard]] InputTensor input(std::string name, std::vector<std::int64_t> shape, std::span<T, N> values) {
  using Element = std::remove_const_t<T>;
  static_assert(!kDatatype<Element>.empty(), "no datatype of the protocol");
  return {std::move(name), kDatatype<Element>, std::move(shape), std::as_bytes(values)};
}

struct OutputTensor {
  std::string name;
  std::vector<std::byte> bytes;

  template <typename T>
  [[nodiscard]] std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

struct Answer {
  std::string rung;    // who answered
  std::string reason;  // why this one: "best", "worker_died", ...
  bool degraded = false;
  std::optional<double> confidence;
  std::vector<OutputTensor> outputs;
};

struct AskOptions {
  std::chrono::milliseconds within{1000};  // the deadline, over all attempts
  std::string min_rung = {};               // no answer rather than one of a lower rung than this
  int priority = 0;                        // 255 goes first
};

class Client {
 public:
  // Connects with the first request.
  explicit Client(std::string socket_path) : path_(std::move(socket_path)) {}
  Client(Client&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}
  Client& operator=(Client&&) = delete;
  ~Client() { disconnect(); }

  [[nodiscard]] std::expected<Answer, NoAnswer> infer(std::string_view model, std::span<const InputTensor> inputs,
                                                      const AskOptions& options = {}) {
    const auto deadline = Clock::now() + options.within;
    const std::string json = request_json(inputs, options);
    auto pause = std::chrono::milliseconds(5);
    NoAnswer last{LICHEN_TOO_LATE, "no answer: " + path_ + ": the deadline has passed; allow more time", {}};
    while (Clock::now() < deadline) {
      const bool reused = fd_ >= 0;
      Outcome outcome = attempt(model, json, inputs, deadline);
      if (outcome.answer) return std::move(*outcome.answer);
      last = std::move(outcome.failure);
      if (!outcome.again) return std::unexpected(std::move(last));
      if (reused) continue;  // it was only closed because it was idle, or the device has restarted: see at once
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
      std::this_thread::sleep_for(std::clamp(left, std::chrono::milliseconds(0), pause));
      pause = std::min(pause * 2, std::chrono::milliseconds(100));
    }
    return std::unexpected(std::move(last));
  }
  [[nodiscard]] std::expected<Answer, NoAnswer> infer(std::string_view model, std::initializer_list<InputTensor> inputs,
                                                      const AskOptions& options = {}) {
    return infer(model, std::span(inputs.begin(), inputs.size()), options);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kHeadBytesMax = 64 << 10;
  static constexpr std::size_t kBodyBytesMax = std::size_t{1} << 30;

  struct Outcome {
    std::optional<Answer> answer;
    NoAnswer failure;
    bool again = false;  // nothing was decided: another attempt may succeed
  };
  struct Reply {
    int status = 0;
    std::string head;
    std::string body;
  };

  static Outcome lost(std::string why, bool again = true) {
    return {{}, {LICHEN_FAILED, "no answer: " + std::move(why), {}}, again};
  }

  Outcome attempt(std::string_view model, const std::string& json, std::span<const InputTensor> inputs,
                  Clock::time_point deadline) {
    if (fd_ < 0) {
      if (const int error = connect()) return lost(path_ + ": " + std::generic_category().message(error));
    }
    Reply reply;
    if (!send_all(request_head(model, json, inputs, deadline), inputs, json, deadline) || !receive(reply, deadline)) {
      disconnect();  // a reply that comes later must not be taken for another request's
      if (Clock::now() >= deadline)
        return {{}, {LICHEN_TOO_LATE, "no answer: " + path_ + ": the deadline has passed; allow more time", {}}, false};
      return lost(path_ + ": the connection ended");
    }
    if (field_of(reply.head, "connection") == "close") disconnect();
    if (reply.status == 200) return answer_of(reply);
    return refusal_of(reply);
  }

  static std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out.push_back('\\');
      if (static_cast<unsigned char>(c) >= 0x20) out.push_back(c);
    }
    return out + "\"";
  }

  static std::string request_json(std::span<const InputTensor> inputs, const AskOptions& options) {
    std::string json = R"({"parameters":{"binary_data_output":true,"lichen_priority":)" + std::to_string(options.priority);
    if (!options.min_rung.empty()) json += R"(,"lichen_min_rung":)" + quoted(options.min_rung);
    json += R"(},"inputs":[)";
    for (const InputTensor& input : inputs) {
      if (&input != inputs.data()) json += ",";
      json += R"({"name":)" + quoted(input.name) + R"(,"datatype":)" + quoted(input.datatype) + R"(,"shape":[)";
      for (std::size_t i = 0; i < input.shape.size(); ++i) {
        json += (i > 0 ? "," : "") + std::to_string(input.shape[i]);
      }
      json += R"(],"parameters":{"binary_data_size":)" + std::to_string(input.bytes.size()) + "}}";
    }
    return json + "]}";
  }

  static std::string request_head(std::string_view model, const std::string& json, std::span<const InputTensor> inputs,
                                  Clock::time_point deadline) {
    std::size_t length = json.size();
    for (const InputTensor& input : inputs) length += input.bytes.size();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    std::string head = "POST /v2/models/" + std::string(model) + "/infer HTTP/1.1\r\nHost: lichen\r\n";
    head += "X-Lichen-Deadline-Ms: " + std::to_string(std::max<std::int64_t>(left, 1)) + "\r\n";
    head += "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n";
    return head + "Content-Length: " + std::to_string(length) + "\r\n\r\n";
  }

  int connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) return ENAMETOOLONG;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) return errno;
    buffer_.clear();
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return 0;
    const int error = errno;
    disconnect();
    return error;
  }
  void disconnect() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    buffer_.clear();
  }

  // Until the socket can be read or written; false: the deadline has passed.
  [[nodiscard]] bool wait(short events, Clock::time_point deadline) const {
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left < 0) return false;
      pollfd ready{fd_, events, 0};
      const int found = ::poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left + 1, 60'000)));
      if (found > 0) return true;
      if (found < 0 && errno != EINTR) return false;
    }
  }

  bool send_all(const std::string& head, std::span<const InputTensor> inputs, const std::string& json,
                Clock::time_point deadline) {
    const std::string front = head + json;
    if (!send(std::as_bytes(std::span(front)), deadline)) return false;
    return std::ranges::all_of(inputs, [&](const InputTensor& input) { return send(input.bytes, deadline); });
  }
  bool send(std::span<const std::byte> bytes, Clock::time_point deadline) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        if (!wait(POLLOUT, deadline)) return false;
      } else if (errno != EINTR) {
        return false;
      }
    }
    return true;
  }

  bool receive_more(Clock::time_point deadline) {
    char bytes[16 << 10];
    while (true) {
      const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
      if (got > 0) {
        buffer_.append(bytes, static_cast<std::size_t>(got));
        return true;
      }
      if (got == 0 || (errno != EAGAIN && errno != EINTR)) return false;
      if (errno == EAGAIN && !wait(POLLIN, deadline)) return false;
    }
  }
  bool receive(Reply& reply, Clock::time_point deadline) {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (buffer_.size() > kHeadBytesMax || !receive_more(deadline)) return false;
    }
    reply.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    if (!reply.head.starts_with("HTTP/1.1 ") || !number_in(reply.head.substr(9, 3), reply.status)) return false;
    std::size_t length = 0;
    if (!number_in(field_of(reply.head, "content-length"), length) || length > kBodyBytesMax) return false;
    while (buffer_.size() < length) {
      if (!receive_more(deadline)) return false;
    }
    reply.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return true;
  }

  template <typename Int>
  static bool number_in(std::string_view text, Int& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end != text.data();
  }

  // The value of a header field, whose name is given in small letters.
  static std::string_view field_of(std::string_view head, std::string_view name) {
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
      const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
      if (line.size() <= name.size() || line[name.size()] != ':') continue;
      const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b; };
      if (!std::ranges::equal(line.substr(0, name.size()), name, same)) continue;
      const std::size_t value = line.find_first_not_of(' ', name.size() + 1);
      return value == std::string_view::npos ? std::string_view() : line.substr(value);
    }
    return {};
  }

  // What lichend writes is compact JSON of a known order, with all labels before the tensors; this reads no other.
  static std::string_view after(std::string_view json, std::string_view key) {
    const std::size_t at = json.find(key);
    return at == std::string_view::npos ? std::string_view() : json.substr(at + key.size());
  }
  static std::string text_after(std::string_view json, std::string_view key) {
    std::string_view rest = after(json, key);
    std::string text;
    if (rest.empty() || rest.front() != '"') return text;
    for (std::size_t i = 1; i < rest.size() && rest[i] != '"'; ++i) {
      if (rest[i] == '\\') ++i;
      if (i < rest.size()) text.push_back(rest[i]);
    }
    return text;
  }

  static Outcome answer_of(const Reply& reply) {
    std::size_t json_length = reply.body.size();
    number_in(field_of(reply.head, "inference-header-content-length"), json_length);
    if (json_length > reply.body.size()) return lost("the reply is shorter than it says", false);
    const std::string_view json = std::string_view(reply.body).substr(0, json_length);
    Outcome outcome;
    Answer& answer = outcome.answer.emplace();
    answer.rung = text_after(json, R"("lichen_rung":)");
    answer.reason = text_after(json, R"("lichen_reason":)");
    answer.degraded = after(json, R"("lichen_degraded":)").starts_with("true");
    double confidence = 0;
    if (number_in(after(json, R"("lichen_confidence":)"), confidence)) answer.confidence = confidence;
    std::span<const std::byte> data = std::as_bytes(std::span(reply.body)).subspan(json_length);
    for (std::string_view rest = after(json, R"("outputs":[)"); !rest.empty();) {
      std::size_t size = 0;
      OutputTensor output{text_after(rest, R"("name":)"), {}};
      rest = after(rest, R"("binary_data_size":)");
      if (rest.empty()) break;
      if (!number_in(rest, size) || size > data.size()) return lost("the reply is shorter than it says", false);
      output.bytes.assign(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
      data = data.subspan(size);
      answer.outputs.push_back(std::move(output));
    }
    return outcome;
  }

  static Outcome refusal_of(const Reply& reply) {
    Outcome outcome;
    outcome.failure.text = text_after(reply.body, R"("error":)");
    outcome.failure.reason = text_after(reply.body, R"("reason":)");
    outcome.failure.code = code_of(reply.status);
    outcome.again = outcome.failure.reason == "stopping";  // whoever starts it again gives the answer
    return outcome;
  }
  static lichen_code code_of(int status) {
    switch (status) {
      case 404:
        return LICHEN_NOT_FOUND;
      case 415:
        return LICHEN_UNSUPPORTED;
      case 413:
      case 429:
      case 503:
        return LICHEN_EXHAUSTED;
      case 408:
      case 504:
        return LICHEN_TOO_LATE;
      default:
        return status >= 400 && status < 500 ? LICHEN_BAD_INPUT : LICHEN_FAILED;
    }
  }

  std::string path_;
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace lichen
