// How a model behind POST /predict is reached.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "backends/replicas/options.h"
#include "base/time.h"
#include "config/describe.h"

namespace sluice::http_predict {

// An empty path means: none.
struct TlsOptions {
  std::filesystem::path ca;
  bool verify = true;
  std::filesystem::path certificate;
  std::filesystem::path key;
};

struct HttpPredictOptions {
  std::vector<std::string> urls;  // each a replica, or a name that resolves to several
  Duration timeout = std::chrono::seconds(10);
  Duration connect_timeout = std::chrono::seconds(1);
  Duration resolve_every = std::chrono::seconds(5);
  Duration idle_limit = std::chrono::seconds(4);
  std::size_t max_connections = 128;  // of one io thread to one replica
  std::size_t max_waiting = 1024;     // the same
  std::size_t max_answer_bytes = 16 * 1024 * 1024;

  std::string input = "float_input";
  std::int64_t columns = -1;  // -1: any
  std::string output = "output_probability";
  std::int64_t classes = -1;

  std::string predict_path = "/predict";
  std::string health_path = "/health";
  std::string test_path = "/predict/test";

  TlsOptions tls;
  replicas::EjectionOptions ejection;
  replicas::RetryOptions retry;
};

void describe(config::Fields<TlsOptions>& f);
void describe(config::Fields<HttpPredictOptions>& f);
void validate(const HttpPredictOptions& o, config::Problems& p, const config::Node& at);

}  // namespace sluice::http_predict
