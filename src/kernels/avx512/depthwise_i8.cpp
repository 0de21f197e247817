// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx512/depthwise_conv2d.hpp"
#include "kernels/avx512/lanes.hpp"

namespace lichen::kernels::avx512 {
namespace {

constexpr int kVectors = static_cast<int>(DepthwiseBytes::kVectors);

// The sums of a block of channels, in the order of DepthwiseBytes.
template <typename V>
struct Sums {
  V v[kVectors];
};

// What turns the sign bits of all bytes, or nothing.
template <typename V>
inline V flip_of(bool flip) {
  return same_byte<V>(flip ? 0x80 : 0);
}

// A block of channels: where its weights and its lanes are.
template <typename V>
struct Block {
  const DepthwiseView& d;
  const std::int8_t* weights;
  const std::int32_t* lanes;

  Block(const DepthwiseView& view, Index block)
      : d(view),
        weights(view.weights + block * view.groups * (view.twice ? 2 : 1) * kVectors * kBytesOf<V>),
        lanes(view.lanes + block * kLaneParts * kBytesOf<V>) {}

  [[nodiscard]] const std::int32_t* parts(int vector) const {
    return lanes + vector * kLaneParts * (kBytesOf<V> / 4);
  }
  [[nodiscard]] Sums<V> start() const {
    Sums<V> s;
    for (int j = 0; j < kVectors; ++j) s.v[j] = lane_part<V>(parts(j), kLaneBias);
    return s;
  }

  [[nodiscard]] V finish(const Sums<V>& s) const {
    V scaled[kVectors];
    if (d.by_float) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j)
        scaled[j] = scaled_by_float(s.v[j], parts(j), d.out_zero_point, d.clamp);
    } else if (d.bounded) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) scaled[j] = scaled_bounded(s.v[j], parts(j));
    } else {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) scaled[j] = scaled_any(s.v[j], parts(j), d.out_zero_point);
    }
    const V bytes = clamped_bytes<std::int8_t>(scaled[0], scaled[1], scaled[2], scaled[3], d.clamp);
    return bits_xor(bytes, flip_of<V>(d.flip_out));
  }
};

// Bytes of four taps side by side.
template <typename V>
inline Sums<V> interleaved(V a, V b, V c, V e) {
  const V ab_low = unpack_low_bytes(a, b);
  const V ab_high = unpack_high_bytes(a, b);
  const V ce_low = unpack_low_bytes(c, e);
  const V ce_high = unpack_high_bytes(c, e);
  return {{unpack_low_words(ab_low, ce_low), unpack_high_words(ab_low, ce_low), unpack_low_words(ab_high, ce_high),
           unpack_high_words(ab_high, ce_high)}};
}

template <typename V, bool kWhole>
inline V load_taps(const std::uint8_t* at, Index count, V flip) {
  if constexpr (kWhole) {
    return bits_xor(load<V>(at), flip);
  } else {
    return bits_xor(load_first<V>(at, count), flip);
  }
}

template <typename V, bool kWhole>
inline void store_block(V v, std::uint8_t* to, Index count) {
  if constexpr (kWhole) {
    store(v, to);
  } else {
    store_first(v, to, count);
  }
}

// One row of a 3 x 3 window for one block of channels: columns are interleaved once and used by all their pixels.
template <typename V, bool kWhole, bool kTwice, int kStride>
struct Row3x3 {
  const Window2D& w;
  const Block<V>& block;
  const std::uint8_t* rows[3];  // at the block's channels; of a row outside of the input: zero points
  Index steps[3];     // from column to column; 0 for such a row
  const std::uint8_t* outside;  // zero points of the block's channels
  Index count;        // channels of the block
  V flip;

  [[nodiscard]] Sums<V> column(Index x) const {
    const V zero = same<V>(0);
    if (!inside(x, w.in_w)) {
      const V v = load_taps<V, kWhole>(outside, count, flip);
      return interleaved(v, v, v, zero);
    }
    return interleaved(load_taps<V, kWhole>(rows[0] + x * steps[0], count, flip),
                       load_taps<V, kWhole>(rows[1] + x * steps[1], count, flip),
                       load_taps<V, kWhole>(rows[2] + x * steps[2], count, flip), zero);
  }

