// SPDX-License-Identifier: Apache-2.0
// The loops behind kernels/peak.hpp, one for each set of instructions. Internal to this folder.
#pragma once

namespace lichen::kernels {

struct PeakLoop {
  double operations = 0;
  double result = 0;  // depends on all of them
};

[[nodiscard]] PeakLoop plain_peak();

namespace avx2 {
[[nodiscard]] PeakLoop peak_f32();
[[nodiscard]] PeakLoop peak_i8();  // pairs widened to i16: vpmaddwd
}  // namespace avx2

namespace avx512 {
[[nodiscard]] PeakLoop peak_f32();
[[nodiscard]] PeakLoop peak_i8();  // vpdpbusd
}  // namespace avx512

}  // namespace lichen::kernels
