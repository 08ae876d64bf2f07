#include <gtest/gtest.h>

#include <optional>

#include "api/open_inference/open_inference.h"
#include "api/open_inference/test_support.h"

namespace sluice::api::open_inference {
namespace {

// One request without a socket, and what it was answered.
class FakeExchange final : public http::Exchange {
 public:
  FakeExchange(EventLoop& loop, const http::RequestHead& head, std::string body,
               std::vector<http::PathParam> params)
      : text_(std::move(body)) {
    const std::size_t size = text_.size();
    text_.append(64, '\0');
    body_ = std::string_view(text_).substr(0, size);
    head_ = &head;
    params_ = std::move(params);
    loop_ = &loop;
  }
  void go_away() {
    cancelled_ = true;
    if (Task task = std::exchange(on_cancel_, nullptr)) task();
  }

  int status = 0;
  std::string type;
  http::HeaderList headers;
  std::string answer;

 private:
  void do_respond(const http::ResponseHead& head, std::string_view body) override {
    EXPECT_EQ(status, 0) << "answered twice";
    status = head.status;
    type = head.content_type;
    if (head.headers != nullptr) headers = *head.headers;
    answer = body;
  }
  void do_start_stream(const http::ResponseHead&) override {}
  bool do_write_stream(std::string_view) override { return true; }
  void do_end_stream() override {}

  std::string text_;
};

class RestFaceTest : public ::testing::Test {
 protected:
  RestFaceTest() : local_(fake_.gateway.add_home(loop_)) {
    run();
    serve({.administration = true, .server_version = "9"});
  }
  void serve(const OpenInferenceOptions& options, std::string prefix = {},
             std::string target = {}) {
    router_ = http::Router();
    face_ = add_open_inference(router_, fake_.mount(local_, std::move(prefix), std::move(target)),
                               options)
                .value();
  }
  // Runs what was posted to the loop.
  void run() {
    loop_.stop();
    loop_.run();
  }
  FakeExchange& ask(http::Method method, std::string_view path, std::string body = {},
                    std::vector<http::HeaderView> headers = {}) {
    head_ = http::RequestHead{.method = method, .path = path, .headers = std::move(headers)};
    auto match = router_.find(method, path);
    if (match.route == nullptr) throw std::runtime_error("no route for " + std::string(path));
    exchange_.emplace(loop_, head_, std::move(body), std::move(match.params));
    match.route->handler(*exchange_);
    run();
    return *exchange_;
  }
  FakeExchange& get(std::string_view path) { return ask(http::Method::kGet, path); }
  FakeExchange& post(std::string_view path, std::string body = {},
                     std::vector<http::HeaderView> headers = {}) {
    return ask(http::Method::kPost, path, std::move(body), std::move(headers));
  }

  EventLoop loop_;
  FakeGateway fake_;
  gateway::LocalGateway& local_;
  http::Router router_;
  std::shared_ptr<const void> face_;
  http::RequestHead head_;
  std::optional<FakeExchange> exchange_;
};

std::string request(std::string_view data) {
  return R"({"id":"7","inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":)" +
         std::string(data) + "}]}";
}

TEST_F(RestFaceTest, TellsWhatItIs) {
  const FakeExchange& x = get("/v2");
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.type, "application/json");
  EXPECT_EQ(x.answer, R"({"name":"sluice","version":"9","extensions":["model_repository",)"
                      R"("binary_tensor_data","parameters","sluice_errors"]})");
  EXPECT_EQ(get("/v2/").answer, x.answer);
}

TEST_F(RestFaceTest, IsReadyWhenTheGatewayIs) {
  EXPECT_EQ(get("/v2/health/live").status, 200);
  EXPECT_EQ(get("/v2/health/ready").status, 200);
  fake_.gateway.set_accepting(false);
  EXPECT_EQ(get("/v2/health/live").status, 200);
  EXPECT_EQ(get("/v2/health/ready").status, 503);
}

TEST_F(RestFaceTest, AModelIsReadyUnknownOrNotReady) {
  EXPECT_EQ(get("/v2/models/double/ready").status, 200);
  EXPECT_EQ(get("/v2/models/double/versions/1/ready").status, 200);
  EXPECT_EQ(get("/v2/models/double/versions/3/ready").status, 404);
  EXPECT_EQ(get("/v2/models/nobody/ready").status, 404);
  EXPECT_EQ(get("/v2/models/broken/ready").status, 503);
  fake_.doubling->set_ready(fail(unavailable("no replica is up")));
  const FakeExchange& x = get("/v2/models/double/ready");
  EXPECT_EQ(x.status, 503);
  EXPECT_EQ(x.answer, R"({"error":"no replica is up"})");
}

TEST_F(RestFaceTest, DescribesAModel) {
  const FakeExchange& x = get("/v2/models/double");
  EXPECT_EQ(x.answer, R"({"name":"double","versions":["1","2"],"platform":"fake",)"
                      R"("inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],)"
                      R"("outputs":[{"name":"y","datatype":"FP32","shape":[-1,2]}],)"
                      R"("properties":{"note":"n","rows":"7"}})");
  EXPECT_EQ(get("/v2/models/double/versions/1").status, 200);
  EXPECT_EQ(get("/v2/models/nobody").status, 404);
  EXPECT_EQ(get("/v2/models/nobody").answer, R"({"error":"there is no model 'nobody'"})");
}

