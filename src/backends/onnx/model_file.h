// What a model file says about itself that ONNX Runtime does not tell, and ZipMap taken out of it.
// Source: onnx/onnx.proto (field numbers), onnx/docs/Operators-ml.md (ZipMap).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/onnx/maps.h"

namespace sluice::onnx {

// An output that was a sequence of maps and is now the table below it. Column i of the answer is
// column columns[i] of the table, so that classes stand in ascending order of their keys.
struct MapTable {
  std::string output;
  Labels labels;
  std::vector<std::size_t> columns;
};

struct ModelFacts {
  bool loops = false;  // has Loop or Scan: how long a run takes depends on the values that come
  std::vector<std::string> shapeless_inputs;  // their number of dimensions is not declared
  std::vector<MapTable> tables;
  std::string rewritten;  // the file with Identity for ZipMap; empty where it has none
};

// ZipMap builds a std::map for each row, which costs more than a small model itself; so where it
// makes an output of the graph its input becomes the output. What cannot be rewritten (no opset of
// the default domain, labels that repeat, maps used within the graph) stays as it is. None where
// the bytes are no model: ONNX Runtime will say so.
std::optional<ModelFacts> look_into(std::string_view model);

// Why ONNX Runtime could not parse the bytes.
enum class ParseFailure { kNotOnnx, kCutShort };
ParseFailure diagnose(std::string_view model);

}  // namespace sluice::onnx
