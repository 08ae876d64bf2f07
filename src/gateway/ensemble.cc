#include "gateway/ensemble.h"

#include <algorithm>

#include "base/format.h"
#include "gateway/ensemble_run.h"

namespace sluice::gateway {

namespace {

// What one member asks for, narrowed by what another asks under the same name.
void add_input(std::vector<TensorInfo>& inputs, const TensorInfo& info) {
  for (TensorInfo& known : inputs) {
    if (known.name != info.name) continue;
    if (known.shape.rank() != info.shape.rank()) return;
    for (std::size_t i = 0; i < known.shape.rank(); ++i) {
      if (known.shape[i] == -1) known.shape[i] = info.shape[i];
    }
    return;
  }
  inputs.push_back(info);
}

// Gathers the answers of members that answer at once.
class Gathered final : public Sink {
 public:
  explicit Gathered(std::size_t members) { results_.reserve(members); }
  void on_result(Result<Response> result) override { results_.push_back(std::move(result)); }
  // Member i has been asked.
  void settle(std::size_t i) {
    if (results_.size() == i)
      results_.emplace_back(fail(internal("an inline call gave no answer")));
  }
  std::vector<Result<Response>> take() { return std::move(results_); }

 private:
  std::vector<Result<Response>> results_;
};

}  // namespace

Ensemble::Ensemble(std::string name, std::vector<EnsembleMember> members, EnsembleOptions options,
                   const Clock& clock)
    : core_(std::make_shared<const EnsembleCore>(
          EnsembleCore{std::move(name), std::move(members), std::move(options), &clock})) {
  describe_members();
}

Ensemble::~Ensemble() = default;

const std::vector<EnsembleMember>& Ensemble::members() const {
  return core_->members;
}
const EnsembleOptions& Ensemble::options() const {
  return core_->options;
}

void Ensemble::describe_members() {
  description_ = {
      .name = core_->name, .kind = CallableKind::kEnsemble, .platform = "ensemble", .version = "1"};
  for (const EnsembleMember& member : core_->members) {
    const Description& d = member.callable->describe();
    description_.members.push_back(member.name);
    for (const TensorInfo& input : d.inputs) add_input(description_.inputs, input);
    for (const TensorInfo& output : d.outputs) {
      description_.outputs.push_back(
          {formatted("{}.{}", member.name, output.name), output.type, output.shape});
    }
  }
  for (TensorInfo& output : merged_outputs(core_->options.merge)) {
    description_.outputs.push_back(std::move(output));
  }
  for (const EnsembleMember& member : core_->members) {
    const std::size_t inputs = member.callable->describe().inputs.size();
    if (inputs != 0 && inputs != description_.inputs.size()) members_take_all_ = false;
  }
  description_.properties.emplace("merge", std::string(to_string(core_->options.merge.rule)));
}

Placement Ensemble::placement(const Request& request) const {
  Placement all{Placement::Where::kInline, {}};
  for (const EnsembleMember& member : core_->members) {
    const Placement one = member.callable->placement(request);
    all.where = std::max(all.where, one.where);
    all.estimate += one.estimate;
  }
  // A member that gets a part of the request may be placed otherwise than with all of it: what it
  // said of the whole is no promise for the part.
  if (all.where == Placement::Where::kInline &&
      (all.estimate > kInlineBound || !members_take_all_)) {
    all.where = Placement::Where::kPooled;
  }
  return all;
}

Result<> Ensemble::ready() const {
  std::size_t up = 0;
  for (const EnsembleMember& member : core_->members) {
    if (member.callable->ready()) ++up;
  }
  if (up >= core_->options.quorum) return {};
  return fail(unavailable(formatted("{} of {} members of '{}' are up; {} are needed", up,
                                    core_->members.size(), core_->name, core_->options.quorum)));
}

CancelHandle Ensemble::start(const Call& call, RequestPtr request, Sink& sink) {
  if (call.depth >= kMaxCallDepth) {
    sink.on_result(fail(internal(formatted("'{}' stands too deep in ensembles", core_->name))));
    return {};
  }
  if (auto kind = check_kind(description_, kind_of(*request)); !kind) {
    sink.on_result(fail(kind.error()));
    return {};
  }
  const auto& infer = std::get<InferRequest>(*request);
  if (auto checked = core_->check(description_, infer); !checked) {
    sink.on_result(fail(checked.error()));
    return {};
  }
  if (call.may_run_inline && placement(*request).where == Placement::Where::kInline) {
    sink.on_result(run_inline(call, request));
    return {};
  }
  return EnsembleRun::start(core_, call, std::move(request), sink);
}

// All members on this thread, one after the other: no timer, nothing to cancel.
Result<Response> Ensemble::run_inline(const Call& call, const RequestPtr& request) const {
  const EnsembleCore& core = *core_;
  const TimePoint began = core.clock->now();
  TimePoint now = began;
  Call inner = core.call_for_members(call, now);
  const std::vector<RequestPtr> requests = core.requests_for(request);
  Gathered gathered(core.members.size());
  for (std::size_t i = 0; i < core.members.size(); ++i) {
    if (inner.deadline.passed(now)) {
      gathered.on_result(fail(timed_out("the deadline passed before its turn")));
      continue;
    }
    CallTimes times;
    inner.times = &times;
    core.members[i].callable->start(inner, requests[i], gathered);
    gathered.settle(i);
    now = times.ran != TimePoint{} ? times.ran : core.clock->now();
  }
  if (call.times != nullptr) {
    call.times->started = began;
    call.times->ran = now;
  }
  return core.assemble(std::get<InferRequest>(*request), gathered.take());
}

UnavailableCallable::UnavailableCallable(std::string name, std::string reason)
    : error_(unavailable(std::move(reason))) {
  description_ = {.name = std::move(name), .platform = "unavailable"};
}

}  // namespace sluice::gateway
