#include "rpc/call_slots.h"

#include <google/protobuf/message_lite.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "rpc/status.h"
#include "telemetry/request_id.h"
#include "telemetry/trace.h"

namespace sluice::rpc {

namespace {
// Slots beyond those for calls in flight: waiting ones, and those that still send a refusal.
constexpr std::size_t kSpareSlots = 256;

Deadline to_deadline(gpr_timespec at) {
  if (gpr_time_cmp(at, gpr_inf_future(at.clock_type)) == 0) return Deadline::never();
  const gpr_timespec steady = gpr_convert_clock_type(at, GPR_CLOCK_MONOTONIC);
  return Deadline(
      TimePoint(std::chrono::seconds(steady.tv_sec) + std::chrono::nanoseconds(steady.tv_nsec)));
}
}  // namespace

RawService::RawService(const std::vector<Method>& methods) {
  for (const Method& method : methods) {
    AddMethod(new grpc::internal::RpcServiceMethod(method.path.c_str(),
                                                   grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRaw(static_cast<int>(&method - methods.data()));
  }
}

void RawService::request(std::size_t method, grpc::ServerContext& context,
                         grpc::ByteBuffer& message,
                         grpc::ServerAsyncResponseWriter<grpc::ByteBuffer>& writer,
                         grpc::ServerCompletionQueue& queue, void* tag) {
  RequestAsyncUnary(static_cast<int>(method), &context, &message, &writer, &queue, &queue, tag);
}

CallSlot::CallSlot(CallLane& lane) : lane_(lane) {
  home_ = &lane.executor();
}

void CallSlot::request(std::size_t method) {
  method_ = method;
  counted_ = answered_ = sent_ = done_ = cancelled_ = false;
  status_ = 0;
  bytes_in_ = bytes_out_ = 0;
  error.reset();
  request_id.clear();
  traceparent.clear();
  peer_.clear();
  context_.emplace();
  writer_.emplace(&*context_);
  context_->AsyncNotifyWhenDone(done_event_.tag());
  lane_.service_->request(method, *context_, message_, *writer_, lane_.executor().queue(),
                          arrived_event_.tag());
}

void CallSlot::arrived(bool ok) {
  if (!ok) {  // the server shuts down; the end of a call that never began is not reported
    --lane_.waiting_[method_];
    writer_.reset();
    context_.reset();
    lane_.give_back(*this);
    return;
  }
  timings = telemetry::RequestTimings(home_->now());
  bytes_in_ = message_.Length();
  methods_ = lane_.methods_;
  const Method& method = (*methods_)[method_];
  labels = method.labels;
  path_ = method.path;
  deadline_ = to_deadline(context_->raw_deadline());
  --lane_.waiting_[method_];
  lane_.ask_later(method_);
  if (!lane_.enter()) {
    fail({ErrorCode::kExhausted,
          formatted("more than {} calls in flight on this thread", lane_.max_calls_),
          std::chrono::milliseconds(100)});
    return;
  }
  counted_ = true;
  if (lane_.track_calls_ && !method.probe) track();
  if (method.guard != nullptr) {
    if (const Result<> admitted = method.guard->admit(*this, method.scope); !admitted) {
      return fail(admitted.error());
    }
  }
  method.handler(*this);
}

void CallSlot::track() {
  request_id = telemetry::RequestId::accept(metadata("x-request-id"), lane_.random_).view();
  traceparent = telemetry::accept_traceparent(metadata("traceparent"), lane_.random_);
  peer_ = context_->peer();
}

std::string CallSlot::peer() const {
  return peer_.empty() ? context_->peer() : peer_;
}

Result<> CallSlot::parse(google::protobuf::MessageLite& message) {
  bool good = false;
  grpc::Slice slice;
  if (message_.TrySingleSlice(&slice).ok()) {
    good = message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  } else {
    grpc::ProtoBufferReader reader(&message_);
    good = reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
  }
  message_.Clear();
  if (!good) {
    return sluice::fail(invalid("the message is not a " + message.GetTypeName()));
  }
  return {};
}

std::string_view CallSlot::metadata(std::string_view key) const {
  const auto& all = context_->client_metadata();
  const auto found = all.find(grpc::string_ref(key.data(), key.size()));
  if (found == all.end()) return {};
  return {found->second.data(), found->second.size()};
}

std::string CallSlot::joined_metadata(std::string_view key) const {
  std::string joined;
  const auto [first, last] =
      context_->client_metadata().equal_range(grpc::string_ref(key.data(), key.size()));
  for (auto it = first; it != last; ++it) {
    if (!joined.empty()) joined += ',';
    joined.append(it->second.data(), it->second.size());
  }
  return joined;
}

void CallSlot::respond(const google::protobuf::MessageLite& message) {
  if (std::exchange(answered_, true)) return;
  timings.lap(telemetry::Stage::kEncode, std::chrono::steady_clock::now());
  bytes_out_ = message.ByteSizeLong();
  grpc::Slice slice(bytes_out_);
  message.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
  answer_ = grpc::ByteBuffer(&slice, 1);
  lane_.send_later(*this);
}

void CallSlot::send() {
  writer_->Finish(answer_, grpc::Status::OK, sent_event_.tag());
  answer_.Clear();
}

void CallSlot::fail(const Error& why, int status) {
  if (std::exchange(answered_, true)) return;
  timings.lap(telemetry::Stage::kEncode, std::chrono::steady_clock::now());
  error = why.code;
  status_ = status;
  if (why.retry_after) {
    context_->AddTrailingMetadata(std::string(kRetryPushback),
                                  std::to_string(why.retry_after->count()));
  }
  writer_->FinishWithError(grpc::Status(static_cast<grpc::StatusCode>(status_), why.message),
                           sent_event_.tag());
}

void CallSlot::sent(bool) {
  sent_ = true;
  if (counted_) lane_.leave();
  if (lane_.observer_ != nullptr) {
    lane_.observer_->on_answered(*this, status_, bytes_out_, (*methods_)[method_].probe);
  }
  release_when_over();
}

void CallSlot::done(bool) {
  done_ = true;
  if (!answered_ && context_->IsCancelled()) {
    cancelled_ = true;
    if (Task task = std::exchange(on_cancel_, nullptr)) task();
  }
  release_when_over();
}

void CallSlot::release_when_over() {
  if (!sent_ || !done_) return;
  on_cancel_ = nullptr;
  attachment_.reset();
  principal.reset();
  methods_.reset();
  message_.Clear();
  arena_.Reset();
  writer_.reset();
  context_.reset();  // gRPC's shutdown waits for it
  lane_.give_back(*this);
}

CallLane::CallLane(std::unique_ptr<grpc::ServerCompletionQueue> queue, GrpcObserver* observer,
                   std::size_t max_calls, bool track_calls, std::uint64_t seed)
    : executor_(std::move(queue)),
      observer_(observer),
      max_calls_(max_calls),
      track_calls_(track_calls),
      random_(seed) {}

void CallLane::set_methods(std::vector<Method> methods) {
  methods_ = std::make_shared<const std::vector<Method>>(std::move(methods));
  waiting_.resize(methods_->size());
  max_slots_ = max_calls_ + kSpareSlots;
  for (const Method& method : *methods_) max_slots_ += method.waiting;
}

void CallLane::begin(RawService& service) {
  service_ = &service;
  for (std::size_t i = 0; i < methods_->size(); ++i) ask_for_calls(i);
}

void CallLane::ask_for_calls(std::size_t method) {
  if (stopping_.load(std::memory_order_acquire)) return;
  while (waiting_[method] < (*methods_)[method].waiting) {
    if (free_.empty()) {
      if (slots_.size() == max_slots_) return;  // gRPC keeps them until a slot is free
      slots_.push_back(std::make_unique<CallSlot>(*this));
      free_.push_back(slots_.back().get());
    }
    CallSlot& slot = *free_.back();
    free_.pop_back();
    ++waiting_[method];
    slot.request(method);
  }
}

void CallLane::send_later(CallSlot& slot) {
  finish_turn_later();
  unsent_.push_back(&slot);
}

void CallLane::ask_later(std::size_t method) {
  if (std::ranges::contains(to_ask_, method)) return;
  finish_turn_later();
  to_ask_.push_back(method);
}

void CallLane::finish_turn_later() {
  if (unsent_.empty() && to_ask_.empty()) executor_.defer([this] { finish_turn(); });
}

void CallLane::finish_turn() {
  for (CallSlot* slot : std::exchange(unsent_, {})) slot->send();
  for (const std::size_t method : std::exchange(to_ask_, {})) ask_for_calls(method);
}

bool CallLane::enter() {
  const std::size_t now = in_flight_.load(std::memory_order_relaxed);
  if (now == max_calls_) return false;
  in_flight_.store(now + 1, std::memory_order_relaxed);
  if (observer_ != nullptr) observer_->on_in_flight(1);
  return true;
}

void CallLane::leave() {
  in_flight_.store(in_flight_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  if (observer_ != nullptr) observer_->on_in_flight(-1);
}

void CallLane::give_back(CallSlot& slot) {
  const std::size_t method = slot.method_;
  free_.push_back(&slot);
  ask_later(method);
  close_if_idle();
}

void CallLane::close_when_idle() {
  executor_.post([this] {
    closing_ = true;
    close_if_idle();
  });
}

void CallLane::close_if_idle() {
  if (closing_ && free_.size() == slots_.size()) executor_.close();
}

}  // namespace sluice::rpc
