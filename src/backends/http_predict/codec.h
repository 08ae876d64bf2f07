// The bodies of POST /predict, and what its statuses mean.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client/response_parser.h"
#include "inference/tensor.h"

namespace sluice::http_predict {

// {"data":[[..],..]} of an FP32 tensor [rows, columns], each number as its shortest round trip.
// kInvalid, with row and column, for what JSON has no word for (NaN, infinity), and for no rows.
Result<std::string> write_rows(const Tensor& rows);

// Reads answers; keeps its parser's memory. One thread.
class AnswerReader {
 public:
  AnswerReader();
  ~AnswerReader();

  // {"prediction": [..], "predictions": [[..],..]} as FP32 [rows, classes]: `predictions` where it
  // is there, else `prediction` as the one row. `body` as ClientResponse has it. kUnavailable when
  // it is something else; `rows`, if known, is how many there must be in `predictions`.
  Result<Tensor> read(std::string_view body, std::string name, std::optional<std::int64_t> rows);

  // What a status that is not 2xx means, with what the body says about it:
  //   429                    kExhausted     503, 502, other 5xx   kUnavailable
  //   408, 504               kTimeout       3xx                   kUnavailable (not followed)
  //   413                    kTooLarge      401, 403, 404, 405    kInternal: the set-up is wrong
  //   other 4xx              kInvalid
  // 429 and 503 with their Retry-After, if that is a number of seconds.
  Error error_of(const http::ClientResponse& response);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http_predict
