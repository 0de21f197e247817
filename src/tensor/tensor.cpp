// SPDX-License-Identifier: Apache-2.0
#include "tensor/tensor.hpp"

#include <mutex>

namespace lichen::tensor {
namespace {

void multiply(Bytes& bytes, std::span<const float> scales, std::size_t run) {
  auto* value = reinterpret_cast<float*>(bytes.data());
  const float* const end = value + bytes.size() / sizeof(float);
  while (value < end) {
    for (const float scale : scales) {
      for (std::size_t i = 0; i < run; ++i) *value++ *= scale;
    }
  }
}

}  // namespace

struct Data::Made {
  Data from;  // not made itself
  std::vector<float> scales;
  std::size_t run = 1;
  mutable std::once_flag once;
  mutable Bytes bytes;
};

Data Data::borrow_unaligned(ByteView bytes) {
  auto made = std::make_shared<Made>();
  made->from = borrow(bytes);
  Data data;
  data.made_ = std::move(made);
  return data;
}

Data Data::scaled(Data from, std::vector<float> scales, std::size_t run) {
  LICHEN_ASSERT(!scales.empty() && run > 0 && from.size() % (scales.size() * run * sizeof(float)) == 0);
  auto made = std::make_shared<Made>();
  const bool is_scaled = from.made_ && !from.made_->scales.empty();
  if (is_scaled) {
    const ByteView bytes = from.bytes();
    made->from = own(Bytes(bytes.begin(), bytes.end()));
  } else {
    made->from = from.made_ ? from.made_->from : std::move(from);
  }
  made->scales = std::move(scales);
  made->run = run;
  Data data;
  data.made_ = std::move(made);
  return data;
}

ByteView Data::made() const {
  std::call_once(made_->once, [&] {
    const ByteView from = made_->from.bytes();
    made_->bytes.assign(from.begin(), from.end());
    if (!made_->scales.empty()) multiply(made_->bytes, made_->scales, made_->run);
  });
  return made_->bytes;
}

Data::Stored Data::stored() const {
  if (!made_) return {bytes(), {}, 1};
  return {made_->from.bytes(), made_->scales, made_->run};
}

}  // namespace lichen::tensor
