#include "backends/llama/weights.h"

#include <llama.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <mutex>

#include "base/format.h"

namespace sluice::llama {

namespace {

// What the library says while this thread loads: the first error is the reason.
thread_local std::string* said = nullptr;

void hear(ggml_log_level level, const char* text, void* /*data*/) {
  if (level != GGML_LOG_LEVEL_ERROR || said == nullptr || !said->empty()) return;
  *said = text;
  while (!said->empty() && (said->back() == '\n' || said->back() == '.')) said->pop_back();
}

// The library has one log for the process, and backends that want to be told when to begin.
void begin() {
  static std::once_flag once;
  std::call_once(once, [] {
    llama_log_set(hear, nullptr);
    llama_backend_init();
  });
}

std::string meta(const llama_model* model, const std::string& key) {
  std::array<char, 256> text{};
  const int size = llama_model_meta_val_str(model, key.c_str(), text.data(), text.size());
  return size < 0 ? std::string() : std::string(text.data());
}

// 0: the file does not say.
std::uint64_t meta_number(const llama_model* model, const std::string& key) {
  const std::string text = meta(model, key);
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// A processor that lacks an instruction would end the process in the middle of a step.
Result<> check_processor() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("bmi2")) {
    return fail(unavailable("llama.cpp is built for processors with AVX2, FMA and BMI2"));
  }
#endif
  return {};
}

}  // namespace

std::uint64_t context_bytes_a_token(const AttentionFacts& a) {
  const std::uint64_t shared_out = a.embedding / std::max<std::uint64_t>(1, a.heads);
  const std::uint64_t key = a.key_length != 0 ? a.key_length : shared_out;
  const std::uint64_t value = a.value_length != 0 ? a.value_length : shared_out;
  return a.layers * a.kept_heads * (key + value) * sizeof(ggml_fp16_t);
}

Result<std::shared_ptr<const Weights>> Weights::load(const std::string& path, int gpu_layers,
                                                     WeightsPart part) {
  if (auto ok = check_processor(); !ok) return fail(ok.error());
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return fail(unavailable(formatted("there is no model file {}", path)));
  }
  begin();
  if (gpu_layers != 0 && !llama_supports_gpu_offload()) {
    return fail(unavailable(
        "gpu_layers: this build computes on the processor only, or found no GPU; leave it out, or "
        "build with -D SLUICE_CUDA=ON"));
  }
  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = gpu_layers;
  if (part == WeightsPart::kFacts) {
    params.no_alloc = true;
    params.load_mode = LLAMA_LOAD_MODE_NONE;
  }
  std::string reason;
  said = &reason;
  llama_model* model = llama_model_load_from_file(path.c_str(), params);
  said = nullptr;
  if (model == nullptr) {
    return fail(unavailable(formatted("{} is no model that llama.cpp can load: {}", path,
                                      reason.empty() ? "it does not say why" : reason)));
  }
  auto weights = std::shared_ptr<Weights>(new Weights(model));
  if (const auto at = std::filesystem::last_write_time(path, error); !error) {
    weights->facts_.modified =
        std::chrono::duration_cast<std::chrono::seconds>(
            std::chrono::clock_cast<std::chrono::system_clock>(at).time_since_epoch())
            .count();
  }
  return weights;
}

Weights::Weights(llama_model* model) : model_(model) {
  std::array<char, 256> text{};
  if (llama_model_desc(model, text.data(), text.size()) > 0) facts_.description = text.data();
  facts_.architecture = meta(model, "general.architecture");
  facts_.embedding = static_cast<std::uint32_t>(llama_model_n_embd(model));
  const auto count = [](std::int32_t n) { return static_cast<std::uint64_t>(std::max(0, n)); };
  const std::string attention = facts_.architecture + ".attention.";
  facts_.context_bytes_a_token = llama::context_bytes_a_token(
      {.layers = count(llama_model_n_layer(model)),
       .embedding = facts_.embedding,
       .heads = count(llama_model_n_head(model)),
       .kept_heads = count(llama_model_n_head_kv(model)),
       .key_length = meta_number(model, attention + "key_length"),
       .value_length = meta_number(model, attention + "value_length")});
  facts_.encodes = !meta(model, facts_.architecture + ".pooling_type").empty();
  facts_.quantization = llama_ftype_name(llama_model_ftype(model));
  const char* chat = llama_model_chat_template(model, nullptr);
  if (chat != nullptr) facts_.chat_template = chat;
  facts_.bytes = llama_model_size(model);
  facts_.parameters = llama_model_n_params(model);
  facts_.trained_context = static_cast<std::uint32_t>(llama_model_n_ctx_train(model));
}

Weights::~Weights() {
  llama_model_free(model_);
}

}  // namespace sluice::llama
