// Owners of ONNX Runtime's objects, without its header: the names are those of its C API.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

struct OrtEnv;
struct OrtMemoryInfo;
struct OrtRunOptions;
struct OrtSession;
struct OrtStatus;
struct OrtValue;

namespace sluice::onnx {

struct Release {
  void operator()(OrtEnv* env) const noexcept;
  void operator()(OrtMemoryInfo* info) const noexcept;
  void operator()(OrtRunOptions* options) const noexcept;
  void operator()(OrtSession* session) const noexcept;
  void operator()(OrtValue* value) const noexcept;
};
template <class T>
using Handle = std::unique_ptr<T, Release>;

// Takes the status. Its words as they are; explain() makes them fit for a person. kInvalid where
// ONNX Runtime calls the arguments wrong, else kInternal.
Result<> checked(OrtStatus* status);

}  // namespace sluice::onnx
