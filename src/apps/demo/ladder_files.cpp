// SPDX-License-Identifier: Apache-2.0
#include "ladder_files.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include <fmt/format.h>
#include <zlib.h>

#include "engine/adapter.hpp"
#include "engine/reflex_table.hpp"
#include "engine/session.hpp"
#include "forge/quantize.hpp"
#include "formats/tflite.hpp"
#include "learn/closed_form.hpp"
#include "learn/csv_data.hpp"
#include "learn/random_features.hpp"
#include "learn/scores.hpp"
#include "posix/files.hpp"

namespace lichen::demo {
namespace {

constexpr Ppm kHeldOutPpm = 250'000;
constexpr Ppm kHeldBackPpm = 200'000;  // of the training rows: for the reflex table's temperature
constexpr std::size_t kCalibrationRows = 200;
constexpr std::size_t kPixels = 64;
constexpr std::size_t kClasses = 10;
const tensor::TensorSpec kImage{"image", tensor::DType::kF32, {1, 8, 8, 1}};
const tensor::TensorSpec kProbabilities{"probabilities", tensor::DType::kF32, {1, kClasses}};

// Times short enough that the demo shows every state within its minute; the defaults are for devices that run for
// years.
constexpr const char* kConfig = R"(# Written by lichen-demo.
[state]
directory = "state"

[[model]]
name = "digits"
kind = "probabilities"
labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]

[[model.input]]
name = "image"
dtype = "FP32"
shape = [1, 8, 8, 1]

[[model.output]]
name = "probabilities"
dtype = "FP32"
shape = [1, 10]

[model.ladder]
reserve_ms = 10
step_up_dwell_ms = 500
breaker_window_ms = 2500
breaker_open_ms = 2000

[[model.rung]]
name = "primary"
file = "digits_f32.tflite"
expected_ms = 1
hang_timeout_ms = 300

[[model.rung]]
name = "compact"
file = "digits_int8.tflite"
expected_ms = 1
hang_timeout_ms = 300

[[model.rung]]
name = "reflex"
reflex = "digits.reflex"
)";

std::unexpected<Error> bad_gzip(const std::string& path, const char* why) {
  return fail(Code::kBadInput, "cannot read data", path, why, "fetch data/digits/digits.csv.gz again");
}

