// Inline calls: values, types, errors.
#include "backends/onnx/model.h"

#include <gmock/gmock.h>

#include "backends/onnx/test_support.h"

namespace sluice::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using testing::floats;
using ::testing::HasSubstr;
using testing::integers;
using testing::OnnxTest;
using testing::real_model;
using testing::request_of;
using testing::SteppingClock;
using testing::tensor_of;
using testing::test_model;
using testing::values_of;

class Model : public OnnxTest {};

TEST_F(Model, AnswersWithNameVersionAndEveryOutput) {
  const auto model = load(test_model("add"));
  InferRequest request;
  request.inputs.push_back(floats("right", {2, 3}, {1, 2, 3, 4, 5, 6}));
  request.inputs.push_back(floats("left", {2, 3}, {10, 10, 10, 10, 10, 10}));
  const auto answer = infer(model, std::move(request));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->model, "m");
  EXPECT_EQ(answer->version, "1");
  ASSERT_EQ(answer->outputs.size(), 2U);
  EXPECT_EQ(answer->outputs[0].name, "sum");
  EXPECT_EQ(answer->outputs[0].shape, (Shape{2, 3}));
  EXPECT_THAT(values_of<float>(*answer, "sum"), ElementsAre(11, 12, 13, 14, 15, 16));
  EXPECT_THAT(values_of<float>(*answer, "difference"), ElementsAre(9, 8, 7, 6, 5, 4));
}

TEST_F(Model, GivesOnlyTheOutputsAskedForInTheirOrder) {
  const auto model = load(test_model("add"));
  InferRequest request;
  request.inputs.push_back(floats("left", {1, 3}, {1, 1, 1}));
  request.inputs.push_back(floats("right", {1, 3}, {1, 1, 1}));
  request.outputs = {"difference"};
  const auto one = infer(model, request);
  ASSERT_TRUE(one);
  ASSERT_EQ(one->outputs.size(), 1U);
  request.outputs = {"difference", "sum"};
  const auto both = infer(model, request);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->outputs[0].name, "difference");
  EXPECT_EQ(both->outputs[1].name, "sum");
  request.outputs = {"sum", "sum"};
  const auto twice = infer(model, request);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, ErrorCode::kInvalid);
}

TEST_F(Model, EveryNumericTypeGoesThroughUnchanged) {
  const std::vector<std::pair<std::string, DataType>> types = {
      {"bool", DataType::kBool},     {"uint8", DataType::kUint8},   {"uint16", DataType::kUint16},
      {"uint32", DataType::kUint32}, {"uint64", DataType::kUint64}, {"int8", DataType::kInt8},
      {"int16", DataType::kInt16},   {"int32", DataType::kInt32},   {"int64", DataType::kInt64},
      {"fp16", DataType::kFp16},     {"bf16", DataType::kBf16},     {"fp32", DataType::kFp32},
      {"fp64", DataType::kFp64}};
  for (const auto& [name, type] : types) {
    const auto model = load(test_model("identity_" + name));
    Tensor tensor = make_tensor("x", type, {2, 3});
    for (std::size_t i = 0; i < tensor.data.size(); ++i) {
      tensor.data.data()[i] = static_cast<std::byte>(type == DataType::kBool ? i % 2 : i + 1);
    }
    const auto answer = infer(model, request_of(tensor));
    ASSERT_TRUE(answer) << name << ": " << answer.error().message;
    const Tensor& out = answer->outputs.at(0);
    EXPECT_EQ(out.type, type);
    EXPECT_EQ(out.shape, tensor.shape);
    EXPECT_TRUE(std::ranges::equal(out.data.bytes(), tensor.data.bytes())) << name;
  }
}

TEST_F(Model, StringsGoThroughWithZeroBytesAndEmptyOnes) {
  const auto model = load(test_model("identity_bytes"));
  Tensor tensor = make_tensor("x", DataType::kBytes, {2, 2});
  tensor.strings = {"", std::string("a\0b", 3), "ünï", std::string(5000, 'x')};
  const auto answer = infer(model, request_of(tensor));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->outputs.at(0).type, DataType::kBytes);
  EXPECT_EQ(answer->outputs.at(0).strings, tensor.strings);
}

TEST_F(Model, ScalarsAndEmptyBatchesAreServed) {
  const auto scalar = infer(load(test_model("scalar")), request_of(floats("x", {}, {7})));
  ASSERT_TRUE(scalar) << scalar.error().message;
  EXPECT_EQ(scalar->outputs.at(0).shape.rank(), 0U);
  EXPECT_THAT(values_of<float>(*scalar, "y"), ElementsAre(7));

  const auto none =
      infer(load(test_model("identity_fp32")), request_of(Tensor{.name = "x", .shape = {0, 3}}));
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(none->outputs.at(0).shape, (Shape{0, 3}));
  const auto no_text = infer(load(test_model("identity_bytes")),
                             request_of(make_tensor("x", DataType::kBytes, {0, 3})));
  ASSERT_TRUE(no_text) << no_text.error().message;
}

