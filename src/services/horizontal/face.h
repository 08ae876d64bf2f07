// What service and proxy have in common: from an exchange to a call of the target, and errors.
#pragma once

#include <functional>
#include <string>

#include "gateway/exchange_call.h"
#include "gateway/mount.h"
#include "http/router.h"
#include "services/horizontal/options.h"
#include "services/horizontal/prediction.h"
#include "services/rows/rows_reader.h"

namespace sluice::horizontal {

inline constexpr std::string_view kJson = "application/json";

// One mount on one io thread; its handlers run there only.
class Face {
 public:
  Face(std::string_view api, const gateway::Mount& mount, HorizontalOptions options);

  // The target as it is now; answers the exchange itself, and gives null, when there is none or the
  // caller may not call it.
  const CallablePtr* target(http::Exchange& exchange) const;
  // Asks the target with the body's rows, or with the sample, for its predictions (kLabel: for what
  // the best_label rule gives).
  enum class Ask : std::uint8_t { kPrediction, kLabel };
  void predict(http::Exchange& exchange, gateway::Answer answer, Ask ask = Ask::kPrediction);
  void predict_sample(http::Exchange& exchange, gateway::Answer answer);
  // As problem+json.
  static void answer_error(http::Exchange& exchange, const Error& error);
  static void answer_json(http::Exchange& exchange, std::string_view body, int status = 200) {
    exchange.respond(status, kJson, body);
  }
  Result<> route(http::Router& router, http::Method method, std::string_view path,
                 http::Handler handler, bool probe = false);

  [[nodiscard]] const gateway::Mount& mount() const { return mount_; }
  [[nodiscard]] const HorizontalOptions& options() const { return options_; }
  // A buffer for answers; its content goes with the next answer.
  std::string& scratch() {
    scratch_.clear();
    return scratch_;
  }
  // The beginning of /metadata: what the target takes.
  void append_input_metadata(std::string& out, const Description& description) const;

 private:
  // The tensor that rows go into.
  static TensorInfo input_of(const Description& description);
  void call(http::Exchange& exchange, const CallablePtr& callable, Tensor input,
            gateway::Answer answer, Ask ask);
  const std::vector<std::string>& wanted_of(const CallablePtr& callable, Ask ask);

  std::string api_;
  gateway::Mount mount_;
  HorizontalOptions options_;
  telemetry::RequestMetrics metrics_;
  rows::RowsReader reader_;
  std::string scratch_;
  // What to ask the target for, worked out once for each that comes to stand under its name.
  std::weak_ptr<Callable> known_;
  std::vector<std::string> predictions_;
  std::vector<std::string> label_;
};

}  // namespace sluice::horizontal
