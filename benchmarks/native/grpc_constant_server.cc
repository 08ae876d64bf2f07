// A bare grpc++ server: one thread, one completion queue, and the same ModelInferResponse to every
// ModelInfer. What any gRPC server in C++ can reach at most.
//
//   grpc_constant_server        prints the port that the kernel gave it

#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sys/prctl.h>

#include <iostream>
#include <memory>
#include <string>

#include "rpc/open_inference.grpc.pb.h"

namespace {

using Service = inference::GRPCInferenceService::AsyncService;

inference::ModelInferResponse constant_answer() {
  inference::ModelInferResponse answer;
  answer.set_model_name("setosa");
  answer.set_model_version("1");
  auto* label = answer.add_outputs();
  label->set_name("output_label");
  label->set_datatype("INT64");
  label->add_shape(1);
  answer.add_raw_output_contents(std::string(8, '\0'));
  auto* probability = answer.add_outputs();
  probability->set_name("output_probability");
  probability->set_datatype("FP32");
  probability->add_shape(1);
  probability->add_shape(2);
  answer.add_raw_output_contents(std::string("\x00\x00\x80\x3f\x00\x00\x00\x00", 8));
  return answer;
}

// One call at a time in one of these; it asks for the next before it answers. Owns itself.
class Call {
 public:
  Call(Service& service, grpc::ServerCompletionQueue& queue,
       const inference::ModelInferResponse& answer)
      : service_(service), queue_(queue), answer_(answer) {
    service_.RequestModelInfer(&context_, &request_, &responder_, &queue_, &queue_, this);
  }

  void proceed(bool ok) {
    if (!ok || answered_) {
      delete this;
      return;
    }
    new Call(service_, queue_, answer_);
    answered_ = true;
    responder_.Finish(answer_, grpc::Status::OK, this);
  }

 private:
  Service& service_;
  grpc::ServerCompletionQueue& queue_;
  const inference::ModelInferResponse& answer_;
  grpc::ServerContext context_;
  inference::ModelInferRequest request_;
  grpc::ServerAsyncResponseWriter<inference::ModelInferResponse> responder_{&context_};
  bool answered_ = false;
};

}  // namespace

int main() {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  Service service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  std::cout << port << std::endl;

  const inference::ModelInferResponse answer = constant_answer();
  for (int i = 0; i < 128; ++i) new Call(service, *queue, answer);
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<Call*>(tag)->proceed(ok);
  return 0;
}
