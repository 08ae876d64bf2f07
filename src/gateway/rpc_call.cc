#include "gateway/rpc_call.h"

#include <string>
#include <string_view>
#include <utility>

namespace sluice::gateway {

namespace {
// One call under way; lives in the unary call.
class RpcCall final : public Sink {
 public:
  RpcCall(rpc::UnaryCall& call, const Clock& clock, RpcAnswer answer)
      : call_(call),
        clock_(clock),
        answer_(std::move(answer)),
        tracestate_(call.joined_metadata("tracestate")) {}

  void start(const CallablePtr& callable, InferRequest request, const CallOptions& options) {
    Deadline deadline = call_.deadline();
    if (options.timeout) {
      deadline = deadline.earlier(Deadline::after(call_.timings.start(), *options.timeout));
    }
    const Call call{.home = &call_.home(),
                    .deadline = deadline,
                    .deadline_asked = !deadline.is_never(),
                    .service_class = class_for(call_.principal.get(), options.service_class),
                    .tenant = tenant_for(call_.principal.get(), call_.address()),
                    .request_id = made_or_sent(call_.request_id, "x-request-id"),
                    .traceparent = made_or_sent(call_.traceparent, "traceparent"),
                    .tracestate = tracestate_,
                    .times = &times_};
    call_.timings.lap(telemetry::Stage::kParse, clock_.now());
    CancelHandle handle = callable->start(call, make_request(std::move(request)), *this);
    if (done_) return;
    callable_ = callable;
    handle_ = std::move(handle);
    call_.on_cancel([this] { handle_.cancel(); });
  }

  void on_result(Result<Response> result) override {
    done_ = true;
    handle_.release();
    call_.on_cancel(nullptr);
    const TimePoint none{};
    if (times_.queued != none && times_.started > times_.queued) {
      call_.timings.lap(telemetry::Stage::kQueue, times_.started);
    }
    call_.timings.lap(telemetry::Stage::kRun, times_.ran != none ? times_.ran : clock_.now());
    if (result) {
      answer_(call_, std::get<InferResponse>(std::move(*result)));
    } else {
      answer_(call_, fail(std::move(result.error())));
    }
  }

 private:
  [[nodiscard]] std::string_view made_or_sent(const std::string& made, std::string_view key) const {
    return made.empty() ? call_.metadata(key) : std::string_view(made);
  }

  rpc::UnaryCall& call_;
  const Clock& clock_;
  RpcAnswer answer_;
  const std::string tracestate_;
  CallTimes times_;
  CancelHandle handle_;
  CallablePtr callable_;
  bool done_ = false;
};
}  // namespace

void start_call(rpc::UnaryCall& call, const Clock& clock, const CallablePtr& callable,
                InferRequest request, RpcAnswer answer, const CallOptions& options) {
  // Whatever the API has looked at: no call gets past this.
  if (call.principal != nullptr) {
    const auto may = check_callable(call.principal.get(), callable->describe().name);
    if (!may) return answer(call, fail(may.error()));
  }
  call.attach<RpcCall>(call, clock, std::move(answer)).start(callable, std::move(request), options);
}

}  // namespace sluice::gateway
