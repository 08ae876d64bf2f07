#include "backends/onnx/model.h"

#include <utility>

#include "backends/onnx/batcher.h"
#include "backends/onnx/pooled_call.h"
#include "base/format.h"

namespace sluice::onnx {

namespace {

std::string joined(const Labels& labels) {
  std::string text;
  for (const std::string& label : labels) {
    if (!text.empty()) text += ',';
    text += label;
  }
  return text;
}

// Of a batch; a model without a batch dimension counts as it comes.
std::size_t rows_of(std::span<const Tensor> inputs) {
  return inputs.empty() ? 1 : static_cast<std::size_t>(inputs.front().shape.rows());
}

Description describe_parts(const OnnxModel::Parts& parts) {
  Description description;
  description.name = parts.name;
  description.kind = CallableKind::kModel;
  description.platform = "onnxruntime_onnx";
  description.version = parts.version;
  description.inputs = parts.session.inputs();
  for (const Output& output : parts.session.outputs()) {
    description.outputs.push_back(output.info);
    if (!output.labels.empty()) {
      description.properties[output.info.name + ".labels"] = joined(output.labels);
    }
  }
  return description;
}

}  // namespace

OnnxModel::OnnxModel(Parts parts) : parts_(std::move(parts)), description_(describe_parts(parts_)) {
  if (parts_.batching.on()) {
    const auto batcher = [&](ServiceClass of) {
      return std::make_unique<Batcher>(parts_.batching, parts_.pools.of(of), *parts_.clock);
    };
    batcher_ = batcher(ServiceClass::kRealtime);
    best_effort_batcher_ = batcher(ServiceClass::kBestEffort);
  }
}

OnnxModel::~OnnxModel() = default;

Placement OnnxModel::placement(const Request& request) const {
  const auto* infer = std::get_if<InferRequest>(&request);
  return infer == nullptr ? Placement{} : placement_of(*infer);
}

Placement OnnxModel::placement_of(const InferRequest& request) const {
  if (!parts_.cost) return {};
  const double units = parts_.cost->units(description_.inputs, request);
  const Duration estimate = parts_.cost->of(units);
  const bool is_short =
      estimate < kInlineBound && parts_.cost->reaches(units) && batcher_ == nullptr;
  return {is_short ? Placement::Where::kInline : Placement::Where::kPooled, estimate};
}

CancelHandle OnnxModel::start(const Call& call, RequestPtr request, Sink& sink) {
  if (auto ok = check_request(description_, *request); !ok) {
    sink.on_result(fail(std::move(ok.error())));
    return {};
  }
  const auto* infer = &std::get<InferRequest>(*request);
  const TimePoint now = parts_.clock->now();
  if (call.deadline.passed(now)) {
    sink.on_result(
        fail(timed_out(formatted("the deadline passed before '{}' was asked", description_.name))));
    return {};
  }
  const Placement place = placement_of(*infer);
  if (call.may_run_inline && place.where == Placement::Where::kInline) {
    sink.on_result(run(infer->inputs, infer->outputs, nullptr, call.times, now));
    return {};
  }
  return start_pooled(call, std::move(request), sink, place.estimate);
}

CancelHandle OnnxModel::start_pooled(const Call& call, RequestPtr request, Sink& sink,
                                     Duration estimate) {
  const bool is_realtime = call.service_class == ServiceClass::kRealtime;
  Batcher* batcher = is_realtime ? batcher_.get() : best_effort_batcher_.get();
  if (batcher != nullptr) {
    const auto shape = batch_shape(description_, std::get<InferRequest>(*request));
    if (shape && batcher->takes(*shape)) {
      return batcher->start(shared_from_this(), call, std::move(request), sink, *shape);
    }
  }
  return PooledCall::start(shared_from_this(), call, std::move(request), sink,
                           parts_.pools.of(call.service_class), *parts_.clock, estimate);
}

Result<Response> OnnxModel::run(std::span<const Tensor> inputs, std::span<const std::string> wanted,
                                RunControl* control, CallTimes* times,
                                std::optional<TimePoint> now) const {
  const TimePoint started = now ? *now : parts_.clock->now();
  auto outputs = parts_.session.run(inputs, wanted, control);
  const TimePoint ran = parts_.clock->now();
  if (times != nullptr) {
    times->started = started;
    times->ran = ran;
  }
  parts_.metrics.record(ran - started, rows_of(inputs));
  if (!outputs) {
    return fail(outputs.error().code,
                formatted("'{}' could not run: {}", description_.name, outputs.error().message));
  }
  return InferResponse{description_.name, description_.version, std::move(*outputs), {}, {}};
}

}  // namespace sluice::onnx
