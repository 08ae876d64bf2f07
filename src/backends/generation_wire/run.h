// One call to a language model behind a wire, from its slot to its answer. Internal to the backend.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/generation_wire/service.h"
#include "runtime/cancel.h"

namespace sluice::generation_wire {

// Made on the call's home thread; begin() and what follows run on the lane's. The two are mostly
// the same.
class Run final : public Cancellable, public Waiter, public std::enable_shared_from_this<Run> {
 public:
  static CancelHandle start(std::shared_ptr<Service> service, const Call& call, RequestPtr request,
                            WireCall wire, Sink& sink);

  Run(std::shared_ptr<Service> service, const Call& call, RequestPtr request, WireCall wire,
      Sink& sink);
  void cancel() override;
  void on_slot(std::size_t engine) override;
  [[nodiscard]] std::string_view holder() const override { return call_.request_id; }

 private:
  void begin();
  // For a slot, at an engine that did not fail this call yet. False when there is none to wait for:
  // then `why` says so.
  bool seek(Error& why);
  void attempt(std::size_t engine);
  [[nodiscard]] http::ClientRequest request(const Engine& engine);
  void on_head(const http::ClientResponse& head);
  bool on_body(std::string_view bytes);
  void on_done(Result<http::ClientResponse> answer);
  Result<Answer> read(Result<http::ClientResponse> answer);
  // The slot goes back, and what the attempt says of the engine is noted.
  void settle(const Result<Answer>& result, TimePoint now);
  bool try_elsewhere(const Error& error, TimePoint now);
  void note_time(TimePoint now);
  void deliver();
  [[nodiscard]] TimePoint patient_until() const;
  void watch();
  void on_watch();
  void finish(Result<Response> result);
  [[nodiscard]] Engine& engine() const { return *service_->engines[*engine_]; }

  const std::shared_ptr<Service> service_;
  const Call call_;
  const RequestPtr request_;
  const WireCall wire_;
  Sink* sink_;  // null once it has its result
  std::shared_ptr<Lane> lane_;
  Deadline deadline_;

  std::optional<std::size_t> engine_;  // whose slot it holds
  std::uint64_t tried_ = 0;
  CancelHandle attempt_;
  std::unique_ptr<AnswerReader> reader_;
  int status_ = 0;
  std::string refusal_;           // the body of an answer that is not 2xx
  http::HeaderList headers_;      // the same answer's
  std::optional<Error> failure_;  // why we stopped the attempt
  std::vector<TextPart> parts_;
  TimePoint begun_{};        // of this attempt
  TimePoint first_{};        // token
  TimePoint last_{};         // when something of the answer came
  TimePoint complete_at_{};  // when the engine said that this is all
  TimerId timer_ = 0;        // while waiting: the deadline; then: silence
  bool stopped_ = false;
  bool silent_ = false;  // at home: parts are wanted no longer
};

}  // namespace sluice::generation_wire