  void add(Sums<V>& sums, const Sums<V>& column, int kx) const {
    constexpr int kPasses = kTwice ? 2 : 1;
#pragma GCC unroll 2
    for (int pass = 0; pass < kPasses; ++pass) {
      const std::int8_t* weights = block.weights + (kx * kPasses + pass) * kVectors * kBytesOf<V>;
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j)
        sums.v[j] = dot(sums.v[j], column.v[j], load<V>(weights + j * kBytesOf<V>));
    }
  }

  void run(std::uint8_t* to) const {
    Index x = -w.pad_w;
    Sums<V> a = column(x);
    Sums<V> b = column(x + 1);
    for (Index ox = 0; ox < w.out_w; ++ox, x += kStride, to += w.out_c) {
      const Sums<V> c = column(x + 2);
      Sums<V> sums = block.start();
      add(sums, a, 0);
      add(sums, b, 1);
      add(sums, c, 2);
      store_block<V, kWhole>(block.finish(sums), to, count);
      if constexpr (kStride == 1) {
        a = b;
        b = c;
      } else {
        a = c;
        b = column(x + 3);
      }
    }
  }
};

template <typename V, bool kTwice, int kStride>
void rows_3x3(const Window2D& w, const DepthwiseView& d, const std::uint8_t* in, const std::uint8_t* zero_row,
              Index row_begin, Index row_end, std::uint8_t* out) {
  const Index in_row = w.in_w * w.in_c;
  const V flip = flip_of<V>(d.flip_in);
  for (Index row = row_begin; row < row_end; ++row) {
    const std::uint8_t* image = in + row / w.out_h * w.in_h * in_row;
    const Index y = row % w.out_h * w.stride_h - w.pad_h;
    for (Index channel = 0; channel < d.channels; channel += kBytesOf<V>) {
      const Block<V> block(d, channel / kBytesOf<V>);
      const std::uint8_t* rows[3];
      Index steps[3];
      for (Index ky = 0; ky < 3; ++ky) {
        const bool there = inside(y + ky, w.in_h);
        rows[ky] = there ? image + (y + ky) * in_row + channel : zero_row + channel;
        steps[ky] = there ? w.in_c : 0;
      }
      std::uint8_t* to = out + row * w.out_w * w.out_c + channel;
      const Index count = d.channels - channel;
      if (count >= kBytesOf<V>) {
        Row3x3<V, true, kTwice, kStride>{
            w, block, {rows[0], rows[1], rows[2]}, {steps[0], steps[1], steps[2]}, zero_row + channel, count, flip}
            .run(to);
      } else {
        Row3x3<V, false, kTwice, kStride>{
            w, block, {rows[0], rows[1], rows[2]}, {steps[0], steps[1], steps[2]}, zero_row + channel, count, flip}
            .run(to);
      }
    }
  }
}

template <typename V>
void rows_3x3_of(const Window2D& w, const DepthwiseView& d, const std::uint8_t* in, const std::uint8_t* zero_row,
                 Index row_begin, Index row_end, std::uint8_t* out) {
  if (d.twice) {
    if (w.stride_w == 1) return rows_3x3<V, true, 1>(w, d, in, zero_row, row_begin, row_end, out);
    return rows_3x3<V, true, 2>(w, d, in, zero_row, row_begin, row_end, out);
  }
  if (w.stride_w == 1) return rows_3x3<V, false, 1>(w, d, in, zero_row, row_begin, row_end, out);
  return rows_3x3<V, false, 2>(w, d, in, zero_row, row_begin, row_end, out);
}

