// SPDX-License-Identifier: Apache-2.0
#include "protocol/compression.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

#include <fmt/format.h>
#define ZLIB_CONST  // what is read is not written
#include <zlib.h>

#include "base/assert.hpp"

namespace lichen::protocol {
namespace {

constexpr std::size_t kStepBytes = 64 << 10;  // what is unfolded before the bound is looked at again
constexpr int kWindowBits = 15;
constexpr int kGzipBits = 16 + kWindowBits;  // zlib's way to say: with gzip's frame
constexpr int kMemoryLevel = 8;

int window_bits_of(ContentCoding coding) {
  return coding == ContentCoding::kGzip ? kGzipBits : kWindowBits;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

// Takes the front of `list` up to the separator.
std::string_view next_of(std::string_view& list, char separator) {
  const std::size_t end = std::min(list.find(separator), list.size());
  const std::string_view front = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return trimmed(front);
}

// "gzip;q=0.5" -> 0.5. What is no number counts as not accepted.
double quality_of(std::string_view parameters) {
  double quality = 1;
  while (!parameters.empty()) {
    const std::string_view parameter = next_of(parameters, ';');
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
    const std::string_view number = parameter.substr(2);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), quality);
    if (error != std::errc() || end != number.data() + number.size() || !(quality >= 0 && quality <= 1)) return 0;
  }
  return quality;
}

class Inflater {
 public:
  explicit Inflater(ContentCoding coding) : coding_(coding) {
    const int made = inflateInit2(&stream_, window_bits_of(coding));
    LICHEN_ASSERT(made == Z_OK);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  Result<std::string> unfold(std::string_view bytes, std::size_t bytes_max) {
    stream_.next_in = reinterpret_cast<const Bytef*>(bytes.data());
    stream_.avail_in = static_cast<uInt>(bytes.size());
    std::string text;
    while (true) {
      const int status = step(text, bytes_max);
      if (text.size() > bytes_max) {
        return fail(Code::kExhausted, "compressed body", name(), fmt::format("it unfolds to more than {} bytes", bytes_max),
                    "send tensors of the model's shape, in binary form if they are large");
      }
      if (status == Z_STREAM_END && stream_.avail_in == 0) return text;
      if (status == Z_STREAM_END && coding_ == ContentCoding::kGzip) {
        inflateReset(&stream_);  // another member follows
      } else if (status == Z_STREAM_END) {
        return bad("bytes follow its end");
      } else if (status == Z_BUF_ERROR) {
        return bad("it ends too soon");
      } else if (status != Z_OK) {
        return bad(stream_.msg != nullptr ? stream_.msg : "it is damaged");
      }
    }
  }

 private:
  // Appends at most a step, and at most one byte more than the bound.
  int step(std::string& text, std::size_t bytes_max) {
    const std::size_t had = text.size();
    const std::size_t room = std::min(kStepBytes, bytes_max + 1 - had);
    text.resize(had + room);
    stream_.next_out = reinterpret_cast<Bytef*>(text.data() + had);
    stream_.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream_, Z_NO_FLUSH);
    text.resize(had + room - stream_.avail_out);
    return status;
  }
  [[nodiscard]] std::string name() const { return fmt::format("request body, {}", name_of(coding_)); }
  [[nodiscard]] std::unexpected<Error> bad(std::string why) const {
    return fail(Code::kBadInput, "bad compressed body", fmt::format("{}, byte {}", name(), stream_.total_in), std::move(why),
                "send the body as Content-Encoding says, or as it is without that header");
  }

  ContentCoding coding_;
  z_stream stream_{};
};

}  // namespace

std::string_view name_of(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::kIdentity:
      return "identity";
    case ContentCoding::kGzip:
      return "gzip";
    case ContentCoding::kDeflate:
      return "deflate";
  }
  return "identity";
}

std::optional<ContentCoding> coding_named(std::string_view content_encoding) {
  const std::string_view name = trimmed(content_encoding);
  if (name.empty() || equal_ignoring_case(name, "identity")) return ContentCoding::kIdentity;
  if (equal_ignoring_case(name, "gzip") || equal_ignoring_case(name, "x-gzip")) return ContentCoding::kGzip;
  if (equal_ignoring_case(name, "deflate")) return ContentCoding::kDeflate;
  return std::nullopt;
}

ContentCoding coding_accepted(std::string_view accept_encoding) {
  ContentCoding best = ContentCoding::kIdentity;
  double best_quality = 0;
  while (!accept_encoding.empty()) {
    std::string_view element = next_of(accept_encoding, ',');
    const std::string_view name = next_of(element, ';');
    const std::optional<ContentCoding> coding = name == "*" ? ContentCoding::kGzip : coding_named(name);
    if (!coding || *coding == ContentCoding::kIdentity) continue;
    const double quality = quality_of(element);
    if (quality <= best_quality) continue;
    best = *coding;
    best_quality = quality;
  }
  return best;
}

Result<std::string> decompress(ContentCoding coding, std::string_view bytes, std::size_t bytes_max) {
  LICHEN_ASSERT(bytes.size() <= std::numeric_limits<uInt>::max());
  if (coding != ContentCoding::kIdentity) return Inflater(coding).unfold(bytes, bytes_max);
  return std::string(bytes);
}

std::optional<std::string> compress(ContentCoding coding, std::string_view text, std::size_t bytes_max) {
  if (coding == ContentCoding::kIdentity || bytes_max == 0) return std::nullopt;
  LICHEN_ASSERT(text.size() <= std::numeric_limits<uInt>::max() && bytes_max <= std::numeric_limits<uInt>::max());
  z_stream stream{};
  const int made =
      deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_bits_of(coding), kMemoryLevel, Z_DEFAULT_STRATEGY);
  LICHEN_ASSERT(made == Z_OK);
  std::string out(bytes_max, '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END || out.size() >= bytes_max) return std::nullopt;
  return out;
}

}  // namespace lichen::protocol
