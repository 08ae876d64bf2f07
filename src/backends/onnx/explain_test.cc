#include "backends/onnx/explain.h"

#include <gtest/gtest.h>

namespace sluice::onnx {
namespace {

TEST(Explain, SaysInPlainWordsWhatOnnxRuntimeSays) {
  EXPECT_EQ(explain("Load model from /m/a.onnx failed:Protobuf parsing failed."),
            "it is not an ONNX model, or is cut short");
  EXPECT_EQ(explain("Load model from a.onnx failed:This is an invalid model. In Node, (\"\", Frob, "
                    "\"\", -1) : , Error No Op registered for Frob with domain_version of 17"),
            "it asks for the operator 'Frob', which ONNX Runtime does not know");
  EXPECT_EQ(explain("Could not find an implementation for Conv(11) node with name 'c'"),
            "ONNX Runtime cannot run its operator 'Conv(11)' here");
  EXPECT_EQ(explain("Load model from a failed:Exception during loading: MLDataType for: "
                    "tensor(complex64) is not currently registered or supported"),
            "it uses the type tensor(complex64), which is not served");
}

TEST(Explain, NamesTheOperatorThatFailedInARun) {
  EXPECT_EQ(explain("Non-zero status code returned while running Gather node. Name:'' Status "
                    "Message: indices element out of data bounds, idx=7"),
            "its operator 'Gather' failed: indices element out of data bounds, idx=7");
}

TEST(Explain, LeavesOutPathsAndSignaturesOfItsSources) {
  EXPECT_EQ(explain("Load model from a.onnx failed:/onnxruntime_src/core/graph/model.cc:166 "
                    "onnxruntime::Model::Model(onnx::ModelProto&&, int) Unsupported so and so.\n"),
            "Unsupported so and so.");
}

TEST(Explain, KeepsWhatItDoesNotKnow) {
  EXPECT_EQ(explain("  Something new\nhappened "), "Something new happened");
  EXPECT_EQ(explain(""), "");
}

}  // namespace
}  // namespace sluice::onnx
