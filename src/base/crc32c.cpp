// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.hpp"

#include <array>

#if defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

namespace lichen {
namespace {

constexpr std::uint32_t kPolynomialReflected = 0x82F63B78u;

// Slicing by 8: table k advances a byte by k further zero bytes.
constexpr auto kTables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? kPolynomialReflected : 0u);
    tables[0][i] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t i = 0; i < 256; ++i) {
      tables[k][i] = (tables[k - 1][i] >> 8) ^ tables[0][tables[k - 1][i] & 0xFFu];
    }
  }
  return tables;
}();

// The CPU's own instruction, 8 bytes at a time: about five times as fast as tables.
#if defined(__x86_64__)
constexpr bool kMayHaveInstruction = true;

bool has_instruction() {
  return __builtin_cpu_supports("sse4.2") != 0;
}

[[gnu::target("sse4.2")]] std::uint32_t by_instruction(ByteView bytes, std::uint32_t crc) {
  std::uint64_t wide = crc;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (; left > 0; ++at, --left) crc = __builtin_ia32_crc32qi(crc, static_cast<unsigned char>(*at));
  return crc;
}
#elif defined(__aarch64__) && defined(__linux__)
constexpr bool kMayHaveInstruction = true;

bool has_instruction() {
  static const bool has = (::getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
  return has;
}

[[gnu::target("+crc")]] std::uint32_t by_instruction(ByteView bytes, std::uint32_t crc) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    crc = __crc32cd(crc, word);
  }
  for (; left > 0; ++at, --left) crc = __crc32cb(crc, static_cast<std::uint8_t>(*at));
  return crc;
}
#else
constexpr bool kMayHaveInstruction = false;
bool has_instruction() {
  return false;
}
std::uint32_t by_instruction(ByteView, std::uint32_t crc) {
  return crc;
}
#endif

std::uint32_t by_tables(ByteView bytes, std::uint32_t crc) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + 4, 4);
    low ^= crc;
    crc = kTables[7][low & 0xFFu] ^ kTables[6][(low >> 8) & 0xFFu] ^ kTables[5][(low >> 16) & 0xFFu] ^
          kTables[4][low >> 24] ^ kTables[3][high & 0xFFu] ^ kTables[2][(high >> 8) & 0xFFu] ^
          kTables[1][(high >> 16) & 0xFFu] ^ kTables[0][high >> 24];
  }
  for (; left > 0; ++at, --left) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<std::uint32_t>(*at)) & 0xFFu];
  }
  return crc;
}

}  // namespace

std::uint32_t crc32c(ByteView bytes, std::uint32_t crc) {
  if (kMayHaveInstruction && has_instruction()) return ~by_instruction(bytes, ~crc);
  return ~by_tables(bytes, ~crc);
}

std::uint32_t crc32c_by_tables(ByteView bytes, std::uint32_t crc) {
  return ~by_tables(bytes, ~crc);
}

}  // namespace lichen
