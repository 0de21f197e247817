// SPDX-License-Identifier: Apache-2.0
#include "engine/adapter.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace {

using namespace lichen;
using tensor::DType;
using tensor::Shape;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A model that hands its input on in another shape.
graph::Graph hand_on(DType dtype, tensor::Quantization quantization) {
  graph::Graph g;
  g.name = "hand_on";
  const auto in = g.add("in", dtype, {1, 2, 4}, quantization);
  const auto out = g.add("out", dtype, {1, 8}, quantization);
  g.nodes.push_back({graph::Op::kReshape, "reshape", graph::ReshapeAttributes{{1, 8}}, {in}, {out}});
  g.inputs = {in};
  g.outputs = {out};
  return g;
}

const std::vector<tensor::TensorSpec> kFloatIn = {{"x", DType::kF32, {8}}};
const std::vector<tensor::TensorSpec> kFloatOut = {{"y", DType::kF32, {1, 8}}};

std::unique_ptr<engine::Session> session_of(const graph::Graph& g) {
  auto session = engine::Session::create(g, {});
  EXPECT_TRUE(session) << session.error().to_line();
  return *std::move(session);
}

std::vector<float> through(engine::Session& session, const std::vector<float>& x) {
  const auto adapter = engine::Adapter::create(session, kFloatIn, kFloatOut);
  EXPECT_TRUE(adapter) << adapter.error().to_line();
  const auto loaded = adapter->load(std::as_bytes(std::span(x)), session);
  EXPECT_TRUE(loaded) << loaded.error().to_line();
  EXPECT_TRUE(session.run());
  Bytes answer(adapter->answer_bytes());
  adapter->store(session, answer);
  return lichen::testing::floats_of(answer);
}

TEST(Adapter, FloatsOnAnInt8ModelRoundHalvesAwayFromZeroAndSaturate) {
  const graph::Graph g = hand_on(DType::kI8, tensor::per_tensor(0.5F, 1));
  const auto session = session_of(g);
  EXPECT_THAT(through(*session, {0.0F, 0.25F, -0.25F, 0.74F, 1000.0F, -1000.0F, 3.5F, INFINITY}),
              ElementsAre(0.0F, 0.5F, -0.5F, 0.5F, 63.0F, -64.5F, 3.5F, 63.0F));
}

TEST(Adapter, FloatsOnAUint8Model) {
  const graph::Graph g = hand_on(DType::kU8, tensor::per_tensor(0.5F, 100));
  const auto session = session_of(g);
  EXPECT_THAT(through(*session, {0.0F, 0.25F, -0.25F, -49.0F, 1000.0F, -1000.0F, 3.5F, -INFINITY}),
              ElementsAre(0.0F, 0.5F, -0.5F, -49.0F, 77.5F, -50.0F, 3.5F, -50.0F));
}

TEST(Adapter, FloatsOnAModelInF16AreNarrowedAndWidened) {
  const graph::Graph g = hand_on(DType::kF16, {});
  const auto session = session_of(g);
  EXPECT_THAT(through(*session, {0.0F, 0.25F, -0.1F, 2049.0F, 1e6F, -INFINITY, 65504.0F, 1e-9F}),
              ElementsAre(0.0F, 0.25F, -0.0999755859375F, 2048.0F, INFINITY, -INFINITY, 65504.0F, 0.0F));
}

TEST(Adapter, EqualTypesAreCopied) {
  const graph::Graph g = hand_on(DType::kF32, {});
  const auto session = session_of(g);
  EXPECT_THAT(through(*session, {1, 2, 3, 4, 5, 6, 7, 8.5F}), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8.5F));
}

TEST(Adapter, RequestsMayLieAtAnyAddress) {
  const graph::Graph g = hand_on(DType::kI8, tensor::per_tensor(0.5F, 0));
  const auto session = session_of(g);
  const auto adapter = engine::Adapter::create(*session, kFloatIn, kFloatOut);
  ASSERT_TRUE(adapter);
  Bytes request(adapter->request_bytes() + 1);
  Bytes answer(adapter->answer_bytes() + 1);
  ASSERT_TRUE(adapter->load(ByteView(request).subspan(1), *session));
  adapter->store(*session, std::span(answer).subspan(1));
}

TEST(Adapter, NotANumberIsRefusedNamingTensorAndElement) {
  const graph::Graph g = hand_on(DType::kI8, tensor::per_tensor(0.5F, 0));
  const auto session = session_of(g);
  const auto adapter = engine::Adapter::create(*session, kFloatIn, kFloatOut);
  ASSERT_TRUE(adapter);
  const std::vector<float> x = {0, 0, 0, NAN, 0, 0, 0, 0};
  const auto loaded = adapter->load(std::as_bytes(std::span(x)), *session);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kBadInput);
  EXPECT_THAT(loaded.error().to_line(), HasSubstr("input 'x', element 3"));
}

TEST(Adapter, WhatDoesNotFitIsRefused) {
  const graph::Graph g = hand_on(DType::kI8, tensor::per_tensor(0.5F, 0));
  const auto session = session_of(g);
  const auto error_of = [&](std::vector<tensor::TensorSpec> in, std::vector<tensor::TensorSpec> out) {
    const auto adapter = engine::Adapter::create(*session, in, out);
    return adapter ? Error{} : adapter.error();
  };
  EXPECT_EQ(error_of({}, kFloatOut).code, Code::kBadInput);
  EXPECT_EQ(error_of({{"x", DType::kF32, {9}}}, kFloatOut).code, Code::kBadInput);
  EXPECT_EQ(error_of(kFloatIn, {{"y", DType::kF32, {7}}}).code, Code::kBadInput);
  EXPECT_EQ(error_of({{"x", DType::kI32, {8}}}, kFloatOut).code, Code::kUnsupported);
  const auto adapter = engine::Adapter::create(*session, kFloatIn, kFloatOut);
  ASSERT_TRUE(adapter);
  EXPECT_FALSE(adapter->load(Bytes(31), *session));
  EXPECT_FALSE(adapter->load(Bytes(33), *session));
}

}  // namespace