Result<std::string> gunzip(ByteView file, const std::string& path) {
  z_stream stream{};
  if (::inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return bad_gzip(path, "no memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owned(&stream, &::inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(file.data()));  // zlib does not write to it
  stream.avail_in = static_cast<uInt>(file.size());
  std::string text;
  int state = Z_OK;
  while (state == Z_OK) {
    if (text.size() >= kDataBytesMax) return bad_gzip(path, "larger than 64 MiB unpacked");
    const std::size_t before = text.size();
    text.resize(before + (std::size_t{1} << 16));
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + before);
    stream.avail_out = static_cast<uInt>(text.size() - before);
    state = ::inflate(&stream, Z_NO_FLUSH);
    text.resize(text.size() - stream.avail_out);
  }
  if (state != Z_STREAM_END) return bad_gzip(path, stream.msg != nullptr ? stream.msg : "it ends too early");
  return text;
}

Result<learn::LabelledData> read_digits(const std::string& path) {
  const Bytes file = LICHEN_TRY(posix::read_file(path, kDataBytesMax));
  const bool gzip = file.size() > 1 && file[0] == std::byte{0x1F} && file[1] == std::byte{0x8B};
  const std::string text = gzip ? LICHEN_TRY(gunzip(file, path)) : std::string(text_of(file));
  learn::LabelledData data = LICHEN_TRY(learn::read_labelled_csv(text, path));
  if (data.features != kPixels || learn::classes_of(data) != kClasses) {
    return fail(Code::kBadInput, "cannot read data", path,
                fmt::format("{} numbers a line and {} classes, where digits have {} and {}", data.features,
                            learn::classes_of(data), kPixels, kClasses));
  }
  return data;
}

// The ridge on the pixels themselves, with the temperature that rows it has not seen ask for.
Result<engine::ReflexTable> fit_reflex(const learn::LabelledData& train, std::uint64_t seed) {
  const learn::Split parts = learn::split(train, kHeldBackPpm, seed);
  const auto probe = LICHEN_TRY(learn::fit_ridge(parts.train, {}));
  const float temperature =
      learn::fit_temperature(learn::scores_of(probe, parts.held_out), probe.classes, parts.held_out.labels);
  auto fitted = LICHEN_TRY(learn::fit_ridge(train, {}));
  std::vector<float> numbers = std::move(fitted.weights);
  numbers.insert(numbers.end(), fitted.bias.begin(), fitted.bias.end());
  return engine::ReflexTable::create(engine::ReflexKind::kLinear, kPixels, kClasses, temperature, std::move(numbers));
}

// Anything that answers an image, as learn's helpers like it.
template <typename Answer>
struct AsClassifier {
  std::size_t classes = kClasses;
  const Answer& answer;
  void score(std::span<const float> row, std::span<float> scores) const {
    answer(std::as_bytes(row), std::as_writable_bytes(scores));
  }
};

template <typename Answer>
double accuracy_of(const learn::LabelledData& data, const Answer& answer) {
  return learn::confusion_of(AsClassifier<Answer>{kClasses, answer}, data).accuracy();
}

Result<double> network_accuracy(const graph::Graph& network, const learn::LabelledData& data) {
  const auto session = LICHEN_TRY(engine::Session::create(network, {}));
  const auto adapter =
      LICHEN_TRY(engine::Adapter::create(*session, std::span(&kImage, 1), std::span(&kProbabilities, 1)));
  Result<void> trouble;
  const double accuracy = accuracy_of(data, [&](ByteView row, std::span<std::byte> scores) {
    if (trouble) trouble = adapter.load(row, *session);
    if (trouble) trouble = session->run();
    adapter.store(*session, scores);
  });
  LICHEN_TRY(std::move(trouble));
  return accuracy;
}

Result<FittedRung> save_network(const graph::Graph& network, const std::string& path, std::string name,
                                std::string what, const learn::LabelledData& held_out) {
  const Bytes file = LICHEN_TRY(formats::write_tflite(network));
  LICHEN_TRY(posix::write_file(path, file));
  return FittedRung{std::move(name), std::move(what), file.size(), LICHEN_TRY(network_accuracy(network, held_out))};
}

}  // namespace

Result<LadderFiles> make_ladder_files(const std::string& data_path, const std::string& folder, std::uint64_t seed) {
  const learn::LabelledData data = LICHEN_TRY(read_digits(data_path));
  learn::Split parts = learn::split(data, kHeldOutPpm, seed);
  LadderFiles made;
  made.train_rows = parts.train.rows();

  learn::RandomFeatureOptions options;
  options.seed = seed;
  const graph::Graph network = LICHEN_TRY(learn::fit_random_features(parts.train, {8, 8, 1}, options));
  made.rungs.push_back(
      LICHEN_TRY(save_network(network, folder + "/digits_f32.tflite", "primary",
                              "convolution of 96 random filters, f32, in a worker process", parts.held_out)));

  std::vector<Bytes> samples;
  for (std::size_t i = 0; i < std::min(kCalibrationRows, parts.train.rows()); ++i) {
    const ByteView row = std::as_bytes(parts.train.row(i));
    samples.emplace_back(row.begin(), row.end());
  }
  const graph::Graph integer = LICHEN_TRY(forge::quantize_int8(network, samples, {}));
  made.rungs.push_back(LICHEN_TRY(save_network(integer, folder + "/digits_int8.tflite", "compact",
                                               "the same in int8, in a worker process", parts.held_out)));

  engine::ReflexTable reflex = LICHEN_TRY(fit_reflex(parts.train, seed));
  const Bytes table = reflex.serialize();
  LICHEN_TRY(posix::write_file(folder + "/digits.reflex", table));
  const double accuracy = accuracy_of(parts.held_out, [&](ByteView row, std::span<std::byte> scores) {
    if (!reflex.evaluate(row, scores)) std::ranges::fill(scores, std::byte{0});
  });
  made.rungs.push_back({"reflex", "a ridge on the pixels, in the agent itself", table.size(), accuracy});

  made.config = folder + "/device.toml";
  LICHEN_TRY(posix::write_file(made.config, bytes_of(kConfig)));
  made.held_out = std::move(parts.held_out);
  return made;
}

}  // namespace lichen::demo
