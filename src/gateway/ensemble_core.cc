#include <algorithm>

#include "base/format.h"
#include "gateway/ensemble_run.h"

namespace sluice::gateway {

Error quorum_missed(std::string_view ensemble, std::size_t members, std::size_t quorum,
                    const std::vector<MemberError>& failed) {
  const auto all = [&](ErrorCode code) {
    return std::ranges::all_of(failed, [&](const MemberError& e) { return e.error.code == code; });
  };
  std::string reasons;
  for (const MemberError& e : failed) {
    reasons += formatted("{}{}: {}", reasons.empty() ? "" : "; ", e.member, e.error.message);
  }
  const ErrorCode code = all(ErrorCode::kInvalid)   ? ErrorCode::kInvalid
                         : all(ErrorCode::kTimeout) ? ErrorCode::kTimeout
                                                    : ErrorCode::kUnavailable;
  // What is away may be there the next time; an answer that is an error says something of the call.
  const bool away = std::ranges::any_of(failed, [](const MemberError& e) {
    return (e.error.code == ErrorCode::kUnavailable && e.error.detail != ErrorDetail::kNotAway) ||
           e.error.code == ErrorCode::kExhausted;
  });
  return {code,
          formatted("{} of {} members of '{}' answered, {} are needed: {}", members - failed.size(),
                    members, ensemble, quorum, reasons),
          {},
          code == ErrorCode::kUnavailable && !away ? ErrorDetail::kNotAway : ErrorDetail::kNone};
}

Result<> EnsembleCore::check(const Description& description, const InferRequest& request) const {
  bool all_described = true;
  for (const std::string& output : request.outputs) {
    if (description.output(output) != nullptr) continue;
    // Those of a member that is not there now are not in the description, and may be asked for.
    const auto dot = output.find('.');
    const bool of_member =
        dot != std::string::npos && std::ranges::any_of(members, [&](const EnsembleMember& m) {
          return m.name == std::string_view(output).substr(0, dot);
        });
    if (!of_member) {
      return fail(invalid(
          formatted("'{}' has no output '{}'; they are named <member>.<output>", name, output)));
    }
    all_described = false;
  }
  if (description.inputs.empty()) return {};  // no member is there to say
  if (all_described) return check_inputs(description, request);
  InferRequest inputs_only;
  inputs_only.inputs = request.inputs;
  return check_inputs(description, inputs_only);
}

Call EnsembleCore::call_for_members(const Call& call, TimePoint now) const {
  Call inner = call;
  if (!call.deadline_asked) {
    inner.deadline = call.deadline.earlier(Deadline::after(now, options.deadline));
  }
  inner.depth = static_cast<std::uint8_t>(call.depth + 1);
  inner.times = nullptr;
  return inner;
}

bool EnsembleCore::merges(const InferRequest& request) const {
  return options.merge.rule != MergeRule::kAll &&
         (request.outputs.empty() ||
          std::ranges::any_of(merged_outputs(options.merge),
                              [&](const TensorInfo& o) { return request.wants(o.name); }));
}

// Of a member's outputs those that are wanted as they are or merged; none stands for all.
std::vector<std::string> EnsembleCore::outputs_for(std::size_t member, const InferRequest& request,
                                                   bool merging) const {
  if (request.outputs.empty()) return {};
  const std::string prefix = members[member].name + '.';
  const std::vector<TensorInfo>& given = members[member].callable->describe().outputs;
  std::vector<std::string> wanted;
  for (const TensorInfo& output : given) {
    const bool counts =
        merging && (options.merge.output.empty() || options.merge.output == output.name);
    if (counts || request.wants(prefix + output.name)) wanted.push_back(output.name);
  }
  if (wanted.size() == given.size()) wanted.clear();
  return wanted;
}

std::vector<RequestPtr> EnsembleCore::requests_for(const RequestPtr& request) const {
  const auto& infer = std::get<InferRequest>(*request);
  std::vector<RequestPtr> requests;
  requests.reserve(members.size());
  const bool merging = merges(infer);
  for (std::size_t i = 0; i < members.size(); ++i) {
    InferRequest own;
    own.outputs = outputs_for(i, infer, merging);
    const std::vector<TensorInfo>& wanted = members[i].callable->describe().inputs;
    const bool all_inputs = wanted.empty() || wanted.size() == infer.inputs.size();
    if (all_inputs && infer.version.empty() && own.outputs.empty() && infer.outputs.empty()) {
      requests.push_back(request);
      continue;
    }
    // Members of a kind share one request.
    if (all_inputs && i > 0) {
      const auto& last = std::get<InferRequest>(*requests.back());
      if (last.inputs.size() == infer.inputs.size() && last.version.empty() &&
          last.outputs == own.outputs) {
        requests.push_back(requests.back());
        continue;
      }
    }
    own.parameters = infer.parameters;
    for (const Tensor& tensor : infer.inputs) {
      if (all_inputs ||
          std::ranges::any_of(wanted, [&](const TensorInfo& w) { return w.name == tensor.name; })) {
        own.inputs.push_back(tensor);
      }
    }
    requests.push_back(make_request(std::move(own)));
  }
  return requests;
}

std::vector<MemberAnswer> EnsembleCore::answers_in(
    const std::vector<Result<Response>>& results) const {
  std::vector<MemberAnswer> answers;
  answers.reserve(results.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) continue;
    answers.push_back({members[i].name, members[i].weight, &std::get<InferResponse>(*results[i])});
  }
  return answers;
}

void EnsembleCore::fail_misfits(const std::vector<MemberAnswer>& answers,
                                std::vector<Result<Response>>& results) const {
  std::vector<std::size_t> member_of;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i]) member_of.push_back(i);
  }
  for (Misfit& misfit : misfits(options.merge, answers)) {
    results[member_of[misfit.answer]] = fail(std::move(misfit.error));
  }
}

Result<Response> EnsembleCore::assemble(const InferRequest& request,
                                        std::vector<Result<Response>> results) const {
  InferResponse response{.model = name, .version = "1"};
  std::vector<MemberAnswer> answers = answers_in(results);
  Result<std::vector<Tensor>> merged;
  if (merges(request)) {
    merged = merge(options.merge, answers);
    if (!merged) {
      fail_misfits(answers, results);
      answers = answers_in(results);
      merged = merge(options.merge, answers);
    }
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const EnsembleMember& member = members[i];
    const Result<Response>& result = results[i];
    member.metrics.record(result ? std::nullopt : std::optional(result.error().code));
    if (!result) response.errors.push_back({member.name, result.error()});
  }
  if (answers.size() < options.quorum) {
    return fail(quorum_missed(name, members.size(), options.quorum, response.errors));
  }
  if (!merged) return fail(merged.error());
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) continue;
    for (Tensor& tensor : std::get<InferResponse>(*results[i]).outputs) {
      std::string full = members[i].name;
      full += '.';
      full += tensor.name;
      if (!request.wants(full)) continue;
      tensor.name = std::move(full);
      response.outputs.push_back(std::move(tensor));
    }
  }
  for (Tensor& tensor : *merged) {
    if (request.wants(tensor.name)) response.outputs.push_back(std::move(tensor));
  }
  return response;
}

}  // namespace sluice::gateway
