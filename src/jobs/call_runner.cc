#include "jobs/call_runner.h"

#include <utility>

#include "base/format.h"
#include "jobs/partial_reports.h"

namespace sluice::jobs {

namespace {

// One call under way. It keeps itself until it has its result.
class Running final : public Sink,
                      public Cancellable,
                      public std::enable_shared_from_this<Running> {
 public:
  // `reports` are told of parts; null: nobody is.
  Running(CallablePtr callable, Codec& codec, const Job& job,
          std::shared_ptr<PartialReports> reports, Runner::Done done)
      : callable_(std::move(callable)),
        codec_(codec),
        job_(job),
        reports_(std::move(reports)),
        done_(std::move(done)) {}

  CancelHandle start(const Attempt& attempt, Request request) {
    const Call call{.home = attempt.home,
                    .deadline = attempt.deadline,
                    .deadline_asked = !attempt.deadline.is_never(),
                    .service_class = attempt.service_class,
                    .tenant = job_.tenant,
                    .request_id = job_.id};
    self_ = shared_from_this();
    const auto keep = self_;
    CancelHandle handle = callable_->start(call, make_request(std::move(request)), *this);
    if (self_ == nullptr) return {};  // it has ended already
    handle_ = std::move(handle);
    return CancelHandle(keep);
  }
  void on_part(Part part) override {
    if (reports_) reports_->add(part);
  }
  void on_result(Result<Response> result) override {
    const auto keep = std::exchange(self_, nullptr);
    reports_ = nullptr;
    handle_.release();
    Runner::Done done = std::move(done_);
    if (!result) return done(fail(std::move(result.error())));
    done(codec_.encode(*result, callable_->describe(), job_.id));
  }
  void cancel() override {
    reports_ = nullptr;
    handle_.cancel();
  }

 private:
  CallablePtr callable_;
  Codec& codec_;    // the runner's, which outlives its calls
  const Job& job_;  // the attempt's, until done_ has been called
  std::shared_ptr<PartialReports> reports_;
  Runner::Done done_;
  CancelHandle handle_;
  std::shared_ptr<Running> self_;
};

}  // namespace

Codec* Codecs::find(std::string_view format) {
  if (const auto it = made_.find(format); it != made_.end()) return it->second.get();
  const auto maker = makers_.find(format);
  if (maker == makers_.end()) return nullptr;
  return made_.emplace(std::string(format), maker->second()).first->second.get();
}

namespace {

class CallRunner final : public Runner {
 public:
  CallRunner(const gateway::LocalGateway& local, const CodecMakers& codecs, Store& store)
      : local_(local), codecs_(codecs), store_(store) {}

  CancelHandle run(const Attempt& attempt, Done done) override {
    const Job& job = attempt.claimed->job;
    Codec* codec = codecs_.find(job.format);
    if (codec == nullptr) {
      done(fail(invalid(formatted("this version does not know the job format '{}'", job.format))));
      return {};
    }
    const auto callable = local_.registry().find(job.callable);
    if (!callable) {
      // It was there when the job was taken: it is away, not wrong.
      Error error = callable.error();
      error.code = ErrorCode::kUnavailable;
      done(fail(std::move(error)));
      return {};
    }
    auto request = codec->decode(attempt.claimed->input, (**callable)->describe());
    if (!request) {
      done(fail(request.error()));
      return {};
    }
    auto reports = reports_of(attempt, *codec, *request);
    return std::make_shared<Running>(**callable, *codec, job, std::move(reports), std::move(done))
        ->start(attempt, std::move(*request));
  }

 private:
  // Nobody watches the lines of a batch one by one.
  std::shared_ptr<PartialReports> reports_of(const Attempt& attempt, Codec& codec,
                                             Request& request) {
    if (!attempt.claimed->job.batch.empty()) return nullptr;
    auto output = codec.follow(request);
    if (output == nullptr) return nullptr;
    return std::make_shared<PartialReports>(store_, *attempt.home, attempt.claimed->ticket(),
                                            std::move(output));
  }

  const gateway::LocalGateway& local_;
  Codecs codecs_;
  Store& store_;
};

}  // namespace

std::unique_ptr<Runner> make_call_runner(const gateway::LocalGateway& local,
                                         const CodecMakers& codecs, Store& store) {
  return std::make_unique<CallRunner>(local, codecs, store);
}

}  // namespace sluice::jobs
