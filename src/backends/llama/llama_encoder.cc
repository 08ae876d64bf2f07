#include <llama.h>

#include <algorithm>
#include <cstdlib>

#include "backends/llama/encoder.h"
#include "backends/llama/thread_pool.h"
#include "base/format.h"
#include "inference/unit_vector.h"

namespace sluice::llama {

namespace {

class LlamaEncoder final : public Encoder {
 public:
  LlamaEncoder(std::shared_ptr<const Weights> weights, llama_context* context,
               const EncoderOptions& options)
      : weights_(std::move(weights)),
        options_(options),
        context_(context),
        vocab_(llama_model_get_vocab(weights_->get())),
        batch_(llama_batch_init(static_cast<int>(options.batch_tokens), 0, 1)) {
    llama_set_abort_callback(context, &LlamaEncoder::wants_abort, this);
  }
  ~LlamaEncoder() override {
    context_.reset();
    llama_batch_free(batch_);
  }

  void bind() override {
    pool_.start(context_.get(), options_.threads, options_.role, options_.crowd);
  }
  void rest() override { pool_.rest(); }

  [[nodiscard]] std::uint32_t length() const override {
    return std::min(weights_->facts().trained_context, options_.batch_tokens);
  }
  [[nodiscard]] std::uint32_t batch_tokens() const override { return options_.batch_tokens; }
  [[nodiscard]] std::uint32_t batch_texts() const override { return options_.batch_texts; }

  [[nodiscard]] std::vector<Token> tokenize(const std::string& text) const override {
    std::vector<Token> tokens(text.size() + 8);
    for (;;) {
      const int count = llama_tokenize(vocab_, text.data(), static_cast<int>(text.size()),
                                       tokens.data(), static_cast<int>(tokens.size()), true, false);
      tokens.resize(static_cast<std::size_t>(std::abs(count)));
      if (count >= 0) return tokens;
    }
  }
  void truncate(std::vector<Token>& tokens) const override {
    if (tokens.size() <= length()) return;
    const Token last = tokens.back();
    tokens.resize(length());
    tokens.back() = last;
  }

  Result<std::vector<std::vector<float>>> encode(std::span<const std::vector<Token>* const> texts,
                                                 const std::atomic<bool>& stop) override {
    batch_.n_tokens = 0;
    for (std::size_t text = 0; text < texts.size(); ++text) {
      for (std::size_t i = 0; i < texts[text]->size(); ++i) {
        const int at = batch_.n_tokens++;
        batch_.token[at] = (*texts[text])[i];
        batch_.pos[at] = static_cast<llama_pos>(i);
        batch_.n_seq_id[at] = 1;
        batch_.seq_id[at][0] = static_cast<llama_seq_id>(text);
        batch_.logits[at] = 1;
      }
    }
    if (llama_memory_t memory = llama_get_memory(context_.get())) llama_memory_clear(memory, true);
    stop_ = &stop;
    pool_.begin_step();
    const int status = llama_model_has_decoder(weights_->get())
                           ? llama_decode(context_.get(), batch_)
                           : llama_encode(context_.get(), batch_);
    stop_ = nullptr;
    if (status == 2) return fail(cancelled("the batch was given up"));
    if (status != 0) {
      return fail(internal(formatted("llama.cpp could not encode (status {})", status)));
    }
    const auto width = static_cast<std::size_t>(llama_model_n_embd(weights_->get()));
    std::vector<std::vector<float>> vectors;
    for (std::size_t text = 0; text < texts.size(); ++text) {
      const float* values =
          llama_get_embeddings_seq(context_.get(), static_cast<llama_seq_id>(text));
      if (values == nullptr) return fail(internal("the model gives no vector for a whole text"));
      vectors.emplace_back(values, values + width);
      make_unit(vectors.back());
    }
    return vectors;
  }

 private:
  static bool wants_abort(void* self) {
    const auto* stop = static_cast<LlamaEncoder*>(self)->stop_;
    return stop != nullptr && stop->load(std::memory_order_relaxed);
  }

  const std::shared_ptr<const Weights> weights_;
  const EncoderOptions options_;
  ThreadPool pool_;
  ContextHandle context_;
  const llama_vocab* const vocab_;
  llama_batch batch_;
  const std::atomic<bool>* stop_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Encoder>> open_encoder(std::shared_ptr<const Weights> weights,
                                              const EncoderOptions& options) {
  EncoderOptions own = options;
  own.threads = threads_or_all(own.threads);
  llama_context_params params = llama_context_default_params();
  params.n_ctx = own.batch_tokens;
  params.n_batch = own.batch_tokens;
  params.n_ubatch = own.batch_tokens;  // attention is over whole texts, so none may be cut
  params.n_seq_max = own.batch_texts;
  params.kv_unified = true;
  params.n_threads = static_cast<int>(own.threads);
  params.n_threads_batch = static_cast<int>(own.threads);
  params.embeddings = true;
  params.no_perf = true;
  llama_context* context = llama_init_from_model(weights->get(), params);
  if (context == nullptr) {
    return fail(unavailable("there is no memory for the context of the encoder"));
  }
  if (llama_pooling_type(context) == LLAMA_POOLING_TYPE_NONE) {
    llama_free(context);
    return fail(invalid("this model has vectors for tokens alone, not for texts"));
  }
  return std::make_unique<LlamaEncoder>(std::move(weights), context, own);
}

}  // namespace sluice::llama
