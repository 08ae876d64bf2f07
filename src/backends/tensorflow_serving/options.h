// How a model of TensorFlow Serving is reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/time.h"
#include "config/describe.h"

namespace sluice::tensorflow_serving {

// An empty path means: none.
struct TlsOptions {
  std::filesystem::path ca;
  bool verify = true;
  std::filesystem::path certificate;
  std::filesystem::path key;
};

struct TensorflowServingOptions {
  std::string address;                  // host:port of gRPC
  std::string model;                    // as it is called there; empty: as the callable
  std::optional<std::int64_t> version;  // neither this nor the label: the latest
  std::string label;
  std::string signature = "serving_default";
  Duration timeout = std::chrono::seconds(10);
  Duration connect_timeout = std::chrono::seconds(1);
  Duration watch_every = std::chrono::seconds(5);
  std::size_t max_answer_bytes = std::size_t{16} * 1024 * 1024;
  std::optional<TlsOptions> tls;  // none: in the clear
};

void describe(config::Fields<TlsOptions>& f);
void describe(config::Fields<TensorflowServingOptions>& f);
void validate(const TensorflowServingOptions& o, config::Problems& p, const config::Node& at);

}  // namespace sluice::tensorflow_serving