TEST_F(Model, MapsWithIntegerKeysBecomeATableInAscendingOrder) {
  const auto model = load(test_model("zipmap_int64"));  // columns are classes 2, 0, 1
  EXPECT_EQ(model->describe().properties.at("probability.labels"), Parameter("0,1,2"));
  const auto answer =
      infer(model, request_of(floats("scores", {2, 3}, {.2F, .0F, .1F, .5F, .3F, .4F})));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->output("probability")->shape, (Shape{2, 3}));
  EXPECT_THAT(values_of<float>(*answer, "probability"), ElementsAre(.0F, .1F, .2F, .3F, .4F, .5F));
}

TEST_F(Model, MapsWithTextKeysBecomeATableInAscendingOrder) {
  const auto model = load(test_model("zipmap_string"));  // virginica, setosa, versicolor
  EXPECT_EQ(model->describe().properties.at("probability.labels"),
            Parameter("setosa,versicolor,virginica"));
  const auto answer = infer(model, request_of(floats("scores", {1, 3}, {.3F, .1F, .2F})));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(values_of<float>(*answer, "probability"), ElementsAre(.1F, .2F, .3F));
}

TEST_F(Model, MapsThatStayMapsAreReadOneByOne) {
  const auto model = load(test_model("zipmap_only_ml"));
  EXPECT_EQ(model->describe().output("maps")->shape, (Shape{-1, 2}));
  EXPECT_EQ(model->describe().properties.at("maps.labels"), Parameter("maybe,no"));
  const auto answer = infer(model, request_of(floats("x", {3, 2}, {1, 2, 3, 4, 5, 6})));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->outputs.at(0).shape, (Shape{3, 2}));
  EXPECT_THAT(values_of<float>(*answer, "maps"), ElementsAre(2, 1, 4, 3, 6, 5));

  const auto repeated = infer(load(test_model("zipmap_repeated")),
                              request_of(floats("scores", {1, 3}, {.1F, .2F, .3F})));
  ASSERT_TRUE(repeated) << repeated.error().message;
  EXPECT_EQ(repeated->output("probability")->shape, (Shape{1, 2}));
}

TEST_F(Model, AMapOfAVectorIsATableOfOneRow) {
  const auto answer =
      infer(load(test_model("zipmap_vector")), request_of(floats("x", {2}, {1, 2})));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->outputs.at(0).shape, (Shape{1, 2}));
  EXPECT_THAT(values_of<float>(*answer, "maps"), ElementsAre(-2, -1));
}

TEST_F(Model, ATableWithoutRowsKeepsItsColumns) {
  const auto answer = infer(load(test_model("zipmap_int64")),
                            request_of(Tensor{.name = "scores", .shape = {0, 3}}));
  if (answer) {
    EXPECT_EQ(answer->output("probability")->shape, (Shape{0, 3}));
  }
}

TEST_F(Model, ClassifiesTheRowThatTheSpecificationNames) {
  const Tensor row = floats("float_input", {1, 4}, {5.1F, 3.5F, 1.4F, 0.2F});
  const auto is_setosa = infer(load(real_model("iris_svc_0_setosa")), request_of(row));
  ASSERT_TRUE(is_setosa) << is_setosa.error().message;
  const auto setosa = values_of<float>(*is_setosa, "output_probability");
  ASSERT_EQ(setosa.size(), 2U);
  EXPECT_GT(setosa[0], 0.9F);
  EXPECT_THAT(setosa[0] + setosa[1], FloatNear(1, 1e-5F));
  EXPECT_THAT(values_of<std::int64_t>(*is_setosa, "output_label"), ElementsAre(0));
  const auto is_virginica = infer(load(real_model("iris_svc_0_virginica")), request_of(row));
  ASSERT_TRUE(is_virginica);
  EXPECT_LT(values_of<float>(*is_virginica, "output_probability").at(0), 0.1F);
}

