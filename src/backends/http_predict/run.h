// One call to the service, with its retry. Internal to the backend.
#pragma once

#include <memory>
#include <string>

#include "backends/http_predict/service.h"
#include "inference/callable.h"
#include "runtime/cancel.h"

namespace sluice::http_predict {

// Made on the call's home thread; begin() and what follows run on the lane's. The two are mostly
// the same.
class Run final : public Cancellable, public std::enable_shared_from_this<Run> {
 public:
  enum class Kind : std::uint8_t { kPredict, kHealth, kSelfTest };

  // Starts it. `body` is for kPredict, of so many rows.
  static CancelHandle start(std::shared_ptr<Service> service, Kind kind, const Call& call,
                            std::string body, std::int64_t rows, bool wanted, Sink& sink);

  Run(std::shared_ptr<Service> service, Kind kind, const Call& call, std::string body,
      std::int64_t rows, bool wanted, Sink& sink);
  void cancel() override;

 private:
  void begin();
  void attempt();
  void on_answer(Result<http::ClientResponse> answer);
  Result<Response> read(const http::ClientResponse& answer);
  void finish(Result<Response> result);
  [[nodiscard]] http::ClientRequest request(const HttpReplica& replica);

  const std::shared_ptr<Service> service_;
  const Kind kind_;
  const Call call_;
  const std::string body_;
  const std::int64_t rows_;
  const bool wanted_;  // whether the output is among those that were asked for
  Sink* sink_;
  std::shared_ptr<Lane> lane_;
  Deadline deadline_;
  std::shared_ptr<HttpReplica> replica_;
  TimePoint begun_{};
  TimerId timer_ = 0;
  int attempts_ = 0;
  bool stopped_ = false;
  CancelHandle attempt_;
};

}  // namespace sluice::http_predict
