// SPDX-License-Identifier: Apache-2.0
// Compressed bodies and the fields that name codings, from anybody: whatever the bytes, decompress returns, never more
// than its bound, and what it returns can be packed and unpacked again.
//
// The first byte chooses: gzip, deflate, or a field's value.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.hpp"
#include "protocol/compression.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lichen::protocol;
  constexpr std::size_t kBytesMax = 100'000;
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 3 == 2) {
    (void)coding_named(bytes);
    (void)coding_accepted(bytes);
    return 0;
  }
  const ContentCoding coding = data[0] % 3 == 0 ? ContentCoding::kGzip : ContentCoding::kDeflate;
  const auto text = decompress(coding, bytes, kBytesMax);
  if (!text) {
    LICHEN_ASSERT(!text.error().why.empty());
    return 0;
  }
  LICHEN_ASSERT(text->size() <= kBytesMax);
  const auto again = compress(coding, *text, text->size() + 4096);
  LICHEN_ASSERT(again.has_value());
  LICHEN_ASSERT(decompress(coding, *again, kBytesMax).value() == *text);
  return 0;
}
