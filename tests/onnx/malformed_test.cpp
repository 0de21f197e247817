// SPDX-License-Identifier: Apache-2.0
// Broken and hostile .onnx files: each is refused with an error that says where, and nothing crashes.
#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "make.hpp"
#include "onnx/onnx.hpp"

namespace lichen {
namespace {

using ::onnx::AttributeProto;
using ::onnx::ModelProto;
using ::testing::HasSubstr;
using namespace lichen::testing;

struct BadModel {
  const char* name;
  Code code;
  const char* why;  // part of the line
  std::function<void(ModelProto&)> damage;
};

void PrintTo(const BadModel& bad, std::ostream* out) {
  *out << bad.name;
}

::onnx::NodeProto& conv_of(ModelProto& m) {
  return *m.mutable_graph()->mutable_node(0);
}
::onnx::TensorProto& weights_of(ModelProto& m) {
  return *m.mutable_graph()->mutable_initializer(0);
}
void set_opset(ModelProto& m, std::int64_t version) {
  m.mutable_opset_import(0)->set_version(version);
}
// Another operator in Relu's place.
::onnx::NodeProto& instead(ModelProto& m, const char* op) {
  auto& node = *m.mutable_graph()->mutable_node(1);
  node.set_op_type(op);
  node.clear_input();
  return node;
}
::onnx::NodeProto& instead(ModelProto& m, const char* op, Names inputs) {
  auto& node = instead(m, op);
  for (const char* input : inputs) node.add_input(input);
  return node;
}
void nest(::onnx::GraphProto& graph, int depth) {
  auto& node = add_node(graph, "If", {"x"}, {"y"});
  if (depth > 0) nest(set_graph(node, "then_branch"), depth - 1);
}

const Code kBad = Code::kBadInput;
const Code kNo = Code::kUnsupported;

const std::vector<BadModel> kBadModels = {
    // The model.
    {"NoGraph", kBad, "it has no graph", [](ModelProto& m) { m.clear_graph(); }},
    {"NoOpset", kNo, "it says no opset", [](ModelProto& m) { m.clear_opset_import(); }},
    {"OpsetTooOld", kNo, "opset 5", [](ModelProto& m) { set_opset(m, 5); }},
    {"OpsetTooNew", kNo, "opset 999", [](ModelProto& m) { set_opset(m, 999); }},
    {"OpsetNegative", kNo, "opset -3", [](ModelProto& m) { set_opset(m, -3); }},
    {"OpsetTwice", kBad, "two opsets", [](ModelProto& m) { m.add_opset_import()->set_version(16); }},
    {"OpsetOfAnotherDomainOnly", kNo, "no opset of its domain",
     [](ModelProto& m) { m.mutable_opset_import(0)->set_domain("elsewhere"); }},
    // Operators.
    {"UnknownOperator", kNo, "node 1 'Relu_1' Frobnicate", [](ModelProto& m) { instead(m, "Frobnicate", {"c"}); }},
    {"OperatorWithoutName", kNo, "node 1 'Relu_1'", [](ModelProto& m) { instead(m, "", {"c"}); }},
    {"OperatorOfAnUnknownDomain", kNo, "elsewhere.Relu",
     [](ModelProto& m) { m.mutable_graph()->mutable_node(1)->set_domain("elsewhere"); }},
    {"OperatorOfALaterOpset", kNo, "opset 17 does not have it", [](ModelProto& m) { instead(m, "Gelu", {"c"}); }},
    {"SequenceOperator", kNo, "SequenceAt", [](ModelProto& m) { instead(m, "SequenceAt", {"c", "b"}); }},
    // Wiring.
    {"InputOfNoNode", kBad, "its input 'nowhere' is not computed before it",
     [](ModelProto& m) { instead(m, "Relu", {"nowhere"}); }},
    {"Cycle", kBad, "node 0 'Conv_0' Conv: its input 'y' is not computed before it",
     [](ModelProto& m) { conv_of(m).set_input(0, "y"); }},
    {"NodeReadsItself", kBad, "its input 'y' is not computed before it", [](ModelProto& m) { instead(m, "Relu", {"y"}); }},
    {"TwoNodesGiveOneName", kBad, "'c': two tensors have this name",
     [](ModelProto& m) { m.mutable_graph()->mutable_node(1)->set_output(0, "c"); }},
    {"NodeGivesTheNameOfAnInput", kBad, "'x': two tensors have this name",
     [](ModelProto& m) { m.mutable_graph()->mutable_node(1)->set_output(0, "x"); }},
    {"TwoInputsOfOneName", kBad, "'x': two tensors", [](ModelProto& m) { add_input(m, "x", {1}); }},
    {"TwoInitializersOfOneName", kBad, "'w': two tensors", [](ModelProto& m) { add_weights(m, "w", {1}); }},
    {"OutputOfNoNode", kBad, "output 'z': no node computes it", [](ModelProto& m) { add_output(m, "z"); }},
    {"NoOutputs", kBad, "no outputs", [](ModelProto& m) { m.mutable_graph()->clear_output(); }},
    {"RequiredInputMissing", kBad, "it has no input 1",
     [](ModelProto& m) { conv_of(m).mutable_input()->DeleteSubrange(1, 2); }},
    {"RequiredInputEmpty", kBad, "it has no input 0", [](ModelProto& m) { conv_of(m).set_input(0, ""); }},
    {"TooManyInputs", kNo, "its input 3 is not known", [](ModelProto& m) { conv_of(m).add_input("b"); }},
    {"TooManyOutputs", kNo, "its output 1 is not computed", [](ModelProto& m) { conv_of(m).add_output("more"); }},
    // Attributes.
    {"AttributeUnknown", kNo, "its attribute 'color' is not known", [](ModelProto& m) { set_int(conv_of(m), "color", 1); }},
    {"AttributeOfAnotherType", kBad, "its attribute 'group' has type 7",
     [](ModelProto& m) { set_ints(conv_of(m), "group", {1}); }},
    {"AttributeWithoutType", kBad, "its attribute 'group' has type 0",
     [](ModelProto& m) { add_attribute(conv_of(m), "group", AttributeProto::UNDEFINED).set_i(1); }},
    {"KernelIsNotThatOfTheWeights", kBad, "its weights",
     [](ModelProto& m) { conv_of(m).mutable_attribute(0)->set_ints(0, 5); }},
    {"KernelOfThreeAxes", kBad, "has 3 values", [](ModelProto& m) { conv_of(m).mutable_attribute(0)->add_ints(3); }},
    {"StrideZero", kBad, "has a value of 0", [](ModelProto& m) { set_ints(conv_of(m), "strides", {1, 0}); }},
    {"StrideHuge", kBad, "has a value of 9223372036854775807",
     [](ModelProto& m) { set_ints(conv_of(m), "strides", {1, INT64_MAX}); }},
    {"DilationNegative", kBad, "has a value of -1", [](ModelProto& m) { set_ints(conv_of(m), "dilations", {1, -1}); }},
    {"DilationBeyondTheImage", kBad, "window", [](ModelProto& m) { set_ints(conv_of(m), "dilations", {9, 9}); }},
    {"PadsNegative", kNo, "has a value of -1", [](ModelProto& m) { set_ints(conv_of(m), "pads", {-1, 0, 0, 0}); }},
    {"PadsOfOneSide", kBad, "has 2 values, not 4", [](ModelProto& m) { set_ints(conv_of(m), "pads", {1, 1}); }},
    {"PadsHuge", kBad, "pads", [](ModelProto& m) { set_ints(conv_of(m), "pads", {1LL << 40, 0, 0, 0}); }},
    {"AutoPadUnknown", kBad, "auto_pad", [](ModelProto& m) { set_text(conv_of(m), "auto_pad", "SIDEWAYS"); }},
    {"GroupsZero", kBad, "0 groups", [](ModelProto& m) { set_int(conv_of(m), "group", 0); }},
    {"GroupsThatDoNotDivide", kBad, "2 groups", [](ModelProto& m) { set_int(conv_of(m), "group", 2); }},
    {"GroupsHuge", kBad, "groups", [](ModelProto& m) { set_int(conv_of(m), "group", INT64_MAX); }},
    // Tensors.
    {"DataTooShort", kBad, "initializer 'w'", [](ModelProto& m) { weights_of(m).mutable_float_data()->RemoveLast(); }},
    {"DataTooLong", kBad, "220 bytes of data", [](ModelProto& m) { weights_of(m).add_float_data(1); }},
    {"RawDataTooShort", kBad, "3 bytes of data", [](ModelProto& m) {
       weights_of(m).clear_float_data();
       weights_of(m).set_raw_data("abc");
     }},
    {"DataTwice", kBad, "given twice", [](ModelProto& m) { weights_of(m).set_raw_data(std::string(216, 'a')); }},
    {"DimensionNegative", kBad, "initializer 'w'", [](ModelProto& m) { weights_of(m).set_dims(0, -3); }},
    {"DimensionsOverflow", kBad, "initializer 'w'", [](ModelProto& m) {
       weights_of(m).set_dims(0, INT64_MAX);
       weights_of(m).set_dims(1, INT64_MAX);
     }},
    {"DimensionsClaimTwoGigabytes", kBad, "bytes of data", [](ModelProto& m) { weights_of(m).set_dims(0, 1 << 24); }},
    {"RankNine", kBad, "initializer 'w'", [](ModelProto& m) {
       for (int i = 0; i < 5; ++i) weights_of(m).add_dims(1);
     }},
    {"WeightsOfRankThree", kBad, "Conv", [](ModelProto& m) {
       weights_of(m).clear_dims();
       for (const int dim : {3, 2, 9}) weights_of(m).add_dims(dim);
     }},
    {"WeightsOfRankOne", kBad, "Conv", [](ModelProto& m) {
       weights_of(m).clear_dims();
       weights_of(m).add_dims(54);
       conv_of(m).clear_attribute();
     }},
    {"ElementTypeUnknown", kBad, "element type 99", [](ModelProto& m) { weights_of(m).set_data_type(99); }},
    {"ElementTypeNone", kBad, "element type 0", [](ModelProto& m) { weights_of(m).clear_data_type(); }},
    {"ElementsFloat64", kNo, "float64 elements", [](ModelProto& m) { weights_of(m).set_data_type(11); }},
    {"ElementsStrings", kNo, "string elements", [](ModelProto& m) { weights_of(m).set_data_type(8); }},
    {"ElementBeyondItsType", kBad, "element 0 is 300", [](ModelProto& m) {
       weights_of(m).clear_dims();
       weights_of(m).clear_float_data();
       weights_of(m).set_data_type(3);
       weights_of(m).add_int32_data(300);
     }},
    {"ExternalData", kNo, "external data is not read: '../../etc/passwd'", [](ModelProto& m) {
       weights_of(m).set_data_location(::onnx::TensorProto::EXTERNAL);
       auto& entry = *weights_of(m).add_external_data();
       entry.set_key("location");
       entry.set_value("../../etc/passwd");
     }},
    {"ExternalDataWithoutLocation", kNo, "external data is not read: no location",
     [](ModelProto& m) { weights_of(m).set_data_location(::onnx::TensorProto::EXTERNAL); }},
    {"Segment", kNo, "segments", [](ModelProto& m) { weights_of(m).mutable_segment()->set_begin(0); }},
    {"SparseInitializer", kNo, "sparse", [](ModelProto& m) { m.mutable_graph()->add_sparse_initializer(); }},
    // Inputs.
    {"InputWithoutShape", kNo, "input 'x': it has no shape", [](ModelProto& m) {
       m.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
     }},
    {"InputWithoutType", kNo, "input 'x': it is no tensor",
     [](ModelProto& m) { m.mutable_graph()->mutable_input(0)->clear_type(); }},
    {"InputThatIsASequence", kNo, "input 'x': it is no tensor",
     [](ModelProto& m) { m.mutable_graph()->mutable_input(0)->mutable_type()->mutable_sequence_type(); }},
    {"InputOfFloat64", kNo, "input 'x': float64", [](ModelProto& m) {
       m.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(11);
     }},
    {"InputDimensionNegative", kBad, "input 'n'", [](ModelProto& m) { add_input(m, "n", {-1}); }},
    {"InitializerThatNothingReads", kBad, "initializer 'spare'",
     [](ModelProto& m) { add_weights(m, "spare", {2}).add_float_data(1); }},
    {"InputDimensionsOverflow", kBad, "input 'big'", [](ModelProto& m) { add_input(m, "big", {1LL << 40, 1LL << 40}); }},
    {"InputOfRankNine", kBad, "input 'deep'", [](ModelProto& m) { add_input(m, "deep", {1, 1, 1, 1, 1, 1, 1, 1, 1}); }},
    {"InputOfTheWrongRank", kBad, "Conv", [](ModelProto& m) {
       m.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(1);
     }},
    // Values that nodes cannot take.
    {"ConcatWithoutAxis", kBad, "it has no axis", [](ModelProto& m) { instead(m, "Concat", {"c"}); }},
    {"AxisOutOfRange", kBad, "Concat", [](ModelProto& m) { set_int(instead(m, "Concat", {"c", "c"}), "axis", 7); }},
    {"AxisBeyondInt32", kBad, "'axis' is 8589934592",
     [](ModelProto& m) { set_int(instead(m, "Concat", {"c", "c"}), "axis", 1LL << 33); }},
    {"PermutationThatRepeats", kBad, "Transpose", [](ModelProto& m) { set_ints(instead(m, "Transpose", {"c"}), "perm", {0, 0, 1, 2}); }},
    {"PermutationOutOfRange", kBad, "Transpose", [](ModelProto& m) { set_ints(instead(m, "Transpose", {"c"}), "perm", {0, 9, 1, 2}); }},
    {"ReshapeToOtherElements", kBad, "Reshape", [](ModelProto& m) {
       add_integers(m, "s", {5, 5});
       instead(m, "Reshape", {"c", "s"});
     }},
    {"ReshapeOverflows", kBad, "Reshape", [](ModelProto& m) {
       add_integers(m, "s", {INT64_MAX, INT64_MAX});
       instead(m, "Reshape", {"c", "s"});
     }},
    {"CastToNothing", kNo, "to element type 0", [](ModelProto& m) { instead(m, "Cast", {"c"}); }},
    {"CastToAString", kNo, "to string", [](ModelProto& m) { set_int(instead(m, "Cast", {"c"}), "to", 8); }},
    {"ConstantWithoutValue", kNo, "its value is", [](ModelProto& m) { instead(m, "Constant"); }},
    {"ConstantOfTwoValuesForAShape", kBad, "not one element", [](ModelProto& m) {
       add_integers(m, "s", {2, 2});
       auto& value = *add_attribute(instead(m, "ConstantOfShape", {"s"}), "value", AttributeProto::TENSOR).mutable_t();
       value.set_data_type(1);
       value.add_dims(2);
       value.add_float_data(1);
       value.add_float_data(2);
     }},
    {"SqueezeOfAnAxisThatIsNotOne", kBad, "Squeeze", [](ModelProto& m) {
       add_integers(m, "s", {1});
       instead(m, "Squeeze", {"c", "s"});
     }},
    {"SplitIntoOtherParts", kBad, "num_outputs", [](ModelProto& m) {
       set_opset(m, 18);
       set_int(instead(m, "Split", {"c"}), "num_outputs", 2);
     }},
    {"TrainedBatchNorm", kNo, "training_mode", [](ModelProto& m) {
       set_int(instead(m, "BatchNormalization", {"c", "b", "b", "b", "b"}), "training_mode", 1);
     }},
    {"EinsumWithoutArrow", kNo, "equation", [](ModelProto& m) { set_text(instead(m, "Einsum", {"c"}), "equation", "ij,"); }},
    {"PoolWithoutKernel", kBad, "kernel_shape", [](ModelProto& m) { instead(m, "MaxPool", {"c"}); }},
    // Branches and functions.
    {"IfWithoutBranches", kBad, "it has no then_branch", [](ModelProto& m) { instead(m, "If", {"c"}); }},
    {"BranchOfAnotherNumberOfOutputs", kBad, "gives 0 tensors", [](ModelProto& m) {
       auto& node = instead(m, "If", {"c"});
       set_graph(node, "then_branch");
       set_graph(node, "else_branch");
     }},
    {"BranchWithInputs", kBad, "a branch with inputs", [](ModelProto& m) {
       set_graph(instead(m, "If", {"c"}), "then_branch").add_input()->set_name("i");
     }},
    {"BranchThatReadsNothing", kBad, "'nowhere' is not computed before it", [](ModelProto& m) {
       add_node(set_graph(instead(m, "If", {"c"}), "then_branch"), "Relu", {"nowhere"}, {"r"});
     }},
    {"UnknownOperatorInABranch", kNo, "Frobnicate", [](ModelProto& m) {
       add_node(set_graph(instead(m, "If", {"c"}), "then_branch"), "Frobnicate", {"c"}, {"r"});
     }},
    {"GraphsNestedTooDeep", kNo, "nested deeper", [](ModelProto& m) { nest(*m.mutable_graph(), 12); }},
    {"FunctionThatCallsItself", kBad, "deeper than", [](ModelProto& m) {
       m.add_opset_import()->set_domain("mine");
       auto& function = *m.add_functions();
       function.set_domain("mine");
       function.set_name("F");
       function.add_input("i");
       function.add_output("o");
       auto& node = *function.add_node();
       node.set_op_type("F");
       node.set_domain("mine");
       node.add_input("i");
       node.add_output("o");
       instead(m, "F", {"c"}).set_domain("mine");
     }},
};

class OnnxMalformed : public ::testing::TestWithParam<BadModel> {};

TEST_P(OnnxMalformed, IsRefusedWithThePlaceAndTheReason) {
  ModelProto model = conv_model();
  GetParam().damage(model);
  const auto graph = formats::read_onnx(bytes_of_model(model), "bad.onnx");
  ASSERT_FALSE(graph.has_value());
  EXPECT_EQ(graph.error().code, GetParam().code) << graph.error().to_line();
  EXPECT_THAT(graph.error().to_line(), HasSubstr(GetParam().why));
  EXPECT_THAT(graph.error().to_line(), HasSubstr("bad.onnx"));
}

INSTANTIATE_TEST_SUITE_P(All, OnnxMalformed, ::testing::ValuesIn(kBadModels),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(OnnxMalformedBytes, TheModelThatIsDamagedIsSound) {
  const auto graph = formats::read_onnx(bytes_of_model(conv_model()), "good.onnx");
  ASSERT_TRUE(graph.has_value()) << graph.error().to_line();
}

Error error_of(std::string_view file) {
  const ByteView bytes = bytes_of(file);
  const auto graph = formats::read_onnx(bytes, "bad.onnx");
  return graph ? Error{} : graph.error();
}

TEST(OnnxMalformedBytes, AnEmptyFileIsRefused) {
  EXPECT_EQ(error_of("").to_line(), "cannot read file: bad.onnx: it is empty");
}

TEST(OnnxMalformedBytes, ATextIsRefusedAtItsByte) {
  EXPECT_THAT(error_of("hello, world").to_line(), HasSubstr("bad.onnx, byte 2: field 13 has wire type 4"));
}

TEST(OnnxMalformedBytes, ATfliteFileIsRefused) {
  EXPECT_THAT(error_of(std::string_view("\x1c\0\0\0TFL3\x14\0\x20\0", 12)).to_line(), HasSubstr("bad.onnx, byte"));
}

TEST(OnnxMalformedBytes, ALengthOfTwoGigabytesIsRefusedAtItsByte) {
  EXPECT_THAT(error_of("\x3a\xff\xff\xff\xff\x07").to_line(), HasSubstr("byte 0: field 7 claims 2147483647 bytes, 0 are left"));
}

TEST(OnnxMalformedBytes, ANumberWithoutEndIsRefused) {
  EXPECT_THAT(error_of("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").to_line(), HasSubstr("a number of more than 10 bytes"));
}

TEST(OnnxMalformedBytes, FieldZeroIsRefused) {
  EXPECT_THAT(error_of(std::string_view("\x00\x01", 2)).to_line(), HasSubstr("field number 0"));
}

TEST(OnnxMalformedBytes, GroupsOfOldProtobufAreRefused) {
  EXPECT_THAT(error_of("\x3b").to_line(), HasSubstr("wire type 3"));
}

TEST(OnnxMalformedBytes, MessagesThatNestWithoutEndAreRefused) {
  std::string file;
  for (int depth = 0; depth < 200; ++depth) {  // sequence of sequence of ..., inside out
    std::string outer;
    const auto wrap = [](char tag, const std::string& inner) {
      std::string out(1, tag);
      for (std::size_t size = inner.size();; size >>= 7) {
        out += static_cast<char>((size & 0x7F) | (size > 0x7F ? 0x80 : 0));
        if (size <= 0x7F) return out + inner;
      }
    };
    file = depth == 199 ? wrap('\x3a', wrap('\x5a', wrap('\x12', file))) : wrap('\x22', wrap('\x0a', file));
  }
  EXPECT_THAT(error_of(file).to_line(), ::testing::AnyOf(HasSubstr("deeper than 64"), HasSubstr("not those")));
}

TEST(OnnxMalformedBytes, MillionsOfEmptyMessagesAreRefusedBeforeTheyAreDecoded) {
  std::string graph;
  for (int i = 0; i < 2'000'000; ++i) graph += std::string_view("\x0a\x00", 2);  // a node of nothing
  std::string file = "\x3a\x80\x92\xf4\x01";                                       // field 7, 4,000,000 bytes
  const Error error = error_of(file + graph);
  EXPECT_EQ(error.code, Code::kExhausted) << error.to_line();
}

TEST(OnnxMalformedBytes, MoreNodesThanTheLimitAreRefused) {
  ModelProto model = empty_model();
  add_input(model, "x", {1});
  for (int i = 0; i < 100'001; ++i) {
    auto& node = *model.mutable_graph()->add_node();
    node.set_op_type("Constant");
    add_attribute(node, "value_int", AttributeProto::INT).set_i(1);
    node.add_output("c" + std::to_string(i));
  }
  const auto graph = formats::read_onnx(bytes_of_model(model), "bad.onnx");
  ASSERT_FALSE(graph.has_value());
  EXPECT_EQ(graph.error().code, Code::kExhausted) << graph.error().to_line();
}

TEST(OnnxMalformedBytes, EveryTruncationIsRefused) {
  const Bytes file = bytes_of_model(conv_model());
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto graph = formats::read_onnx(ByteView(file).first(size), "bad.onnx");
    ASSERT_FALSE(graph.has_value()) << size;
    ASSERT_THAT(graph.error().to_line(), HasSubstr("bad.onnx"));
  }
}

TEST(OnnxMalformedBytes, AnyFlippedBitGivesAGraphOrAnErrorWithItsPlace) {
  const Bytes file = bytes_of_model(conv_model());
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    Bytes flipped = file;
    flipped[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    const auto graph = formats::read_onnx(flipped, "bad.onnx");
    if (graph) continue;
    ASSERT_THAT(graph.error().to_line(), HasSubstr("bad.onnx")) << "bit " << bit;
  }
}

TEST(OnnxMalformedBytes, RandomBytesAreRefused) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Bytes file(1 + random() % 200);
    for (std::byte& byte : file) byte = static_cast<std::byte>(random());
    EXPECT_FALSE(formats::read_onnx(file, "bad.onnx").has_value());
  }
}

