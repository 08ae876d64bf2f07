// Load on ModelInfer of the Open Inference Protocol over gRPC.
//
//   grpc_load --port 8081 --model setosa --connections 4 --depth 8 --seconds 2
//
// It speaks HTTP/2 by itself (http2_connection.h): grpc++ as a client costs as much as the server
// it should load. The first answer is decoded, to be sure of what is measured. Prints one line of
// JSON.

#include <poll.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "flags.h"
#include "http2_connection.h"
#include "http_text.h"
#include "rpc/open_inference.pb.h"
#include "sockets.h"

namespace {

std::string request_for(const std::string& model, const std::string& input) {
  inference::ModelInferRequest request;
  request.set_model_name(model);
  auto* tensor = request.add_inputs();
  tensor->set_name(input);
  tensor->set_datatype("FP32");
  tensor->add_shape(1);
  tensor->add_shape(4);
  const float row[] = {5.1F, 3.5F, 1.4F, 0.2F};
  request.add_raw_input_contents(std::string(reinterpret_cast<const char*>(row), sizeof row));
  return request.SerializeAsString();
}

struct Link {
  int fd;
  std::unique_ptr<bench::Http2Connection> http2;
};

void send_some(Link& link) {
  while (!link.http2->unsent().empty()) {
    std::string_view bytes = link.http2->unsent();
    ssize_t sent = send(link.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) bench::fail_errno("send");
    link.http2->take_sent(static_cast<std::size_t>(sent));
  }
}

void receive_some(Link& link) {
  static char buffer[65536];
  ssize_t got = recv(link.fd, buffer, sizeof buffer, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0 || !link.http2->take_received({buffer, static_cast<std::size_t>(got)})) {
    bench::Flags::fail("the server ended the connection after", std::to_string(link.http2->good()));
  }
}

void drive(std::vector<Link>& links, double seconds) {
  std::vector<pollfd> polled(links.size());
  auto start = bench::Clock::now();
  while (bench::seconds_since(start) < seconds) {
    for (std::size_t i = 0; i < links.size(); ++i) {
      send_some(links[i]);
      bool more = !links[i].http2->unsent().empty();
      polled[i] = {links[i].fd, static_cast<short>(POLLIN | (more ? POLLOUT : 0)), 0};
    }
    poll(polled.data(), polled.size(), 100);
    for (std::size_t i = 0; i < links.size(); ++i) {
      if ((polled[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) receive_some(links[i]);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  bench::Flags flags(argc, argv);
  auto port = static_cast<std::uint16_t>(flags.number("port", 8081));
  int depth = static_cast<int>(flags.number("depth", 8));
  std::string message =
      request_for(flags.text("model", "setosa"), flags.text("input", "float_input"));
  std::vector<Link> links;
  for (int i = 0; i < static_cast<int>(flags.number("connections", 4)); ++i) {
    int fd = bench::connect_to(port);
    bench::set_non_blocking(fd);
    links.push_back({fd, std::make_unique<bench::Http2Connection>(
                             "/inference.GRPCInferenceService/ModelInfer", message, depth)});
  }
  drive(links, flags.number("warmup", 0.3));
  for (Link& link : links) link.http2->forget();
  auto start = bench::Clock::now();
  drive(links, flags.number("seconds", 2));
  double passed = bench::seconds_since(start);

  std::uint64_t good = 0;
  std::uint64_t bad = 0;
  for (Link& link : links) {
    good += link.http2->good();
    bad += link.http2->bad();
  }
  inference::ModelInferResponse answer;
  if (!answer.ParseFromString(links.front().http2->first_message())) {
    bench::Flags::fail("the first answer is not a ModelInferResponse", "");
  }
  std::cout << "{\"requests_per_second\":" << static_cast<double>(good) / passed
            << ",\"errors\":" << bad << ",\"outputs\":" << answer.outputs_size() << ',';
  links.front().http2->sample().print(std::cout);
  std::cout << ",\"answer\":" << bench::quoted(answer.ShortDebugString()) << "}\n";
  return 0;
}
