// One call of a model that may have to be loaded first. Internal to the host.
#pragma once

#include <memory>
#include <string>

#include "backends/llama/model_host.h"

namespace sluice::llama {

// On the call's home thread, but for the pointers to it that the host keeps. It keeps itself until
// it has its result.
class HostedCall final : public Sink,
                         public Cancellable,
                         public std::enable_shared_from_this<HostedCall> {
 public:
  HostedCall(std::shared_ptr<ModelHost> host, std::string id, std::string name, const Call& call,
             RequestPtr request, Sink& sink);

  CancelHandle start();
  void cancel() override;
  void on_part(Part part) override { sink_->on_part(std::move(part)); }
  void on_result(Result<Response> result) override;

  // From the loader's thread, once, for a call that waited.
  void ready(Result<CallablePtr> callable);

 private:
  void run(CallablePtr callable);
  void answer(Result<Response> result);
  void stop_waiting(Error why);

  const std::shared_ptr<ModelHost> host_;
  const std::string id_;
  const std::string name_;
  const Call call_;
  const RequestPtr request_;
  Sink* sink_;
  const TimePoint came_;
  const Executor::Stay stay_;
  std::shared_ptr<HostedCall> self_;
  CallablePtr callable_;  // while it runs
  CancelHandle handle_;
  TimerId timer_ = 0;
  Duration load_{};
};

}  // namespace sluice::llama
