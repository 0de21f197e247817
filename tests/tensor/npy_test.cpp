// SPDX-License-Identifier: Apache-2.0
#include "tensor/npy.hpp"

#include <gtest/gtest.h>

namespace {

using namespace lichen;
using namespace lichen::tensor;

Tensor example(DType dtype, Shape shape) {
  Tensor tensor{{"x", dtype, shape}, {}};
  Bytes bytes(tensor.spec.bytes());
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
  tensor.data = Data::own(std::move(bytes));
  return tensor;
}

Bytes file_with_header(std::string header, std::size_t data_bytes) {
  Bytes file;
  ByteWriter writer(file);
  writer.put_bytes(bytes_of("\x93NUMPY"));
  writer.put(std::uint8_t{1});
  writer.put(std::uint8_t{0});
  writer.put(static_cast<std::uint16_t>(header.size()));
  writer.put_bytes(bytes_of(header));
  file.resize(file.size() + data_bytes);
  return file;
}

TEST(Npy, WhatIsWrittenIsReadBack) {
  for (const DType dtype :
       {DType::kF32, DType::kF16, DType::kI8, DType::kU8, DType::kI16, DType::kI32, DType::kI64, DType::kBool}) {
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{0}, Shape{2, 3, 4}}) {
      const Tensor tensor = example(dtype, shape);
      const Bytes file = write_npy(tensor);
      const auto read = read_npy(file, "x.npy");
      ASSERT_TRUE(read) << read.error().to_line();
      EXPECT_EQ(read->spec.dtype, dtype);
      EXPECT_EQ(read->spec.shape, shape);
      EXPECT_TRUE(std::ranges::equal(read->data.bytes(), tensor.data.bytes()));
    }
  }
}

TEST(Npy, DataStartsAtAMultipleOf64AsInNumPy) {
  const Tensor tensor = example(DType::kF32, {3});
  EXPECT_EQ((write_npy(tensor).size() - tensor.spec.bytes()) % 64, 0U);
}

TEST(Npy, HeaderOfNumPyIsUnderstood) {
  const Bytes file = file_with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24);
  const auto read = read_npy(file, "x.npy");
  ASSERT_TRUE(read) << read.error().to_line();
  EXPECT_EQ(read->spec.shape, (Shape{2, 3}));
}

TEST(Npy, WhatIsNotSupportedIsNamed) {
  const auto code_of = [](std::string header) {
    return read_npy(file_with_header(std::move(header), 24), "x").error().code;
  };
  EXPECT_EQ(code_of("{'descr': '>f4', 'fortran_order': False, 'shape': (6,), }"), Code::kUnsupported);
  EXPECT_EQ(code_of("{'descr': '<f4', 'fortran_order': True, 'shape': (6,), }"), Code::kUnsupported);
  EXPECT_EQ(code_of("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }"), Code::kUnsupported);
}

TEST(Npy, HostileFilesAreRefused) {
  for (const char* shape : {"(6", "6", "(-6,)", "(6, a)", "(99999999999999999999,)", "(2147483647, 2147483647)",
                            "(1,1,1,1,1,1,1,1,6)", "(7,)", ""}) {
    const Bytes file = file_with_header("{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(shape), 24);
    EXPECT_FALSE(read_npy(file, "x")) << shape;
  }
  const Bytes whole = write_npy(example(DType::kI16, {4, 4}));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(read_npy(ByteView(whole).first(length), "x")) << length;
  }
  for (std::size_t at = 0; at < whole.size() * 8; ++at) {
    Bytes flipped = whole;
    flipped[at / 8] ^= static_cast<std::byte>(1 << (at % 8));
    const auto read = read_npy(flipped, "x");  // may succeed, must not crash
    if (read) {
      EXPECT_EQ(read->data.bytes().size(), read->spec.bytes());
    }
  }
}

}  // namespace
