// SPDX-License-Identifier: Apache-2.0
// Content codings of HTTP (RFC 9110, section 8.4.1): which one a field names, and bytes in and out of it. Functions from
// bytes to bytes; what comes out is bounded, so a small body that unfolds into a huge one costs no more than the bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace lichen::protocol {

enum class ContentCoding : std::uint8_t {
  kIdentity,
  kGzip,     // RFC 1952; several members in a row are one text
  kDeflate,  // RFC 1950: the zlib format, not bare RFC 1951
};
[[nodiscard]] std::string_view name_of(ContentCoding coding);

// What the value of Content-Encoding says; nothing for codings, and rows of codings, that are not read here.
[[nodiscard]] std::optional<ContentCoding> coding_named(std::string_view content_encoding);

// The coding to answer in, by the value of Accept-Encoding: the one of gzip and deflate that is liked best, the first
// of equals; identity where neither is named with a quality above 0.
[[nodiscard]] ContentCoding coding_accepted(std::string_view accept_encoding);

// kBadInput: the bytes are not of that coding, are damaged, or end too soon. kExhausted: there is more than `bytes_max`.
[[nodiscard]] Result<std::string> decompress(ContentCoding coding, std::string_view bytes, std::size_t bytes_max);

// The text in that coding, fast rather than small; nothing where it would not be shorter than `bytes_max`.
[[nodiscard]] std::optional<std::string> compress(ContentCoding coding, std::string_view text, std::size_t bytes_max);

}  // namespace lichen::protocol
