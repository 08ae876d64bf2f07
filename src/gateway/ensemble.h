// A callable that asks its members side by side and merges what came back by a deadline.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "gateway/merge.h"
#include "inference/callable.h"
#include "telemetry/request_metrics.h"

namespace sluice::gateway {

struct EnsembleMember {
  std::string name;
  CallablePtr callable;  // of the registry that the ensemble belongs to
  double weight = 1.0;
  telemetry::MemberMetrics metrics{};
};

struct EnsembleOptions {
  // For all members together, of a call whose caller asks for none.
  Duration deadline = std::chrono::seconds(1);
  std::size_t quorum = 1;  // answers without which there is none
  MergeOptions merge;
};

// Why an ensemble does not answer: kInvalid when all that failed refused the input, kTimeout when
// time was the only reason, else kUnavailable (kNotAway where none of them was); with everyone's
// reason.
Error quorum_missed(std::string_view ensemble, std::size_t members, std::size_t quorum,
                    const std::vector<MemberError>& failed);

struct EnsembleCore;

// Members on other threads or machines start first; those that run inline follow in turn, with the
// deadline looked at in between. Where the inline ones together would hold the io thread for longer
// than kInlineBound, they are pooled.
//
// A member that fails, is down, too late, or answers what cannot be merged with what the others
// answer costs its own entry: it is listed in `errors` of the answer. With fewer answers than the
// quorum the result is quorum_missed(). Outputs are named
// `<member>.<output>`, then those of the merge rule. What is still running at the deadline is
// cancelled and not waited for.
class Ensemble final : public Callable {
 public:
  // `clock` must outlive it.
  Ensemble(std::string name, std::vector<EnsembleMember> members, EnsembleOptions options,
           const Clock& clock);
  ~Ensemble() override;

  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request& request) const override;
  // As long as the quorum can be reached.
  [[nodiscard]] Result<> ready() const override;
  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override;

  // In order. Names and callables, for those that ask members one by one.
  [[nodiscard]] const std::vector<EnsembleMember>& members() const;
  [[nodiscard]] const EnsembleOptions& options() const;

 private:
  void describe_members();
  Result<Response> run_inline(const Call& call, const RequestPtr& request) const;

  // Shared with calls that outlive the ensemble's place in the registry.
  std::shared_ptr<const EnsembleCore> core_;
  Description description_;
  bool members_take_all_ = true;  // every member takes every input
};

// Stands for a callable that could not be made: every call fails with the reason.
class UnavailableCallable final : public Callable {
 public:
  UnavailableCallable(std::string name, std::string reason);
  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request&) const override {
    return {Placement::Where::kInline, {}};
  }
  [[nodiscard]] Result<> ready() const override { return fail(error_); }
  CancelHandle start(const Call&, RequestPtr, Sink& sink) override {
    sink.on_result(fail(error_));
    return {};
  }

 private:
  Description description_;
  Error error_;
};

}  // namespace sluice::gateway
