// SPDX-License-Identifier: Apache-2.0
#include "learn/csv_data.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lichen::learn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string error_of(std::string_view text) {
  const auto data = read_labelled_csv(text, "x.csv");
  return data ? "no error" : data.error().to_line();
}

TEST(CsvData, ReadsNumbersAndTheLabelAfterThem) {
  const auto data = read_labelled_csv("1,2.5,0\n-3e1, 4 ,7\r\n0,0,2", "x.csv");
  ASSERT_TRUE(data) << data.error().to_line();
  EXPECT_EQ(data->features, 2u);
  EXPECT_THAT(data->values, ElementsAre(1.0F, 2.5F, -30.0F, 4.0F, 0.0F, 0.0F));
  EXPECT_THAT(data->labels, ElementsAre(0u, 7u, 2u));
  EXPECT_EQ(classes_of(*data), 8u);
}

TEST(CsvData, ErrorsNameTheLineAndTheColumn) {
  EXPECT_THAT(error_of("1,2,0\n1,two,0\n"), HasSubstr("x.csv, line 2, column 2: 'two' is not a finite number"));
  EXPECT_THAT(error_of("1,2,0\n1,2,x\n"), HasSubstr("line 2, column 3: 'x' is not a label"));
  EXPECT_THAT(error_of("1,,0\n"), HasSubstr("line 1, column 2"));
}

TEST(CsvData, RefusesWhatIsNotANumber) {
  for (const char* field : {"nan", "inf", "-inf", "1e99", "0x10", "1 2", "1.5f", "+1", "\x01\xff"}) {
    EXPECT_THAT(error_of(std::string(field) + ",0\n"), HasSubstr("line 1, column 1")) << field;
  }
}

TEST(CsvData, RefusesLabelsThatAreNotSmallWholeNumbers) {
  for (const char* label : {"-1", "1.0", "1024", "99999999999999999999", ""}) {
    EXPECT_THAT(error_of("5," + std::string(label) + "\n"), HasSubstr("line 1, column 2")) << label;
  }
}

TEST(CsvData, RefusesLinesOfAnotherLength) {
  EXPECT_THAT(error_of("1,2,0\n1,0\n"), HasSubstr("line 2: 1 numbers and a label, where the first line has 2"));
  EXPECT_THAT(error_of("1,2,0\n\n1,2,0\n"), HasSubstr("line 2: no numbers"));
  EXPECT_THAT(error_of(""), HasSubstr("x.csv: empty"));
  EXPECT_THAT(error_of("3\n"), HasSubstr("line 1: no numbers"));
}

TEST(CsvData, RefusesALineThatIsTooWideBeforeTakingMemoryForIt) {
  std::string wide;
  for (std::size_t i = 0; i <= kFeaturesMax; ++i) wide += "1,";
  EXPECT_THAT(error_of(wide + "0"), HasSubstr("more than 65536 numbers"));
}

TEST(CsvData, QuotesWrongFieldsShortAndPrintable) {
  const std::string line = error_of(std::string(5000, 'z') + ",1\n");
  EXPECT_LT(line.size(), 200u);
  EXPECT_THAT(error_of("\x1b[31m,1\n"), HasSubstr("'?[31m'"));
}

}  // namespace
}  // namespace lichen::learn
