#include "backends/tensorflow_serving/watch.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <utility>

#include "backends/tensorflow_serving/codec.h"
#include "base/entropy.h"
#include "base/format.h"
#include "rpc/tensorflow_serving.pb.h"

namespace sluice::tensorflow_serving {

namespace {
// While there is no good answer, and for an answer itself.
constexpr Duration kSoon = std::chrono::seconds(1);
constexpr Duration kLongestQuestion = std::chrono::seconds(5);

http::TlsClientOptions to_http(const TlsOptions& tls) {
  return {.ca_file = tls.ca.string(),
          .verify = tls.verify,
          .certificate_file = tls.certificate.string(),
          .key_file = tls.key.string()};
}

rpc::GrpcChannelOptions to_channel(const TensorflowServingOptions& options) {
  rpc::GrpcChannelOptions channel{.address = options.address,
                                  .max_message_bytes = options.max_answer_bytes,
                                  .connect_timeout = options.connect_timeout};
  if (options.tls) {
    channel.tls = rpc::GrpcClientTls{options.tls->ca.string(), options.tls->verify,
                                     options.tls->certificate.string(), options.tls->key.string()};
  }
  return channel;
}

bool same(const std::vector<TensorInfo>& a, const std::vector<TensorInfo>& b) {
  return std::ranges::equal(a, b, [](const TensorInfo& x, const TensorInfo& y) {
    return x.name == y.name && x.type == y.type && x.shape == y.shape;
  });
}

bool same(const Description& a, const Description& b) {
  return a.version == b.version && same(a.inputs, b.inputs) && same(a.outputs, b.outputs);
}
}  // namespace

Result<std::shared_ptr<Watch>> Watch::make(std::string name, TensorflowServingOptions options,
                                           rpc::GrpcClient& client, Executor& home,
                                           Changed changed) {
  if (options.model.empty()) options.model = name;
  const auto named = [&](const Error& error) {
    return fail(error.code, formatted("'{}': {}", name, error.message));
  };
  if (const auto faults = tls_faults(options); !faults.empty()) return named(faults[0].error);
  auto channel = client.channel(to_channel(options));
  if (!channel) return named(channel.error());
  auto service = std::make_shared<Service>(std::move(name), std::move(options), std::move(*channel),
                                           entropy());
  return std::shared_ptr<Watch>(new Watch(std::move(service), home, std::move(changed)));
}

Watch::Watch(std::shared_ptr<Service> service, Executor& home, Changed changed)
    : service_(std::move(service)), home_(home), changed_(std::move(changed)) {
  finding_.reason = formatted("{} has not been asked yet", service_->options.address);
}

Finding Watch::finding() const {
  const std::scoped_lock lock(mutex_);
  return finding_;
}

void Watch::start() {
  home_.post([held = weak_from_this()] {
    if (const auto self = held.lock()) self->ask_status();
  });
}

// One question: its messages live until its answer has been read.
template <class Request, class Answer>
void Watch::ask(std::string_view method, void (Watch::*then)(const Answer&)) {
  struct Messages {
    Request request;
    Answer answer;
  };
  auto messages = std::make_shared<Messages>();
  fill_request(messages->request, service_->options);
  const Duration wait = std::min(service_->options.timeout, kLongestQuestion);
  service_->channel->start(home_,
                           {.method = method,
                            .message = messages->request,
                            .deadline = Deadline::after(home_.now(), wait)},
                           messages->answer, [held = weak_from_this(), messages, then](auto done) {
                             const auto self = held.lock();
                             if (self == nullptr) return;
                             if (!done) return self->failed(std::move(done.error()));
                             (self.get()->*then)(messages->answer);
                           });
}

void Watch::ask_status() {
  ask<wire::GetModelStatusRequest>(kGetModelStatus, &Watch::on_status);
}
void Watch::ask_metadata() {
  ask<wire::GetModelMetadataRequest>(kGetModelMetadata, &Watch::on_metadata);
}

void Watch::on_status(const wire::GetModelStatusResponse& answer) {
  if (auto version = read_status(answer, service_->options); !version) {
    return failed(std::move(version.error()));
  }
  ask_metadata();
}

void Watch::on_metadata(const wire::GetModelMetadataResponse& answer) {
  auto description = read_metadata(answer, service_->options, service_->name);
  if (!description) return failed(std::move(description.error()));
  service_->set_ready({});
  again(service_->options.watch_every);
  const Finding now = finding();
  if (now.callable != nullptr && same(now.callable->describe(), *description)) return;
  const std::string version = description->version;
  change({version, std::make_shared<RemoteModel>(service_, std::move(*description)), {}});
}

void Watch::failed(Error error) {
  service_->set_ready(fail(unavailable(error.message)));
  again(std::min(service_->options.watch_every, kSoon));
  Finding now = finding();
  if (now.callable != nullptr || now.reason == error.message) return;
  now.reason = std::move(error.message);
  change(std::move(now));
}

void Watch::again(Duration wait) {
  home_.run_at(home_.now() + wait, [held = weak_from_this()] {
    if (const auto self = held.lock()) self->ask_status();
  });
}

void Watch::change(Finding finding) {
  {
    const std::scoped_lock lock(mutex_);
    finding_ = finding;
  }
  changed_(finding);
}

std::vector<http::TlsFault> tls_faults(const TensorflowServingOptions& options) {
  if (!options.tls) return {};
  return http::TlsContext::faults(to_http(*options.tls));
}

}  // namespace sluice::tensorflow_serving
