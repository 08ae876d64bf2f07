#include "rpc/client_call.h"

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/format.h"
#include "base/thread_name.h"
#include "rpc/status.h"
#include "rpc/timespec.h"

namespace sluice::rpc {

namespace {
constexpr std::int64_t kLongestPushback = std::chrono::milliseconds(std::chrono::hours(24)).count();

grpc::ByteBuffer to_buffer(const google::protobuf::MessageLite& message) {
  grpc::Slice slice(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
  return {&slice, 1};
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::optional<std::chrono::milliseconds> pushback(const grpc::ClientContext& context) {
  const auto& trailing = context.GetServerTrailingMetadata();
  const auto found = trailing.find({kRetryPushback.data(), kRetryPushback.size()});
  if (found == trailing.end()) return std::nullopt;
  std::int64_t ms = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [stop, error] = std::from_chars(found->second.data(), end, ms);
  if (error != std::errc() || stop != end || ms < 0) return std::nullopt;
  return std::chrono::milliseconds(std::min(ms, kLongestPushback));
}
}  // namespace

void ClientQueue::start(const std::shared_ptr<ClientCall>& call, grpc::GenericStub& stub,
                        const GrpcRequest& request) {
  {
    const std::scoped_lock lock(mutex_);
    if (closed_) return call->refuse(unavailable("the gRPC client has ended"));
    if (!thread_.joinable()) {
      thread_ = std::thread([this] {
        name_this_thread("sluice-grpc-out");
        run();
      });
    }
    in_flight_.insert(call.get());
    call->self_ = call;  // until it arrives, which is seen after this lock
    ++starting_;
  }
  call->begin(stub, request, queue_);  // side by side with others
  const std::scoped_lock lock(mutex_);
  if (--starting_ == 0) started_.notify_all();
}

void ClientQueue::run() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
    auto* call = static_cast<ClientCall*>(tag);
    {
      const std::scoped_lock lock(mutex_);
      in_flight_.erase(call);
    }
    call->arrived();
  }
}

void ClientQueue::close() {
  {
    std::unique_lock lock(mutex_);
    if (std::exchange(closed_, true)) return;
    started_.wait(lock, [this] { return starting_ == 0; });
    for (ClientCall* call : in_flight_) call->context_.TryCancel();
    queue_.Shutdown();  // what is in flight comes out before the end
  }
  if (thread_.joinable()) {
    thread_.join();
  } else {
    run();
  }
}

void ClientCall::begin(grpc::GenericStub& stub, const GrpcRequest& request,
                       grpc::CompletionQueue& queue) {
  if (!request.deadline.is_never()) context_.set_deadline(to_timespec(request.deadline.at()));
  for (const auto& [key, value] : request.metadata) {
    if (!value.empty() && is_printable(value)) context_.AddMetadata(key, value);
  }
  reader_ = stub.PrepareUnaryCall(&context_, std::string(request.method),
                                  to_buffer(request.message), &queue);
  reader_->StartCall();
  reader_->Finish(&message_, &status_, static_cast<void*>(this));
}

void ClientCall::cancel() {
  cancelled_.store(true, std::memory_order_relaxed);
  context_.TryCancel();
}

void ClientCall::arrived() {
  home_.post([self = std::move(self_)] {
    GrpcChannel::Done done = std::move(self->done_);  // and what it holds goes with it
    done(self->outcome());
  });
}

void ClientCall::refuse(Error error) {
  home_.post([self = shared_from_this(), error = std::move(error)]() mutable {
    self->done_(fail(std::move(error)));
  });
}

Result<> ClientCall::outcome() {
  if (status_.ok()) {
    grpc::ProtoBufferReader reader(&message_);
    if (reader.status().ok() && answer_.ParseFromZeroCopyStream(&reader)) return {};
    return fail(internal(formatted("{}: the answer is not a {}", address_, answer_.GetTypeName())));
  }
  Error error = error_of(status_.error_code(), status_.error_message());
  if (error.code == ErrorCode::kCancelled) {
    if (cancelled_.load(std::memory_order_relaxed)) {
      return fail(cancelled("the call was cancelled"));
    }
    error.code = ErrorCode::kUnavailable;
  }
  error.message = formatted("{}: {}", address_, error.message);
  error.retry_after = pushback(context_);
  return fail(std::move(error));
}

}  // namespace sluice::rpc
