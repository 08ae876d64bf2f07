#include "backends/llama/model.h"

#include "base/format.h"
#include "runtime/thread_class.h"

namespace sluice::llama {

LanguageModel::LanguageModel(Description description, std::unique_ptr<CallTaker> realtime,
                             std::unique_ptr<CallTaker> best_effort)
    : description_(std::move(description)),
      realtime_(std::move(realtime)),
      best_effort_(std::move(best_effort)) {}

LanguageModel::~LanguageModel() = default;

bool shares_context(const LlamaOptions& options) {
  if (options.sharing != Sharing::kAuto) return options.sharing == Sharing::kShared;
  return options.gpu_layers != 0 || !can_run_when_idle();
}

CancelHandle LanguageModel::start(const Call& call, RequestPtr request, Sink& sink) {
  if (auto kind = check_kind(description_, kind_of(*request)); !kind) {
    sink.on_result(fail(std::move(kind.error())));
    return {};
  }
  if (call.deadline.passed(call.home->now())) {
    sink.on_result(
        fail(timed_out(formatted("the deadline passed before '{}' was asked", description_.name))));
    return {};
  }
  const bool waits = call.service_class == ServiceClass::kRealtime || best_effort_ == nullptr;
  auto own = std::make_shared<EngineCall>(call, std::move(request), sink);
  (waits ? realtime_ : best_effort_)->submit(own);
  return CancelHandle(std::move(own));
}

}  // namespace sluice::llama
