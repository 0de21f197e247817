// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/normalization.hpp"

#include <cmath>

#include "kernels/reference/inverse_sqrt.hpp"

namespace lichen::kernels::reference {
namespace {

// out = in * factors[2c] + factors[2c + 1].
void apply(const AxisView& v, const float* in, const float* factors, float* out) {
  for (Index o = 0; o < v.outer; ++o) {
    for (Index c = 0; c < v.channels; ++c) {
      const float scale = factors[2 * c];
      const float shift = factors[2 * c + 1];
      for (Index i = 0; i < v.inner; ++i, ++in, ++out) *out = *in * scale + shift;
    }
  }
}

// visit(first element, step between elements) for each line along the axis.
template <typename Visit>
void each_line(const AxisView& v, Visit visit) {
  for (Index o = 0; o < v.outer; ++o) {
    for (Index i = 0; i < v.inner; ++i) visit(o * v.channels * v.inner + i);
  }
}

// Adds f(x) of every element to its channel's sum.
template <typename F>
void sum_channels(const AxisView& v, const float* in, double* sums, F f) {
  for (Index o = 0; o < v.outer; ++o) {
    for (Index c = 0; c < v.channels; ++c) {
      double sum = 0.0;
      for (Index i = 0; i < v.inner; ++i, ++in) sum += f(*in, c);
      sums[c] += sum;
    }
  }
}

// The sums of a group's channels, in the place of each of them.
void sum_groups(const GroupSize& s, double* sums) {
  const Index size = s.channels / s.groups;
  for (Index g = 0; g < s.groups; ++g) {
    double sum = 0.0;
    for (Index i = 0; i < size; ++i) sum += sums[g * size + i];
    std::fill_n(sums + g * size, size, sum);
  }
}

}  // namespace

void batch_norm(const AxisView& v, const float* in, PerChannel parameters, const float* mean, const float* variance,
                float epsilon, float* factors, float* out) {
  for (Index c = 0; c < v.channels; ++c) {
    const float scale = parameters.scale[c] / std::sqrt(variance[c] + epsilon);
    factors[2 * c] = scale;
    factors[2 * c + 1] = parameters.bias[c] - mean[c] * scale;
  }
  apply(v, in, factors, out);
}

void group_norm(const GroupSize& s, const float* in, PerChannel parameters, float epsilon, double* sums, float* factors,
                float* out) {
  const AxisView image{s.before, s.channels, s.after};
  const Index size = s.channels / s.groups;
  const auto count = static_cast<double>(s.before * s.after * size);
  double* means = sums + s.channels;
  for (Index n = 0; n < s.batch; ++n) {
    std::fill_n(sums, 2 * s.channels, 0.0);
    sum_channels(image, in, means, [](float x, Index) { return double{x}; });
    sum_groups(s, means);
    for (Index c = 0; c < s.channels; ++c) means[c] /= count;
    sum_channels(image, in, sums, [means](float x, Index c) { return (double{x} - means[c]) * (double{x} - means[c]); });
    sum_groups(s, sums);
    for (Index c = 0; c < s.channels; ++c) {
      const Index at = s.parameters_per_group ? c / size : c;
      const double scale = double{parameters.scale[at]} / std::sqrt(sums[c] / count + double{epsilon});
      factors[2 * c] = static_cast<float>(scale);
      factors[2 * c + 1] = static_cast<float>(double{parameters.bias[at]} - means[c] * scale);
    }
    apply(image, in, factors, out);
    in += s.before * s.channels * s.after;
    out += s.before * s.channels * s.after;
  }
}

void layer_norm(const RowNorm& n, const float* in, PerChannel parameters, float* means, float* deviations, float* out) {
  const auto count = static_cast<float>(n.depth);
  for (Index row = 0; row < n.rows; ++row, in += n.depth, out += n.depth) {
    double sum = 0.0;
    for (Index i = 0; i < n.depth; ++i) sum += double{in[i]};
    const auto mean = static_cast<float>(sum / double{count});
    double squares = 0.0;
    for (Index i = 0; i < n.depth; ++i) squares += double{in[i] - mean} * double{in[i] - mean};
    const float inverse = 1.0F / std::sqrt(static_cast<float>(squares / double{count}) + n.epsilon);
    if (means != nullptr) means[row] = mean;
    if (deviations != nullptr) deviations[row] = inverse;
    for (Index i = 0; i < n.depth; ++i) {
      out[i] = (in[i] - mean) * inverse * parameters.scale[i % n.scale_count];
      if (parameters.bias != nullptr) out[i] += parameters.bias[i % n.bias_count];
    }
  }
}

void rms_norm(const RowNorm& n, const float* in, const float* scale, float* out) {
  for (Index row = 0; row < n.rows; ++row, in += n.depth, out += n.depth) {
    double squares = 0.0;
    for (Index i = 0; i < n.depth; ++i) squares += double{in[i]} * double{in[i]};
    const float mean = static_cast<float>(squares / static_cast<double>(n.depth));
    const float inverse = 1.0F / std::sqrt(mean + n.epsilon);
    for (Index i = 0; i < n.depth; ++i) out[i] = in[i] * inverse * scale[i % n.scale_count];
  }
}

void l2_norm(const AxisView& v, const float* in, float epsilon, float* out) {
  each_line(v, [&](Index first) {
    float squares = 0.0F;
    for (Index c = 0; c < v.channels; ++c) squares += in[first + c * v.inner] * in[first + c * v.inner];
    const float norm = std::max(std::sqrt(squares), epsilon);
    for (Index c = 0; c < v.channels; ++c) out[first + c * v.inner] = in[first + c * v.inner] / norm;
  });
}

template <typename T>
void l2_norm(const AxisView& v, const T* in, std::int32_t zero_point, std::int32_t out_zero_point, T* out) {
  constexpr int kStepBits = 7;  // steps of 1/128
  each_line(v, [&](Index first) {
    std::int32_t squares = 0;
    for (Index c = 0; c < v.channels; ++c) {
      const std::int32_t x = in[first + c * v.inner] - zero_point;
      squares = wrapping_add(squares, x * x);
    }
    const Multiplier inverse = inverse_sqrt(squares);
    for (Index c = 0; c < v.channels; ++c) {
      const std::int32_t x = in[first + c * v.inner] - zero_point;
      // LiteRT scales before the multiplication for u8, and within it for i8.
      const std::int32_t y = std::is_signed_v<T> ? multiply(x, {inverse.value, inverse.shift + kStepBits})
                                                 : multiply(x * (1 << kStepBits), inverse);
      out[first + c * v.inner] = static_cast<T>(
          std::clamp<std::int32_t>(y + out_zero_point, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    }
  });
}

void lp_norm(const AxisView& v, const float* in, std::int32_t p, float* out) {
  each_line(v, [&](Index first) {
    float sum = 0.0F;
    for (Index c = 0; c < v.channels; ++c) {
      const float x = in[first + c * v.inner];
      sum += p == 1 ? std::abs(x) : x * x;
    }
    const float norm = p == 1 ? sum : std::sqrt(sum);
    for (Index c = 0; c < v.channels; ++c)
      out[first + c * v.inner] = norm == 0.0F ? 0.0F : in[first + c * v.inner] / norm;
  });
}

void local_response_norm(const AxisView& v, const float* in, const ResponseNorm& n, float* out) {
  each_line(v, [&](Index first) {
    for (Index c = 0; c < v.channels; ++c) {
      const Index begin = std::max<Index>(0, c - n.before);
      const Index end = std::min(v.channels, c + n.after + 1);
      float squares = 0.0F;
      for (Index k = begin; k < end; ++k) squares += in[first + k * v.inner] * in[first + k * v.inner];
      out[first + c * v.inner] = in[first + c * v.inner] * std::pow(n.bias + n.alpha * squares, -n.beta);
    }
  });
}

void hardmax(const AxisView& v, const float* in, float* out) {
  each_line(v, [&](Index first) {
    Index best = 0;
    for (Index c = 0; c < v.channels; ++c) {
      if (in[first + c * v.inner] > in[first + best * v.inner]) best = c;
      out[first + c * v.inner] = 0.0F;
    }
    out[first + best * v.inner] = 1.0F;
  });
}

template void l2_norm(const AxisView&, const std::int8_t*, std::int32_t, std::int32_t, std::int8_t*);
template void l2_norm(const AxisView&, const std::uint8_t*, std::int32_t, std::int32_t, std::uint8_t*);

}  // namespace lichen::kernels::reference