TEST_F(Model, RunsInlineWithinStartAndSaysWhen) {
  const SteppingClock brief(kInlineBound / 4);
  OnnxRuntime measured{{pool, brief, log, instruments, &idle_pool}};
  const auto model = measured.load({"m", "1", real_model("iris")}, {}).value();
  testing::Waiting sink;
  bool answered_within_start = false;
  Call call{.home = &io.loop(0), .times = &sink.times};
  on_io([&] {
    const auto handle =
        model->start(call, make_request(request_of(floats("input", {1, 4}, {1, 2, 3, 4}))), sink);
    answered_within_start = sink.home_thread == std::this_thread::get_id() && !handle;
  });
  EXPECT_TRUE(answered_within_start);
  EXPECT_TRUE(sink.get());
  EXPECT_GT(sink.times.ran, sink.times.started);
  EXPECT_EQ(sink.times.queued, TimePoint{});
}

TEST_F(Model, RefusesWrongInputsBeforeItRuns) {
  const auto model = load(test_model("add"));
  const auto missing = infer(model, request_of(floats("left", {1, 3}, {1, 2, 3})));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(missing.error().message, HasSubstr("input 'right' of 'm' is missing"));
}

TEST_F(Model, AFailingRunIsToldInPlainWords) {
  const auto model = load(test_model("gather"));
  const auto answer = infer(model, request_of(integers("index", {7})));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(answer.error().message, HasSubstr("'m' could not run: its operator 'Gather' failed"));
}

TEST_F(Model, IsNotRunPastTheDeadline) {
  const auto model = load(test_model("gather"));
  const Call late{.deadline = Deadline(clock.now() - std::chrono::seconds(1))};
  const auto answer = infer(model, request_of(integers("index", {1})), late);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
}

TEST_F(Model, OutputsWhoseShapeIsKnownBeforeAreRightForAnyNumberOfRows) {
  const auto model = load(test_model("add"));
  for (const std::int64_t rows : {1, 2, 64, 100}) {
    const std::vector<float> numbers(static_cast<std::size_t>(rows * 3), 2.0F);
    InferRequest request = request_of(floats("left", {rows, 3}, numbers));
    request.inputs.push_back(floats("right", {rows, 3}, numbers));
    const auto response = infer(model, std::move(request));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->output("sum")->shape, (Shape{rows, 3}));
    EXPECT_EQ(values_of<float>(*response, "sum"),
              std::vector<float>(static_cast<std::size_t>(rows * 3), 4.0F));
  }
}

// Made-up input suggests as many values out as in.
TEST_F(Model, AnOutputWhoseShapeHangsOnTheValuesIsAnsweredAllTheSame) {
  const auto model = load(test_model("within_limit"));
  const auto kept_of = [&](std::vector<float> values) {
    const auto rows = static_cast<std::int64_t>(values.size());
    const auto response = infer(model, request_of(floats("x", {rows}, values)));
    EXPECT_TRUE(response) << response.error().message;
    EXPECT_EQ(values_of<std::int64_t>(*response, "count"), std::vector<std::int64_t>{rows});
    return values_of<float>(*response, "y");
  };
  EXPECT_EQ(kept_of({1, 0}), (std::vector<float>{1, 0}));
  EXPECT_EQ(kept_of({5, 0.5, 7, 1}), (std::vector<float>{0.5, 1}));
  EXPECT_EQ(kept_of({5, 6}), std::vector<float>{});
  EXPECT_EQ(kept_of({0, 1, 0}), (std::vector<float>{0, 1, 0}));
}

TEST_F(Model, AnInputThatIsAnOutputAsWellIsHandedThrough) {
  const auto model = load(test_model("handed_through"));
  for (int i = 0; i < 3; ++i) {
    const auto response = infer(model, request_of(floats("x", {1, 2}, {3, 4})));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(values_of<float>(*response, "x"), (std::vector<float>{3, 4}));
    EXPECT_EQ(values_of<float>(*response, "y"), (std::vector<float>{6, 8}));
  }
}

TEST_F(Model, CountsItsRunsAndRows) {
  const auto model = load(test_model("gather"));
  ASSERT_TRUE(infer(model, request_of(integers("index", {1, 2, 0}))));
  for (const auto& family : metrics.collect()) {
    if (family.name == "sluice_model_batch_rows") {
      ASSERT_EQ(family.series.size(), 1U);
      EXPECT_EQ(family.series[0].label_values, std::vector<std::string>{"m"});
      EXPECT_EQ(family.series[0].count, 1U);
      EXPECT_EQ(family.series[0].sum, 3);
    }
  }
}

TEST_F(Model, OutlivesTheRuntimeThatLoadedIt) {
  std::shared_ptr<OnnxModel> model;
  {
    const OnnxRuntime other({pool, clock, log, instruments});
    model = *other.load({"m", "7", test_model("gather")}, {});
  }
  const auto answer = infer(model, request_of(integers("index", {0})));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->version, "7");
}

}  // namespace
}  // namespace sluice::onnx