TEST_F(RestFaceTest, Infers) {
  const FakeExchange& x = post("/v2/models/double/infer", request("[1.5,2]"));
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.answer, R"({"model_name":"double","model_version":"2","id":"7","outputs":)"
                      R"([{"name":"y","datatype":"FP32","shape":[1,2],"data":[3,4]}]})");
  EXPECT_EQ(x.labels.callable, "double");
  EXPECT_EQ(x.labels.api, "open_inference");
  EXPECT_EQ(post("/v2/models/double/versions/1/infer", request("[[1,2]]")).status, 200);
}

TEST_F(RestFaceTest, InfersWithBinaryTensors) {
  const std::string json = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":)"
                           R"({"binary_data_size":8}}],"parameters":{"binary_data_output":true}})";
  const float values[] = {1.5F, -2.0F};
  const float expected[] = {3.0F, -4.0F};
  const std::string size = std::to_string(json.size());
  const FakeExchange& x =
      post("/v2/models/double/infer", json + std::string(reinterpret_cast<const char*>(values), 8),
           {{"Inference-Header-Content-Length", size}});
  ASSERT_EQ(x.status, 200) << x.answer;
  EXPECT_EQ(x.type, "application/octet-stream");
  const std::size_t head =
      std::stoul(std::string(x.headers.find("Inference-Header-Content-Length").value()));
  EXPECT_EQ(x.answer.substr(head), std::string(reinterpret_cast<const char*>(expected), 8));
  EXPECT_TRUE(x.answer.substr(0, head).ends_with(R"("parameters":{"binary_data_size":8}}]})"));
}

TEST_F(RestFaceTest, NamesTheMembersThatAreMissing) {
  const FakeExchange& x = post("/v2/models/partial/infer", R"({"inputs":[]})");
  EXPECT_EQ(x.status, 200);
  EXPECT_EQ(x.answer,
            R"({"model_name":"partial","model_version":"1","parameters":{"sluice_errors":)"
            R"("{\"b\":{\"code\":\"unavailable\",\"message\":\"gone\"}}"},"outputs":)"
            R"([{"name":"a.y","datatype":"INT64","shape":[1],"data":[3]}]})");
}

TEST_F(RestFaceTest, ErrorsHaveTheStatusOfTheirKind) {
  struct Case {
    std::string_view path;
    std::string body;
    int status;
    std::string_view error;
  };
  const Case cases[] = {
      {"/v2/models/nobody/infer", request("[1,2]"), 404, "there is no model 'nobody'"},
      {"/v2/models/broken/infer", request("[1,2]"), 503, "model 'broken' is not ready: no file"},
      {"/v2/models/double/infer", "{\"inputs\":[oops]}", 400, "not JSON at byte 11: syntax error"},
      {"/v2/models/double/infer", "", 400, "the body is empty where JSON is expected"},
      {"/v2/models/double/infer", "{}", 422, "the request has no 'inputs'"},
      {"/v2/models/double/infer", request("[1]"), 422,
       "input 'x': data has 1 values, expected 2 for shape [1,2]"},
      {"/v2/models/double/infer", R"({"inputs":[]})", 422, "input 'x' of 'double' is missing"},
      {"/v2/models/double/infer", request("[13,0]"), 429, "too many"},
  };
  for (const Case& c : cases) {
    const FakeExchange& x = post(c.path, c.body);
    EXPECT_EQ(x.status, c.status) << c.error;
    EXPECT_EQ(x.answer, R"({"error":")" + std::string(c.error) + "\"}");
    EXPECT_TRUE(x.error.has_value());
  }
  EXPECT_EQ(exchange_->headers.find("Retry-After"), "2");
}

