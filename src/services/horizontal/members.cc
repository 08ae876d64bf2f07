#include "services/horizontal/members.h"

#include <optional>

#include "gateway/exchange_call.h"
#include "inference/capability.h"

namespace sluice::horizontal {

namespace {

// Outlives the exchange: members report, sooner or later, also after the deadline.
class Round final : public std::enable_shared_from_this<Round> {
 public:
  using Done = std::move_only_function<void(http::Exchange&, std::vector<MemberReport>)>;

  Round(http::Exchange& exchange, const Clock& clock, std::shared_ptr<Callable> ensemble, Done done)
      : exchange_(&exchange),
        clock_(clock),
        ensemble_(std::move(ensemble)),
        members_(dynamic_cast<gateway::Ensemble&>(*ensemble_).members()),
        done_(std::move(done)),
        slots_(members_.size()),
        request_id_(gateway::request_id_of(exchange)),
        traceparent_(gateway::traceparent_of(exchange)),
        tracestate_(gateway::tracestate_of(exchange)),
        tenant_(tenant_for(exchange.principal.get(), exchange.peer())),
        service_class_(class_for(exchange.principal.get(), ServiceClass::kRealtime)) {}

  void start(const MemberQuestion& question, Deadline deadline) {
    self_ = shared_from_this();
    Executor& home = exchange_->loop();
    Call call{.home = &home,
              .deadline = deadline,
              .service_class = service_class_,
              .depth = 1,
              .tenant = tenant_,
              .request_id = request_id_,
              .traceparent = traceparent_,
              .tracestate = tracestate_};
    pending_ = members_.size();
    for (Slot& slot : slots_) slot.round = this;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      auto* probeable = find_capability<Probeable>(*members_[i].callable);
      if (probeable != nullptr) keep(slots_[i], question.probe(*probeable, call, slots_[i]));
    }
    const TimePoint began = clock_.now();
    for (std::size_t i = 0; i < members_.size(); ++i) {
      Callable& callable = *members_[i].callable;
      if (find_capability<Probeable>(callable) != nullptr) continue;
      const TimePoint now = clock_.now();
      if (deadline.passed(now)) {
        slots_[i].on_result(fail(timed_out("the deadline passed before its turn")));
        continue;
      }
      call.may_run_inline = now - began < kInlineBound;
      keep(slots_[i], question.otherwise(callable, call, slots_[i]));
    }
    starting_ = false;
    if (pending_ == 0) return finish();
    exchange_->on_cancel([self = self_] { self->finish(); });
    timer_ = home.run_at(deadline.at(), [self = self_] {
      self->timer_ = 0;
      self->finish();
    });
  }

 private:
  struct Slot final : Sink {
    Round* round = nullptr;
    CancelHandle handle;
    std::optional<Result<InferResponse>> result;
    void on_result(Result<Response> r) override {
      handle.release();
      result = r ? Result<InferResponse>(std::get<InferResponse>(std::move(*r)))
                 : Result<InferResponse>(fail(std::move(r.error())));
      round->reported();
    }
  };

  static void keep(Slot& slot, CancelHandle handle) {
    if (!slot.result) slot.handle = std::move(handle);
  }

  void reported() {
    const auto alive = self_;
    if (--pending_ > 0) return;
    if (!starting_ && !finished_) finish();
    if (finished_) self_ = nullptr;
  }

  void finish() {
    if (finished_) return;
    finished_ = true;
    const auto alive = shared_from_this();
    if (timer_ != 0) exchange_->loop().cancel(timer_);
    std::vector<MemberReport> reports;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      Slot& slot = slots_[i];
      reports.push_back({members_[i].name, slot.result
                                               ? std::move(*slot.result)
                                               : fail(timed_out("no answer by the deadline"))});
    }
    for (Slot& slot : slots_) slot.handle.cancel();
    exchange_->on_cancel(nullptr);
    done_(*exchange_, std::move(reports));
    if (pending_ == 0) self_ = nullptr;
  }

  http::Exchange* exchange_;  // until finish()
  const Clock& clock_;
  std::shared_ptr<Callable> ensemble_;
  const std::vector<gateway::EnsembleMember>& members_;
  Done done_;
  std::vector<Slot> slots_;
  std::string request_id_, traceparent_, tracestate_;
  std::string tenant_;
  ServiceClass service_class_;
  std::size_t pending_ = 0;
  bool starting_ = true;
  bool finished_ = false;
  TimerId timer_ = 0;
  std::shared_ptr<Round> self_;
};

}  // namespace

void ask_members(http::Exchange& exchange, const Clock& clock, std::shared_ptr<Callable> ensemble,
                 MemberQuestion question,
                 std::move_only_function<void(http::Exchange&, std::vector<MemberReport>)> done) {
  Duration wait = dynamic_cast<gateway::Ensemble&>(*ensemble).options().deadline;
  const auto asked = gateway::requested_timeout(exchange.head());
  if (!asked) return http::respond_problem(exchange, asked.error());
  if (*asked) wait = **asked;
  auto round = std::make_shared<Round>(exchange, clock, std::move(ensemble), std::move(done));
  round->start(question, Deadline::after(clock.now(), wait));
}

}  // namespace sluice::horizontal
