// SPDX-License-Identifier: Apache-2.0
#include "engine/reflex_table.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crc32c.hpp"
#include "digits.hpp"
#include "learn/closed_form.hpp"
#include "learn/scores.hpp"

namespace lichen::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;

Result<ReflexTable> small() {
  return ReflexTable::create(ReflexKind::kLinear, 2, 2, 1, {1, 0, 0, 1, 0, 0.5F});
}

std::vector<float> answer_of(ReflexTable& table, const std::vector<float>& input) {
  std::vector<float> output(table.classes());
  EXPECT_TRUE(table.evaluate(std::as_bytes(std::span(input)), std::as_writable_bytes(std::span(output))));
  return output;
}

Bytes with_crc(Bytes file) {
  file.resize(file.size() - 4);
  ByteWriter(file).put(crc32c(file));
  return file;
}

template <typename T>
Bytes with_field(Bytes file, std::size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof value);
  return with_crc(std::move(file));
}

TEST(ReflexTable, AnswersWithTheSoftmaxOfItsScores) {
  auto table = small();
  ASSERT_TRUE(table) << table.error().to_line();
  const float e = std::exp(-1.5F);  // scores 2 and 0.5
  EXPECT_THAT(answer_of(*table, {2, 0}), ElementsAre(FloatNear(1 / (1 + e), 1e-6F), FloatNear(e / (1 + e), 1e-6F)));
}

TEST(ReflexTable, CentroidsAnswerWithTheNearest) {
  auto table = ReflexTable::create(ReflexKind::kCentroids, 2, 3, 0.5F, {0, 0, 4, 4, 0, 4});
  ASSERT_TRUE(table);
  const std::vector<float> p = answer_of(*table, {0.5F, 3});
  EXPECT_EQ(learn::top1(p), 2u);
  EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0F), 1.0F, 1e-6F);
}

TEST(ReflexTable, IsTheSameAfterAFile) {
  auto table = small();
  ASSERT_TRUE(table);
  const Bytes file = table->serialize();
  auto again = ReflexTable::parse(file, 2, 2);
  ASSERT_TRUE(again) << again.error().to_line();
  EXPECT_EQ(again->serialize(), file);
  EXPECT_EQ(answer_of(*again, {0.3F, 0.7F}), answer_of(*table, {0.3F, 0.7F}));
}

TEST(ReflexTable, RefusesEveryTruncationAndExtension) {
  const Bytes file = small()->serialize();
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(ReflexTable::parse(ByteView(file).first(size), 2, 2)) << size;
  }
  Bytes longer = file;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(ReflexTable::parse(longer, 2, 2));
}

TEST(ReflexTable, RefusesEveryFlippedBit) {
  const Bytes file = small()->serialize();
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    Bytes flipped = file;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_FALSE(ReflexTable::parse(flipped, 2, 2)) << bit;
  }
}

TEST(ReflexTable, RefusesFieldsOutOfRangeEvenWithARightChecksum) {
  const Bytes file = small()->serialize();
  const auto error = [&](const Bytes& bytes) {
    const auto parsed = ReflexTable::parse(bytes, 2, 2);
    return parsed ? "no error" : parsed.error().to_line();
  };
  EXPECT_THAT(error(with_field(file, 8, 2u)), HasSubstr("version"));
  EXPECT_THAT(error(with_field(file, 12, 3u)), HasSubstr("kind"));
  EXPECT_THAT(error(with_field(file, 16, 0u)), HasSubstr("features"));
  EXPECT_THAT(error(with_field(file, 16, 65'537u)), HasSubstr("features"));
  EXPECT_THAT(error(with_field(file, 20, 1'025u)), HasSubstr("classes"));
  EXPECT_THAT(error(with_field(file, 20, 0xFFFFFFFFu)), HasSubstr("classes"));
  EXPECT_THAT(error(with_field(with_field(file, 16, 65'536u), 20, 1'024u)), HasSubstr("size"));
  EXPECT_THAT(error(with_field(file, 20, 3u)), HasSubstr("size"));
  for (const float temperature : {0.0F, -1.0F, 1e7F, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THAT(error(with_field(file, 24, temperature)), HasSubstr("temperature"));
  }
  EXPECT_THAT(error(with_field(file, 28, std::numeric_limits<float>::infinity())), HasSubstr("number 0: not finite"));
}

TEST(ReflexTable, RefusesAnotherContract) {
  const Bytes file = small()->serialize();
  EXPECT_FALSE(ReflexTable::parse(file, 3, 2));
  const auto parsed = ReflexTable::parse(file, 2, 3);
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().why, HasSubstr("2 inputs and 2 classes, the contract for 2 and 3"));
}

TEST(ReflexTable, HasNoAnswerForWhatIsNotANumber) {
  auto table = small();
  ASSERT_TRUE(table);
  std::vector<float> output(2);
  const std::span<std::byte> out = std::as_writable_bytes(std::span(output));
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    const std::vector<float> input = {1, bad};
    EXPECT_FALSE(table->evaluate(std::as_bytes(std::span(input)), out));
  }
  const std::vector<float> three = {1, 2, 3};
  EXPECT_FALSE(table->evaluate(std::as_bytes(std::span(three)), out));
  EXPECT_FALSE(table->evaluate(std::as_bytes(std::span(three).first(2)), out.first(4)));
}

TEST(ReflexTable, TheLargestNumbersStillGiveProbabilities) {
  const float huge = std::numeric_limits<float>::max();
  for (const ReflexKind kind : {ReflexKind::kLinear, ReflexKind::kCentroids}) {
    std::vector<float> numbers = {huge, huge, -huge, -huge, huge, -huge};
    if (kind == ReflexKind::kCentroids) numbers.resize(4);
    auto table = ReflexTable::create(kind, 2, 2, kReflexTemperatureMin, numbers);
    ASSERT_TRUE(table);
    EXPECT_THAT(answer_of(*table, {huge, huge}), ElementsAre(1.0F, 0.0F));
  }
}

TEST(ReflexTable, ReadsInputsThatAreNotAligned) {
  auto table = small();
  ASSERT_TRUE(table);
  const std::vector<float> input = {2, 0};
  Bytes shifted(9);
  std::memcpy(shifted.data() + 1, input.data(), 8);
  Bytes output(9);
  ASSERT_TRUE(table->evaluate(ByteView(shifted).subspan(1), std::span(output).subspan(1)));
  std::vector<float> values(2);
  std::memcpy(values.data(), output.data() + 1, 8);
  EXPECT_EQ(values, answer_of(*table, input));
}

TEST(ReflexTable, ClassifiesDigitsAsTheRidgeItWasMadeFrom) {
  const learn::Split& parts = lichen::testing::digits_split();
  const auto ridge = learn::fit_ridge(parts.train, {});
  ASSERT_TRUE(ridge);
  std::vector<float> numbers = ridge->weights;
  numbers.insert(numbers.end(), ridge->bias.begin(), ridge->bias.end());
  auto table = ReflexTable::create(ReflexKind::kLinear, 64, 10, 0.1F, numbers);
  ASSERT_TRUE(table);
  std::vector<float> scores(10);
  for (std::size_t i = 0; i < parts.held_out.rows(); ++i) {
    const std::span<const float> row = parts.held_out.row(i);
    ridge->score(row, scores);
    ASSERT_EQ(learn::top1(answer_of(*table, {row.begin(), row.end()})), learn::top1(scores)) << "row " << i;
  }
}

}  // namespace
}  // namespace lichen::engine