// All channels of one pixel, whose taps are at these places; taps that are not there repeat another.
template <typename V, bool kWhole>
inline void taps_block(const DepthwiseView& d, const std::uint8_t* const* taps, Index channel, std::uint8_t* to) {
  const Block<V> block(d, channel / kBytesOf<V>);
  const Index count = d.channels - channel;
  const Index passes = d.twice ? 2 : 1;
  const V flip = flip_of<V>(d.flip_in);
  const std::int8_t* weights = block.weights;
  Sums<V> sums = block.start();
  for (Index g = 0; g < d.groups; ++g) {
    const std::uint8_t* const* four = taps + g * DepthwiseBytes::kTogether;
    const Sums<V> bytes = interleaved(
        load_taps<V, kWhole>(four[0] + channel, count, flip), load_taps<V, kWhole>(four[1] + channel, count, flip),
        load_taps<V, kWhole>(four[2] + channel, count, flip), load_taps<V, kWhole>(four[3] + channel, count, flip));
    for (Index pass = 0; pass < passes; ++pass, weights += kVectors * kBytesOf<V>) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j)
        sums.v[j] = dot(sums.v[j], bytes.v[j], load<V>(weights + j * kBytesOf<V>));
    }
  }
  store_block<V, kWhole>(block.finish(sums), to + channel, count);
}

template <typename V>
void pixel_taps(const DepthwiseView& d, const std::uint8_t* const* taps, std::uint8_t* to) {
  Index channel = 0;
  for (; channel + kBytesOf<V> <= d.channels; channel += kBytesOf<V>) taps_block<V, true>(d, taps, channel, to);
  if (channel < d.channels) taps_block<V, false>(d, taps, channel, to);
}

template <typename V>
void rows_taps(const Window2D& w, const DepthwiseView& d, const std::uint8_t* in, const std::uint8_t* zero_row,
               Index row_begin, Index row_end, std::uint8_t* out) {
  const std::uint8_t* taps[kTapsMax + DepthwiseBytes::kTogether];
  const Index in_row = w.in_w * w.in_c;
  for (Index row = row_begin; row < row_end; ++row) {
    const std::uint8_t* image = in + row / w.out_h * w.in_h * in_row;
    const Index y = row % w.out_h * w.stride_h - w.pad_h;
    for (Index ox = 0; ox < w.out_w; ++ox) {
      const Index x = ox * w.stride_w - w.pad_w;
      Index at = 0;
      for (Index ky = 0; ky < w.filter_h; ++ky) {
        const Index tap_y = y + ky * w.dilation_h;
        const std::uint8_t* tap_row = inside(tap_y, w.in_h) ? image + tap_y * in_row : nullptr;
        for (Index kx = 0; kx < w.filter_w; ++kx) {
          const Index tap_x = x + kx * w.dilation_w;
          taps[at++] = tap_row != nullptr && inside(tap_x, w.in_w) ? tap_row + tap_x * w.in_c : zero_row;
        }
      }
      for (; at < d.groups * DepthwiseBytes::kTogether; ++at) taps[at] = zero_row;
      pixel_taps<V>(d, taps, out + (row * w.out_w + ox) * w.out_c);
    }
  }
}

}  // namespace

void depthwise_3x3(const Window2D& w, const DepthwiseView& d, const std::uint8_t* in, const std::uint8_t* zero_row,
                   Index row_begin, Index row_end, std::uint8_t* out) {
  if (d.block == kBytesOf<__m512i>) {
    rows_3x3_of<__m512i>(w, d, in, zero_row, row_begin, row_end, out);
  } else {
    rows_3x3_of<__m256i>(w, d, in, zero_row, row_begin, row_end, out);
  }
}

void depthwise_taps(const Window2D& w, const DepthwiseView& d, const std::uint8_t* in, const std::uint8_t* zero_row,
                    Index row_begin, Index row_end, std::uint8_t* out) {
  if (d.block == kBytesOf<__m512i>) {
    rows_taps<__m512i>(w, d, in, zero_row, row_begin, row_end, out);
  } else {
    rows_taps<__m256i>(w, d, in, zero_row, row_begin, row_end, out);
  }
}

}  // namespace lichen::kernels::avx512
