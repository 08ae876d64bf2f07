#include <gmock/gmock.h>

#include "backends/onnx/test_support.h"
#include "base/testing_repository.h"

namespace sluice::onnx {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::OnnxTest;
using testing::real_model;
using testing::SteppingClock;
using testing::test_model;

class Load : public OnnxTest {
 protected:
  std::string refusal(const std::string& name, ErrorCode code = ErrorCode::kInvalid) {
    const auto model = try_load(test_model(name));
    EXPECT_FALSE(model) << name;
    if (model) return {};
    EXPECT_EQ(model.error().code, code);
    EXPECT_THAT(model.error().message, HasSubstr(name + ".onnx"));
    EXPECT_THAT(model.error().message, Not(HasSubstr("onnxruntime_src")));
    return model.error().message;
  }
};

TEST_F(Load, ReadsNamesTypesAndShapesWithFreeDimensionsAsMinusOne) {
  const auto model = load(test_model("add"));
  const Description& description = model->describe();
  EXPECT_EQ(description.name, "m");
  EXPECT_EQ(description.platform, "onnxruntime_onnx");
  EXPECT_EQ(description.version, "1");
  ASSERT_EQ(description.inputs.size(), 2U);
  EXPECT_EQ(description.inputs[0].name, "left");
  EXPECT_EQ(description.inputs[0].type, DataType::kFp32);
  EXPECT_EQ(description.inputs[0].shape, (Shape{-1, 3}));
  ASSERT_EQ(description.outputs.size(), 2U);
  EXPECT_EQ(description.outputs[1].name, "difference");
}

TEST_F(Load, DescribesMapsAsATableWithTheClassesInTheProperties) {
  const auto model = load(real_model("iris_svc_0_setosa"));
  const TensorInfo* output = model->describe().output("output_probability");
  ASSERT_NE(output, nullptr);
  EXPECT_EQ(output->type, DataType::kFp32);
  EXPECT_EQ(output->shape, (Shape{-1, 2}));
  EXPECT_EQ(model->describe().properties.at("output_probability.labels"), Parameter("0,1"));
}

TEST_F(Load, MeasuresAModelAndPlacesItInlineWhereItIsShort) {
  const auto placed = [&](Duration run) {
    const SteppingClock stepping(run);
    OnnxRuntime measured{{pool, stepping, log, instruments, &idle_pool}};
    const auto model = measured.load({"m", "1", real_model("iris_svc_0_setosa")}, {});
    EXPECT_EQ(model.value()->cost().value().unit_elements, std::vector<std::int64_t>{4});
    return model.value()->placement(*make_request({}));
  };
  const Placement brief = placed(kInlineBound / 2);
  EXPECT_EQ(brief.where, Placement::Where::kInline);
  EXPECT_EQ(brief.estimate, kInlineBound / 2);
  const Placement lengthy = placed(kInlineBound);
  EXPECT_EQ(lengthy.where, Placement::Where::kPooled);
  EXPECT_EQ(lengthy.estimate, kInlineBound);
}

TEST_F(Load, WithoutWarmUpEverythingIsPooled) {
  const auto model = load(test_model("add"), {.warmup_rows = 0});
  EXPECT_FALSE(model->cost());
  EXPECT_EQ(model->placement(*make_request({})).where, Placement::Where::kPooled);
}

TEST_F(Load, AModelThatRefusesMadeUpInputIsServedFromThePoolAndTheLogSaysWhy) {
  const auto model = load(test_model("hidden_width"));
  EXPECT_FALSE(model->cost());
  EXPECT_THAT(logged(), AllOf(HasSubstr("not_warmed_up"), HasSubstr("hidden_width.onnx"),
                              HasSubstr("MatMul")));
}

TEST_F(Load, AMissingFileIsNotFound) {
  EXPECT_THAT(refusal("no_such_model", ErrorCode::kNotFound), HasSubstr("there is no such file"));
}

TEST_F(Load, AFolderIsNotAModelFile) {
  const auto model = try_load(sluice::testing::in_repository(""));
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("it is not a file"));
}

TEST_F(Load, RefusesWhatIsNoModelInPlainWords) {
  EXPECT_THAT(refusal("truncated"), HasSubstr("it is cut short"));
  EXPECT_THAT(refusal("not_onnx"), HasSubstr("it is not an ONNX model"));
  EXPECT_THAT(refusal("empty"), HasSubstr("the file is empty"));
  EXPECT_THAT(refusal("unknown_operator"), HasSubstr("operator 'Frobnicate'"));
}

TEST_F(Load, RefusesTypesAndRanksThatNoTensorOfOursCanHold) {
  EXPECT_THAT(refusal("complex64"), HasSubstr("tensor(complex64)"));
  EXPECT_THAT(refusal("rank9"), HasSubstr("'x' has 9 dimensions, at most 8"));
  EXPECT_THAT(refusal("sequence_output"), HasSubstr("output 'parts' is neither"));
  EXPECT_THAT(refusal("sequence_input"), HasSubstr("input 'parts' is not a tensor"));
}

TEST_F(Load, RefusesAnInputWithoutDeclaredDimensions) {
  EXPECT_THAT(refusal("shapeless"), HasSubstr("input 'x' does not declare its dimensions"));
}

TEST_F(Load, CudaIsRefusedWhereTheLibraryDoesNotOfferIt) {
  const auto model = try_load(test_model("add"), {.execution_provider = ExecutionProvider::kCuda});
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message, HasSubstr("CUDA"));
}

TEST_F(Load, EveryGraphOptimisationGivesTheSameAnswer) {
  for (const auto level : {GraphOptimization::kNone, GraphOptimization::kBasic,
                           GraphOptimization::kExtended, GraphOptimization::kAll}) {
    const auto model = load(test_model("gather"), {.threads = 2, .graph_optimization = level});
    const auto answer = infer(model, testing::request_of(testing::integers("index", {2})));
    ASSERT_TRUE(answer);
    EXPECT_EQ(testing::values_of<float>(*answer, "value"), std::vector<float>{30});
  }
}

}  // namespace
}  // namespace sluice::onnx
