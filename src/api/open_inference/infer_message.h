// An inference request of the Open Inference Protocol v2 as both transports understand it, without
// either's encoding.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "inference/callable.h"
#include "inference/request.h"

namespace sluice::api::open_inference {

// How many inputs, and how many requested outputs, one request may have.
inline constexpr std::size_t kMaxTensors = 1024;
// How many parameters a request, an input or an output may have.
inline constexpr std::size_t kMaxParameters = 64;
// Longest id that is taken and echoed, in bytes.
inline constexpr std::size_t kMaxIdBytes = 256;
// Longest name of a model, a version, an input, an output or a parameter, in bytes: all of them can
// come back in messages.
inline constexpr std::size_t kMaxNameBytes = 256;

// The response parameter that names the members of an ensemble which gave no answer, as JSON text:
// {"<member>": {"code": "unavailable", "message": "..."}}.
inline constexpr std::string_view kErrorsParameter = "sluice_errors";

struct InferMessage {
  std::string id;  // echoed; empty: none
  InferRequest request;
  Duration timeout{};  // parameter `timeout`; zero: none
  ServiceClass service_class = ServiceClass::kRealtime;
  // REST only: which outputs are wanted as bytes behind the JSON.
  bool binary_by_default = false;
  std::vector<std::pair<std::string, bool>> binary;  // where the output itself says

  [[nodiscard]] bool wants_binary(std::string_view output) const;
};

// Takes the protocol's reserved parameters out of `parameters` of a request, and leaves the rest:
//   timeout      microseconds the caller waits; 0: for ever
//   priority     0 and 1 are realtime, anything later is best effort
//   sequence_*   refused where they ask for state between requests, which nothing here keeps
//   triton_*     are hints for another server: dropped
Result<> take_reserved(Parameters parameters, InferMessage& message);
// The same for an input (`what` is "input 'x'") or requested output. Refuses shared memory and
// classification, which would change what the tensor means.
Result<> check_tensor_parameters(std::string_view what, const Parameters& parameters);

// The value of kErrorsParameter; empty when every member answered.
std::string errors_json(const std::vector<MemberError>& errors);

// `what` is "an input", "a parameter", ...
Result<> check_name(std::string_view what, std::string_view name);
// Checks that a shape can be held: at most Shape::kMaxRank dimensions, none negative, and a number
// of elements that can be counted.
Result<Shape> checked_shape(std::string_view input, std::span<const std::int64_t> dims);
// The type of that name; the error lists what there is.
Result<DataType> checked_type(std::string_view input, std::string_view name);

}  // namespace sluice::api::open_inference
