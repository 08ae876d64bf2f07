// The parts of an ensemble that a call under way needs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/ensemble.h"

namespace sluice::gateway {

// What an ensemble is, without its description: immutable, shared.
struct EnsembleCore {
  std::string name;
  std::vector<EnsembleMember> members;
  EnsembleOptions options;
  const Clock* clock;

  // Inputs against the members' together; outputs against all that the members might give.
  [[nodiscard]] Result<> check(const Description& description, const InferRequest& request) const;
  // The call as a member sees it.
  [[nodiscard]] Call call_for_members(const Call& call, TimePoint now) const;
  // The request as each member sees it, in order: the very same where that will do.
  [[nodiscard]] std::vector<RequestPtr> requests_for(const RequestPtr& request) const;
  // From one result a member to the answer.
  [[nodiscard]] Result<Response> assemble(const InferRequest& request,
                                          std::vector<Result<Response>> results) const;

 private:
  // Whether anything of the merge rule is wanted.
  [[nodiscard]] bool merges(const InferRequest& request) const;
  [[nodiscard]] std::vector<MemberAnswer> answers_in(
      const std::vector<Result<Response>>& results) const;
  // An answer that cannot be merged with the others costs its member's entry, like any failure.
  void fail_misfits(const std::vector<MemberAnswer>& answers,
                    std::vector<Result<Response>>& results) const;
  [[nodiscard]] std::vector<std::string> outputs_for(std::size_t member,
                                                     const InferRequest& request,
                                                     bool merging) const;
};

// One call whose members do not all answer at once. Lives until the last member has reported, which
// may be after the caller was answered. Home thread only.
class EnsembleRun final : public Cancellable, public std::enable_shared_from_this<EnsembleRun> {
 public:
  static CancelHandle start(std::shared_ptr<const EnsembleCore> core, const Call& call,
                            RequestPtr request, Sink& sink);
  EnsembleRun(std::shared_ptr<const EnsembleCore> core, const Call& call, RequestPtr request,
              Sink& sink);
  void cancel() override;

 private:
  struct Slot final : Sink {
    EnsembleRun* run = nullptr;
    std::size_t member = 0;
    CancelHandle handle;
    std::optional<Result<Response>> result;
    void on_result(Result<Response> r) override { run->reported(*this, std::move(r)); }
  };
  void start_all();
  void start_member(std::size_t member, RequestPtr request, bool may_run_inline);
  void reported(Slot& slot, Result<Response> result);
  void finish(std::optional<Error> instead = std::nullopt);

  std::shared_ptr<const EnsembleCore> core_;
  Call call_;
  Executor::Stay stay_;  // members report also when the caller has been answered
  RequestPtr request_;
  Sink* sink_;
  CallTimes* times_;  // the caller's, which goes with the sink
  // What the caller's views pointed to may go once it is answered.
  std::string tenant_, request_id_, traceparent_, tracestate_;
  std::vector<Slot> slots_;
  std::size_t pending_ = 0;
  bool starting_ = true;
  bool finished_ = false;
  TimerId timer_ = 0;
  std::shared_ptr<EnsembleRun> self_;  // until nothing is pending
};

}  // namespace sluice::gateway
