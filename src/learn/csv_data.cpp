// SPDX-License-Identifier: Apache-2.0
#include "learn/csv_data.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include <fmt/format.h>

namespace lichen::learn {
namespace {

constexpr std::size_t kQuotedBytesMax = 24;  // of a wrong field, in an error

struct Place {
  std::string_view name;
  std::size_t line = 0;
  std::size_t column = 0;
};

std::unexpected<Error> refuse(const Place& place, std::string why) {
  std::string where = fmt::format("{}, line {}", place.name, place.line);
  if (place.column > 0) where += fmt::format(", column {}", place.column);
  return fail(Code::kBadInput, "cannot read data", std::move(where), std::move(why));
}

// A field for an error message: short and printable, whatever it holds.
std::string quoted(std::string_view field) {
  std::string text(field.substr(0, kQuotedBytesMax));
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c > 0x7E; }, '?');
  return "'" + text + (field.size() > kQuotedBytesMax ? "...'" : "'");
}

std::string_view trimmed(std::string_view field) {
  const std::size_t first = field.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return field.substr(first, field.find_last_not_of(" \t") - first + 1);
}

// Takes what comes before the next `separator` off the front of `text`.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return piece;
}

Result<float> number_of(std::string_view field, const Place& place) {
  float value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size() || !std::isfinite(value))
    return refuse(place, quoted(field) + " is not a finite number");
  return value;
}

Result<std::uint32_t> label_of(std::string_view field, const Place& place) {
  std::uint32_t label = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), label);
  if (error != std::errc() || end != field.data() + field.size() || label >= kClassesMax)
    return refuse(place, fmt::format("{} is not a label from 0 to {}", quoted(field), kClassesMax - 1));
  return label;
}

Result<void> read_line(std::string_view line, Place place, LabelledData& data) {
  const auto commas = static_cast<std::size_t>(std::ranges::count(line, ','));
  if (commas == 0) return refuse(place, "no numbers with a label after them");
  if (commas > kFeaturesMax) return refuse(place, fmt::format("more than {} numbers before the label", kFeaturesMax));
  if (data.features == 0) data.features = commas;
  if (commas != data.features)
    return refuse(place, fmt::format("{} numbers and a label, where the first line has {}", commas, data.features));
  if (data.values.size() + commas > kValuesMax) return refuse(place, fmt::format("more than {} numbers", kValuesMax));
  std::string_view rest = line;
  for (place.column = 1; place.column <= commas; ++place.column) {
    data.values.push_back(LICHEN_TRY(number_of(trimmed(take_until(rest, ',')), place)));
  }
  data.labels.push_back(LICHEN_TRY(label_of(trimmed(rest), place)));
  return {};
}

}  // namespace

Result<LabelledData> read_labelled_csv(std::string_view text, std::string_view name) {
  if (text.size() > kCsvBytesMax) {
    return fail(Code::kExhausted, "cannot read data", std::string(name),
                fmt::format("{} bytes; {} are taken", text.size(), kCsvBytesMax));
  }
  if (text.empty()) return fail(Code::kBadInput, "cannot read data", std::string(name), "empty");
  LabelledData data;
  for (std::size_t line = 1; !text.empty(); ++line) {
    std::string_view content = take_until(text, '\n');
    if (content.ends_with('\r')) content.remove_suffix(1);
    LICHEN_TRY(read_line(content, {name, line, 0}, data));
  }
  return data;
}

}  // namespace lichen::learn
