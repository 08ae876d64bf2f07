#include <algorithm>
#include <format>

#include "gateway/ensemble_run.h"

namespace sluice::gateway {

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
          std::format("'{}' has no output '{}'; they are named <member>.<output>", name, output)));
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

RequestPtr EnsembleCore::request_for(std::size_t member, const RequestPtr& request) const {
  const auto& infer = std::get<InferRequest>(*request);
  const std::vector<TensorInfo>& wanted = members[member].callable->describe().inputs;
  const bool same = infer.outputs.empty() && infer.version.empty() &&
                    (wanted.empty() || wanted.size() == infer.inputs.size());
  if (same) return request;
  InferRequest own;
  own.parameters = infer.parameters;
  for (const Tensor& tensor : infer.inputs) {
    if (wanted.empty() ||
        std::ranges::any_of(wanted, [&](const TensorInfo& i) { return i.name == tensor.name; })) {
      own.inputs.push_back(tensor);
    }
  }
  return make_request(std::move(own));
}

Result<Response> EnsembleCore::assemble(const InferRequest& request,
                                        std::vector<Result<Response>> results) const {
  InferResponse response{.model = name, .version = "1"};
  std::vector<MemberAnswer> answers;
  answers.reserve(results.size());
  bool only_time = true;
  bool only_input = true;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const EnsembleMember& member = members[i];
    const Result<Response>& result = results[i];
    if (result) {
      member.metrics.record(std::nullopt);
      answers.push_back({member.name, member.weight, &std::get<InferResponse>(*result)});
      continue;
    }
    member.metrics.record(result.error().code);
    only_time = only_time && result.error().code == ErrorCode::kTimeout;
    only_input = only_input && result.error().code == ErrorCode::kInvalid;
    response.errors.push_back({member.name, result.error()});
  }
  if (answers.size() < options.quorum) {
    std::string reasons;
    for (const MemberError& e : response.errors) {
      reasons += std::format("{}{}: {}", reasons.empty() ? "" : "; ", e.member, e.error.message);
    }
    const ErrorCode code = only_input  ? ErrorCode::kInvalid
                           : only_time ? ErrorCode::kTimeout
                                       : ErrorCode::kUnavailable;
    return fail(code, std::format("{} of {} members of '{}' answered, {} are needed: {}",
                                  answers.size(), members.size(), name, options.quorum, reasons));
  }
  auto merged = merge(options.merge, answers);
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
