// What ONNX Runtime says when a model cannot be loaded or run, in words for a person.
#pragma once

#include <string>
#include <string_view>

namespace sluice::onnx {

// Without paths of its sources, function signatures, brackets and repetitions of the file's name.
std::string explain(std::string_view message);

}  // namespace sluice::onnx
