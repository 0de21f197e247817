// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/pick.hpp"

#include <cstring>

#include "kernels/reference/copy.hpp"

namespace lichen::kernels::reference {
namespace {

struct Value {
  const std::byte* element = nullptr;
  Index bytes = 0;
};

template <typename T>
void pick_line(std::span<const Index> places, const std::byte* in, const std::byte* value, std::byte* out) {
  T element;
  for (const Index place : places) {
    std::memcpy(&element, place == kNoPlace ? value : in + place, sizeof(T));
    std::memcpy(out, &element, sizeof(T));
    out += sizeof(T);
  }
}

void pick_runs(std::span<const Index> places, Index run, const std::byte* in, Value value, std::byte* out) {
  if (value.bytes == run || value.element == nullptr) {
    switch (run) {
      case 1:
        return pick_line<std::uint8_t>(places, in, value.element, out);
      case 2:
        return pick_line<std::uint16_t>(places, in, value.element, out);
      case 4:
        return pick_line<std::uint32_t>(places, in, value.element, out);
      case 8:
        return pick_line<std::uint64_t>(places, in, value.element, out);
      default:
        break;
    }
  }
  for (const Index place : places) {
    if (place == kNoPlace) {
      fill(value.element, value.bytes, run / value.bytes, out);
    } else {
      std::memcpy(out, in + place, static_cast<std::size_t>(run));
    }
    out += run;
  }
}

// Bytes of one position of axis `at` in the output.
Index bytes_of(const Picks& p, std::size_t at) {
  Index bytes = p.run;
  for (std::size_t i = at + 1; i < p.places.size(); ++i) bytes *= static_cast<Index>(p.places[i].size());
  return bytes;
}

void pick_axis(const Picks& p, std::size_t at, std::span<const Index> places, const std::byte* in, Value value,
               std::byte* out) {
  if (at + 1 == p.places.size()) return pick_runs(places, p.run, in, value, out);
  const Index bytes = bytes_of(p, at);
  const std::byte* last = nullptr;
  Index last_place = kNoPlace;
  for (const Index place : places) {
    if (place == kNoPlace) {
      fill(value.element, value.bytes, bytes / value.bytes, out);
    } else if (place == last_place && bytes > 0) {
      std::memcpy(out, last, static_cast<std::size_t>(bytes));  // the same again, as enlarging does
    } else {
      pick_axis(p, at + 1, p.places[at + 1], in + place, value, out);
    }
    last = out;
    last_place = place;
    out += bytes;
  }
}

bool is_whole(std::span<const Index> positions, std::int64_t size) {
  if (static_cast<std::int64_t>(positions.size()) != size) return false;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (positions[i] != static_cast<Index>(i)) return false;
  }
  return true;
}

}  // namespace

Picks picks_of(std::vector<std::vector<Index>> positions, std::span<const std::int64_t> in_dims, Index element_bytes) {
  Picks p;
  p.run = element_bytes;
  std::size_t rank = positions.size();
  while (rank > 1 && is_whole(positions[rank - 1], in_dims[rank - 1])) p.run *= in_dims[--rank];
  if (positions.empty()) positions.push_back({0}), rank = 1;
  positions.resize(rank);
  Index step = p.run;
  for (std::size_t i = rank; i-- > 0;) {
    for (Index& place : positions[i]) place = place == kNoPlace ? kNoPlace : place * step;
    step *= i < in_dims.size() ? in_dims[i] : 1;
  }
  p.places = std::move(positions);
  return p;
}

void pick(const Picks& p, const std::byte* in, const std::byte* value, Index value_bytes, std::byte* out, Index begin,
          Index end) {
  const std::span<const Index> places =
      std::span(p.places[0]).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  pick_axis(p, 0, places, in, {value, value_bytes}, out + begin * bytes_of(p, 0));
}

}  // namespace lichen::kernels::reference