TEST_F(RestFaceTest, RefusesWhatItCannotRead) {
  EXPECT_EQ(
      post("/v2/models/double/infer", request("[1,2]"), {{"Content-Encoding", "gzip"}}).status,
      415);
  EXPECT_EQ(post("/v2/models/double/infer", request("[1,2]"),
                 {{"Inference-Header-Content-Length", "9999"}})
                .status,
            400);
  EXPECT_EQ(post("/v2/models/double/infer", request("[1,2]"), {{"X-Deadline-Ms", "x"}}).status,
            422);
}

TEST_F(RestFaceTest, TheTimeoutOfTheBodyIsADeadlineAndThePriorityAClass) {
  const std::string body =
      R"({"parameters":{"timeout":2000000,"priority":9},"inputs":[{"name":"x","shape":[1,2],)"
      R"("datatype":"FP32","data":[1,2]}]})";
  EXPECT_EQ(post("/v2/models/double/infer", body, {{"X-Deadline-Ms", "1000"}}).status, 200);
  EXPECT_FALSE(fake_.doubling->last_call().deadline.is_never());
  EXPECT_EQ(fake_.doubling->last_call().service_class, ServiceClass::kBestEffort);
  EXPECT_EQ(post("/v2/models/double/infer", request("[1,2]")).status, 200);
  EXPECT_TRUE(fake_.doubling->last_call().deadline.is_never());
}

TEST_F(RestFaceTest, AClientThatGoesAwayCancelsItsCall) {
  FakeExchange& x = post("/v2/models/slow/infer", R"({"inputs":[]})");
  EXPECT_EQ(x.status, 0);
  x.go_away();
  EXPECT_EQ(x.status, 499);
}

TEST_F(RestFaceTest, ListsTheRepository) {
  fake_.slow->set_ready(fail(unavailable("tired")));
  EXPECT_EQ(post("/v2/repository/index").answer,
            R"([{"name":"double","version":"1","state":"READY","reason":""},)"
            R"({"name":"double","version":"2","state":"READY","reason":""},)"
            R"({"name":"slow","version":"1","state":"UNAVAILABLE","reason":"tired"},)"
            R"({"name":"partial","version":"1","state":"READY","reason":""},)"
            R"({"name":"broken","version":"1","state":"UNAVAILABLE","reason":"no file"}])");
  EXPECT_EQ(post("/v2/repository/index", R"({"ready":true})").answer,
            R"([{"name":"double","version":"1","state":"READY","reason":""},)"
            R"({"name":"double","version":"2","state":"READY","reason":""},)"
            R"({"name":"partial","version":"1","state":"READY","reason":""}])");
  EXPECT_EQ(post("/v2/repository/index", R"({"ready":1})").status, 422);
  EXPECT_EQ(post("/v2/repository/index", "{").status, 400);
}

TEST_F(RestFaceTest, LoadsAndUnloadsWhereItMay) {
  EXPECT_EQ(post("/v2/repository/models/double/load", "{}").status, 200);
  EXPECT_EQ(
      post("/v2/repository/models/double/unload", R"({"parameters":{"unload_dependents":false}})")
          .status,
      200);
  fake_.fail_loads(unavailable("no file"));
  EXPECT_EQ(post("/v2/repository/models/double/load").answer, R"({"error":"no file"})");
  EXPECT_EQ(post("/v2/repository/models/nobody/load").status, 404);
  EXPECT_EQ(post("/v2/repository/models/slow/load").status, 422);
  EXPECT_EQ(
      post("/v2/repository/models/double/load", R"({"parameters":{"config":"{}"}})").answer,
      R"({"error":"parameter 'config': a model is loaded as it is configured, not from the request"})");

  serve({.administration = true, .key = "k"});
  EXPECT_EQ(post("/v2/repository/models/double/unload").status, 401);
  EXPECT_EQ(post("/v2/repository/models/double/unload", "", {{"X-API-Key", "j"}}).status, 401);
  EXPECT_EQ(post("/v2/repository/models/double/unload", "", {{"X-API-Key", "k"}}).status, 200);
  serve({});
  EXPECT_EQ(post("/v2/repository/models/double/unload").status, 403);
}

TEST_F(RestFaceTest, AMountMayHaveAPrefixAndServeOneCallableOnly) {
  serve({}, "/a", "partial");
  EXPECT_EQ(post("/a/v2/models/partial/infer", R"({"inputs":[]})").status, 200);
  EXPECT_EQ(get("/a/v2/models/double").status, 404);
  EXPECT_EQ(post("/a/v2/repository/index").answer,
            R"([{"name":"partial","version":"1","state":"READY","reason":""}])");
}

}  // namespace
}  // namespace sluice::api::open_inference
