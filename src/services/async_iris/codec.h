// A classification as the input and output of a job.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "jobs/runner.h"
#include "services/async_iris/options.h"
#include "services/rows/rows_reader.h"

namespace sluice::async_iris {

// Format "async_iris/1": the body of POST /predict in ({"data": [[..]]}, or the bare array),
// {"prediction": 0, "class_name": "setosa", "probabilities": [..]} out. Of several rows the first
// is told so, and all of them in "predictions".
inline constexpr std::string_view kFormat = "async_iris/1";

// By callable; immutable once it is in use.
using OptionsByCallable = std::map<std::string, AsyncIrisOptions, std::less<>>;

// `options` outlives the codec; a callable that is not in it has the defaults.
std::unique_ptr<jobs::Codec> make_codec(const OptionsByCallable& options);

rows::RowRules rules_of(const AsyncIrisOptions& options);
// What rows go into: the callable's only input, or numbers of any kind where it does not say.
TensorInfo input_of(const Description& callable);

}  // namespace sluice::async_iris
