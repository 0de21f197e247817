// SPDX-License-Identifier: Apache-2.0
// Infer requests that are wrong in one way each, with words that the error must hold. The codec's test reads them
// directly; the REST door's test sends them over a socket and wants status 400 and the same words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/contract.hpp"

namespace lichen::protocol {

struct Malformed {
  std::string name;
  std::string body;
  std::optional<std::size_t> header_length;
  std::vector<std::string> words;  // all must be in the error's line
};

// Two f32 by two, two i8, one bool -> three f32 probabilities, one i64.
inline Contract small_contract() {
  Contract contract;
  contract.model = "small";
  contract.version = "1";
  contract.inputs = {{"image", tensor::DType::kF32, {1, 2, 2}},
                     {"mode", tensor::DType::kI8, {2}},
                     {"flag", tensor::DType::kBool, {1}}};
  contract.outputs = {{"scores", tensor::DType::kF32, {1, 3}}, {"count", tensor::DType::kI64, {1}}};
  contract.output_kind = OutputKind::kProbabilities;
  contract.rung_names = {"primary", "compact", "reflex"};
  return contract;
}

inline const std::string kGoodImage = R"({"name":"image","shape":[1,2,2],"datatype":"FP32","data":[1,2,3,4]})";
inline const std::string kGoodMode = R"({"name":"mode","shape":[2],"datatype":"INT8","data":[-128,127]})";
inline const std::string kGoodFlag = R"({"name":"flag","shape":[1],"datatype":"BOOL","data":[true]})";

inline std::string with_inputs(const std::string& inputs, const std::string& more = "") {
  return R"({"inputs":[)" + inputs + "]" + more + "}";
}
inline std::string with_image(const std::string& image) {
  return with_inputs(image + "," + kGoodMode + "," + kGoodFlag);
}
inline std::string with_mode(const std::string& mode) {
  return with_inputs(kGoodImage + "," + mode + "," + kGoodFlag);
}
inline std::string with_flag(const std::string& flag) {
  return with_inputs(kGoodImage + "," + kGoodMode + "," + flag);
}
inline std::string good_request(const std::string& more = "") {
  return with_inputs(kGoodImage + "," + kGoodMode + "," + kGoodFlag, more);
}
inline std::string image_data(const std::string& data) {
  return with_image(R"({"name":"image","shape":[1,2,2],"datatype":"FP32","data":)" + data + "}");
}
inline std::string mode_data(const std::string& data) {
  return with_mode(R"({"name":"mode","shape":[2],"datatype":"INT8","data":)" + data + "}");
}

inline std::vector<Malformed> malformed_documents() {
  const auto none = std::nullopt;
  return {
      {"empty body", "", none, {"request body, byte 0", "ends too early"}},
      {"only white space", " \n ", none, {"byte 3", "ends too early"}},
      {"not JSON", "hello", none, {"bad JSON", "byte 0", "expected '{'"}},
      {"an array", "[]", none, {"byte 0", "expected '{'"}},
      {"an empty object", "{}", none, {"\"inputs\" is missing", "image, mode, flag"}},
      {"cut in a key", R"({"inp)", none, {"byte 5", "ends too early"}},
      {"cut after a key", R"({"inputs")", none, {"byte 9", "expected ':'"}},
      {"cut in the data",
       R"({"inputs":[{"name":"image","shape":[1,2,2],"datatype":"FP32","data":[1,2)",
       none,
       {"input 'image'", "expected ','"}},
      {"cut before the last brace",
       good_request().substr(0, good_request().size() - 1),
       none,
       {"ends too early", "expected '}'"}},
      {"two documents", good_request() + "{}", none, {"expected nothing more"}},
      {"a NUL behind it", good_request() + std::string(1, '\0'), none, {"expected nothing more"}},
      {"a trailing comma", R"({"inputs":[],})", none, {"byte 13", "expected a string"}},
      {"a single-quoted key", "{'inputs':[]}", none, {"byte 1", "expected a string"}},
      {"a comment", "{/* hi */}", none, {"byte 1"}},
      {"a byte order mark", "\xEF\xBB\xBF{}", none, {"byte 0"}},
      {"UTF-16", std::string("\xFF\xFE{\0}\0", 6), none, {"byte 0"}},
      {"a key that is not UTF-8", "{\"\xC0\xAF\":1}", none, {"byte 2", "not UTF-8"}},
      {"a surrogate in UTF-8", "{\"\xED\xA0\x80\":1}", none, {"not UTF-8"}},
      {"a control character", "{\"a\nb\":1}", none, {"control character"}},
      {"an unknown escape", R"({"\x":1})", none, {"no such escape"}},
      {"half a surrogate pair", R"({"\ud800":1})", none, {"high surrogate"}},
      {"a low surrogate alone", R"({"\udc00":1})", none, {"low surrogate"}},
      {"bad hexadecimal", R"({"\u12g4":1})", none, {"four hexadecimal digits"}},
      {"an unknown member with a bad value", R"({"x":tru})", none, {"byte 5", "not a JSON value"}},
      {"an unknown member nested without end", R"({"x":)" + std::string(50'000, '['), none, {"nested deeper than 32"}},
      {"objects nested without end", std::string(50'000, '{'), none, {"expected a string"}},
      {"inputs twice", R"({"inputs":[],"inputs":[]})", none, {"\"inputs\" is given twice"}},
      {"inputs is an object", R"({"inputs":{}})", none, {"byte 10", "expected '['"}},
      {"inputs is null", R"({"inputs":null})", none, {"expected '['"}},
      {"no inputs in inputs", R"({"inputs":[]})", none, {"input 'image'", "missing"}},
      {"an input is a number", R"({"inputs":[1]})", none, {"byte 11", "expected '{'"}},
  };
}

inline std::vector<Malformed> malformed_tensors() {
  const auto none = std::nullopt;
  return {
      {"an input is missing", with_inputs(kGoodImage + "," + kGoodMode), none, {"input 'flag'", "missing"}},
      {"an input comes twice", with_inputs(kGoodImage + "," + kGoodImage), none, {"input 'image'", "given twice"}},
      {"an unknown input",
       with_inputs(R"({"name":"picture","shape":[1],"datatype":"FP32","data":[1]})"),
       none,
       {"input 'picture'", "no such input", "image, mode, flag"}},
      {"a very long name",
       with_inputs(R"({"name":")" + std::string(5000, 'x') + R"(","shape":[1],"datatype":"FP32","data":[1]})"),
       none,
       {"xxx...", "no such input"}},
      {"no name", with_inputs(R"({"shape":[1],"datatype":"FP32","data":[1]})"), none, {"byte 11", "without \"name\""}},
      {"a name that is a number", with_inputs(R"({"name":7})"), none, {"expected a string"}},
      {"no shape",
       with_inputs(R"({"name":"image","datatype":"FP32","data":[1,2,3,4]})"),
       none,
       {"input 'image'", "\"shape\" is missing"}},
      {"no datatype",
       with_inputs(R"({"name":"image","shape":[1,2,2],"data":[1,2,3,4]})"),
       none,
       {"input 'image'", "\"datatype\" is missing"}},
      {"name twice", with_inputs(R"({"name":"image","name":"mode"})"), none, {"\"name\" is given twice"}},
      {"data twice", with_inputs(R"({"name":"image","data":[1],"data":[1]})"), none, {"\"data\" is given twice"}},
      {"another datatype",
       with_image(R"({"name":"image","shape":[1,2,2],"datatype":"FP64","data":[1,2,3,4]})"),
       none,
       {"input 'image', datatype", "'FP64' instead of FP32"}},
      {"a datatype of nobody",
       with_image(R"({"name":"image","shape":[1,2,2],"datatype":"BF16","data":[1,2,3,4]})"),
       none,
       {"'BF16' instead of FP32"}},
      {"a datatype in small letters",
       with_image(R"({"name":"image","shape":[1,2,2],"datatype":"fp32","data":[1,2,3,4]})"),
       none,
       {"'fp32' instead of FP32"}},
      {"another batch",
       with_image(R"({"name":"image","shape":[2,2,2],"datatype":"FP32","data":[1,2,3,4,5,6,7,8]})"),
       none,
       {"input 'image', shape", "[2, 2, 2] instead of [1, 2, 2]"}},
      {"another rank",
       with_image(R"({"name":"image","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]})"),
       none,
       {"[2, 2] instead of [1, 2, 2]"}},
      {"a negative dimension",
       with_image(R"({"name":"image","shape":[-1,2,2],"datatype":"FP32","data":[1,2,3,4]})"),
       none,
       {"[-1, 2, 2]"}},
      {"a fractional dimension",
       with_image(R"({"name":"image","shape":[1.5,2,2],"datatype":"FP32","data":[1,2,3,4]})"),
       none,
       {"expected an integer without fraction"}},
      {"a huge dimension",
       with_image(R"({"name":"image","shape":[99999999999999999999,2,2],"datatype":"FP32","data":[1]})"),
       none,
       {"does not fit"}},
      {"too many dimensions",
       with_image(R"({"name":"image","shape":[1,1,1,1,1,1,1,1,1],"datatype":"FP32","data":[1]})"),
       none,
       {"more than 8 dimensions"}},
      {"too few elements", image_data("[1,2,3]"), none, {"input 'image', data, element 3", "3 elements instead of 4"}},
      {"no elements", image_data("[]"), none, {"0 elements instead of 4"}},
      {"too many elements", image_data("[1,2,3,4,5]"), none, {"more than 4 elements"}},
      {"data is a number", image_data("5"), none, {"expected an array"}},
      {"data is a string", image_data(R"("AAAA")"), none, {"expected an array"}},
      {"data is null", image_data("null"), none, {"expected an array"}},
      {"an element is null", image_data("[1,null,3,4]"), none, {"element 1", "expected a number"}},
      {"an element is a string", image_data(R"([1,"2",3,4])"), none, {"element 1", "expected a number"}},
      {"an element is true", image_data("[1,true,3,4]"), none, {"element 1", "expected a number"}},
      {"NaN", image_data("[1,NaN,3,4]"), none, {"element 1", "expected a number"}},
      {"Infinity", image_data("[1,2,-Infinity,4]"), none, {"element 2", "expected a number"}},
      {"above the largest float", image_data("[1,2,3.5e38,4]"), none, {"element 2", "does not fit"}},
      {"far above it", image_data("[1,2,-1e99999999999,4]"), none, {"element 2", "does not fit"}},
      {"a leading zero", image_data("[01,2,3,4]"), none, {"element 0", "expected a number"}},
      {"a leading plus", image_data("[+1,2,3,4]"), none, {"element 0"}},
      {"a bare point", image_data("[.5,2,3,4]"), none, {"element 0"}},
      {"nothing behind the point", image_data("[1.,2,3,4]"), none, {"element 0"}},
      {"an empty exponent", image_data("[1e,2,3,4]"), none, {"element 0"}},
      {"hexadecimal", image_data("[0x10,2,3,4]"), none, {"element 1", "expected ','"}},
      {"two commas", image_data("[1,,2,3,4]"), none, {"element 1"}},
      {"a missing comma", image_data("[1 2,3,4]"), none, {"element 1", "expected ','"}},
      {"nested too deep", image_data("[[[[1],[2]],[[3],[4]]]]"), none, {"element 0", "expected a number"}},
      {"nested too little", image_data("[[1,2,3,4]]"), none, {"expected an array at depth 3"}},
      {"a row too short", image_data("[[[1,2],[3]]]"), none, {"element 3", "1 elements instead of 2"}},
      {"a row too long", image_data("[[[1,2,3],[4]]]"), none, {"more than 2 elements"}},
      {"a row too few", image_data("[[[1,2]]]"), none, {"1 rows on axis 1 instead of 2"}},
      {"a row too many", image_data("[[[1,2],[3,4],[5,6]]]"), none, {"more than 2 rows on axis 1"}},
      {"an INT8 above its range", mode_data("[128,0]"), none, {"input 'mode', data, element 0", "does not fit"}},
      {"an INT8 below its range", mode_data("[0,-129]"), none, {"element 1", "does not fit"}},
      {"an INT8 with a fraction", mode_data("[0,1.5]"), none, {"without fraction"}},
      {"an INT8 with an exponent", mode_data("[1e1,0]"), none, {"without fraction or exponent"}},
      {"an integer beyond 64 bits", mode_data("[18446744073709551617,0]"), none, {"does not fit"}},
      {"a BOOL as a number",
       with_flag(R"({"name":"flag","shape":[1],"datatype":"BOOL","data":[1]})"),
       none,
       {"input 'flag'", "expected true or false"}},
      {"a BOOL misspelt",
       with_flag(R"({"name":"flag","shape":[1],"datatype":"BOOL","data":[fals]})"),
       none,
       {"expected true or false"}},
      {"neither data nor size",
       with_image(R"({"name":"image","shape":[1,2,2],"datatype":"FP32"})"),
       none,
       {"input 'image'", "neither"}},
      {"data late and wrong",
       with_image(R"({"data":[1,2,3],"name":"image","shape":[1,2,2],"datatype":"FP32"})"),
       none,
       {"3 elements instead of 4"}},
  };
}

inline std::vector<Malformed> malformed_parameters() {
  const auto none = std::nullopt;
  const auto more = [](const std::string& text) { return good_request("," + text); };
  return {
      {"an id that is a number", more(R"("id":5)"), none, {"expected a string"}},
      {"a long id",
       more(R"("id":")" + std::string(kContractTensorsMax * 100, 'i') + "\""),
       none,
       {"\"id\" has 1600 bytes"}},
      {"parameters is an array", more(R"("parameters":[])"), none, {"expected '{'"}},
      {"a deadline of zero",
       more(R"("parameters":{"lichen_deadline_ms":0})"),
       none,
       {"lichen_deadline_ms", "no time span"}},
      {"a negative deadline",
       more(R"("parameters":{"lichen_deadline_ms":-3})"),
       none,
       {"lichen_deadline_ms", "-3 is no time span"}},
      {"a deadline as text", more(R"("parameters":{"lichen_deadline_ms":"5"})"), none, {"expected a number"}},
      {"an unknown rung",
       more(R"("parameters":{"lichen_min_rung":"best"})"),
       none,
       {"lichen_min_rung", "no rung 'best'", "primary, compact, reflex"}},
      {"a rung index too large", more(R"("parameters":{"lichen_min_rung":3})"), none, {"no rung 3"}},
      {"a negative rung", more(R"("parameters":{"lichen_min_rung":-1})"), none, {"no rung -1"}},
      {"a priority too large",
       more(R"("parameters":{"lichen_priority":256})"),
       none,
       {"lichen_priority", "256 is out of range"}},
      {"binary_data_output as a number",
       more(R"("parameters":{"binary_data_output":1})"),
       none,
       {"expected true or false"}},
      {"an unknown output", more(R"("outputs":[{"name":"score"}])"), none, {"output 'score'", "scores, count"}},
      {"an output twice",
       more(R"("outputs":[{"name":"count"},{"name":"count"}])"),
       none,
       {"output 'count'", "asked for twice"}},
      {"an output without a name", more(R"("outputs":[{}])"), none, {"without \"name\""}},
      {"binary_data as text",
       more(R"("outputs":[{"name":"count","parameters":{"binary_data":"yes"}}])"),
       none,
       {"expected true or false"}},
  };
}

inline std::vector<Malformed> malformed_binaries() {
  const auto image = [](const std::string& size) {
    return R"({"name":"image","shape":[1,2,2],"datatype":"FP32","parameters":{"binary_data_size":)" + size + "}}";
  };
  const auto framed = [](const std::string& name, const std::string& json, const std::string& raw,
                         std::vector<std::string> words) {
    return Malformed{name, json + raw, json.size(), std::move(words)};
  };
  const std::string sixteen(16, '\0');
  const std::string flag = R"({"name":"flag","shape":[1],"datatype":"BOOL","parameters":{"binary_data_size":1}})";
  return {
      {"a header longer than the body",
       good_request(),
       1'000'000,
       {"Inference-Header-Content-Length", "it is 1000000"}},
      {"a header one too long", good_request(), good_request().size() + 1, {"Inference-Header-Content-Length"}},
      {"a header too short", good_request(), 10, {"byte 10", "ends too early"}},
      {"raw for a model of three inputs", sixteen, 0, {"0 needs a model with one input"}},
      {"size without the header",
       with_image(image("16")),
       std::nullopt,
       {"input 'image', binary data", "0 bytes are left", "Inference-Header-Content-Length"}},
      framed("bytes nobody claims", good_request(), "abc", {"3 bytes of binary data belong to no input"}),
      framed("bytes missing", with_image(image("16")), sixteen.substr(1),
             {"input 'image'", "15 bytes are left of the body instead of 16"}),
      framed("one byte too many", with_image(image("16")), sixteen + "x",
             {"1 bytes of binary data belong to no input"}),
      framed("another size", with_image(image("12")), sixteen, {"binary_data_size", "it is 12 instead of 16"}),
      framed("a negative size", with_image(image("-16")), sixteen, {"-16 is negative"}),
      framed("a size beyond 64 bits", with_image(image("99999999999999999999")), sixteen, {"does not fit"}),
      framed("a size as text", with_image(image("\"16\"")), sixteen, {"expected an integer"}),
      framed(
          "data and size",
          with_image(
              R"({"name":"image","shape":[1,2,2],"datatype":"FP32","data":[1,2,3,4],"parameters":{"binary_data_size":16}})"),
          sixteen, {"both"}),
      framed("a BOOL of 2", with_flag(flag), "\2", {"input 'flag', binary data, element 0", "0x02 is no BOOL"}),
  };
}

inline std::vector<Malformed> all_malformed() {
  std::vector<Malformed> all = malformed_documents();
  for (const auto& more : {malformed_tensors(), malformed_parameters(), malformed_binaries()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace lichen::protocol
