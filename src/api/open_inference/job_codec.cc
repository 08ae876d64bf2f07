#include "api/open_inference/job_codec.h"

#include "api/open_inference/rest_codec.h"
#include "http/json/reader.h"

namespace sluice::api::open_inference {

namespace {

class InferCodec final : public sluice::jobs::Codec {
 public:
  Result<Request> decode(std::string_view input, const Description& /*callable*/) override {
    const auto root = reader_.parse_copy(input);
    if (!root) return fail(root.error());
    auto message = decode_infer(*root, {.json = input, .tensors = {}});
    if (!message) return fail(message.error());
    return std::move(message->request);
  }
  Result<sluice::jobs::RunOutput> encode(const Response& response, const Description& /*callable*/,
                                         std::string_view /*job*/) override {
    sluice::jobs::RunOutput out;
    if (auto size = encode_infer(out.bytes, InferMessage(), std::get<InferResponse>(response));
        !size) {
      return fail(size.error());
    }
    return out;
  }

 private:
  json::Reader reader_;
};

}  // namespace

std::unique_ptr<sluice::jobs::Codec> make_job_codec() {
  return std::make_unique<InferCodec>();
}

}  // namespace sluice::api::open_inference