TEST(OnnxRefusal, AllOperatorsThatAreNotThereAreNamedAtOnce) {
  ModelProto model = conv_model();
  add_node(model, "Frobnicate", {"y"}, {"f"});
  add_node(model, "Defenestrate", {"f"}, {"d"});
  const auto graph = formats::read_onnx(bytes_of_model(model), "model.onnx");
  ASSERT_FALSE(graph.has_value());
  EXPECT_EQ(graph.error().code, Code::kUnsupported);
  EXPECT_THAT(graph.error().why, HasSubstr("2 of its operators are not supported: node 2 'Frobnicate_2' Frobnicate, "
                                           "node 3 'Defenestrate_3' Defenestrate"));
}

TEST(OnnxRefusal, AllNodesWithUnknownAttributesAreNamedAtOnce) {
  ModelProto model = conv_model();
  set_int(*model.mutable_graph()->mutable_node(0), "color", 1);
  set_int(*model.mutable_graph()->mutable_node(1), "taste", 1);
  const auto graph = formats::read_onnx(bytes_of_model(model), "model.onnx");
  ASSERT_FALSE(graph.has_value());
  EXPECT_THAT(graph.error().why, ::testing::AllOf(HasSubstr("'color'"), HasSubstr("'taste'")));
}

}  // namespace
}  // namespace lichen
