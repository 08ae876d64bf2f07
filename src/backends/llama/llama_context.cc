#include "backends/llama/llama_context.h"

#include <llama.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "backends/llama/llama_sampler.h"
#include "backends/llama/thread_pool.h"
#include "base/format.h"

namespace sluice::llama {

namespace {

// The logarithm of the sum of exponentials, for probabilities out of logits.
double log_sum(std::span<const float> logits) {
  const double most = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - most);
  return most + std::log(sum);
}

class LlamaContext final : public Context {
 public:
  LlamaContext(std::shared_ptr<const Weights> weights, llama_context* context,
               const ContextOptions& options)
      : weights_(std::move(weights)),
        options_(options),
        context_(context),
        memory_(llama_get_memory(context)),
        vocab_(llama_model_get_vocab(weights_->get())),
        length_(llama_n_ctx_seq(context)),
        batch_(llama_batch_init(static_cast<int>(options.step_tokens), 0, 1)) {
    llama_set_abort_callback(context, &LlamaContext::wants_abort, this);
  }
  ~LlamaContext() override {
    context_.reset();
    llama_batch_free(batch_);
  }

  void bind() override {
    pool_.start(context_.get(), options_.threads, options_.role, options_.crowd);
  }

  [[nodiscard]] std::uint32_t sequences() const override { return options_.sequences; }
  [[nodiscard]] std::uint32_t length() const override { return length_; }

  Result<> decode(std::span<const StepPart> parts, const std::atomic<bool>& stop) override {
    stop_ = &stop;
    batch_.n_tokens = 0;
    ends_.clear();
    for (const StepPart& part : parts) {
      for (std::size_t i = 0; i < part.tokens.size(); ++i) {
        const int at = batch_.n_tokens++;
        batch_.token[at] = part.tokens[i];
        batch_.pos[at] = static_cast<llama_pos>(part.position + i);
        batch_.n_seq_id[at] = 1;
        batch_.seq_id[at][0] = static_cast<llama_seq_id>(part.sequence);
        batch_.logits[at] =
            static_cast<std::int8_t>(part.wants_next && i + 1 == part.tokens.size());
      }
      ends_.push_back(batch_.n_tokens - 1);
    }
    pool_.begin_step();
    const int status = llama_decode(context_.get(), batch_);
    stop_ = nullptr;
    if (status == 0) return {};
    if (status == 2) return fail(cancelled("the step was given up"));
    if (status == 1) return fail(internal("the context had no room for a step"));
    return fail(internal(formatted("llama.cpp could not make a step (status {})", status)));
  }

  [[nodiscard]] std::uint32_t kept(std::uint32_t sequence) const override {
    return static_cast<std::uint32_t>(llama_memory_seq_pos_max(memory_, id(sequence)) + 1);
  }
  void truncate(std::uint32_t sequence, std::uint32_t position) override {
    llama_memory_seq_rm(memory_, id(sequence), static_cast<llama_pos>(position), -1);
  }
  void copy(std::uint32_t from, std::uint32_t to) override {
    llama_memory_seq_rm(memory_, id(to), -1, -1);
    llama_memory_seq_cp(memory_, id(from), id(to), -1, -1);
  }
  std::string save(std::uint32_t sequence) override {
    std::string state(llama_state_seq_get_size(context_.get(), id(sequence)), '\0');
    const std::size_t size = llama_state_seq_get_data(
        context_.get(), reinterpret_cast<std::uint8_t*>(state.data()), state.size(), id(sequence));
    state.resize(size);
    return state;
  }
  bool restore(std::uint32_t sequence, const std::string& state) override {
    return llama_state_seq_set_data(context_.get(),
                                    reinterpret_cast<const std::uint8_t*>(state.data()),
                                    state.size(), id(sequence)) != 0;
  }

  Result<Sampled> sample(Sampler& sampler, std::size_t part) override {
    auto& own = static_cast<LlamaSampler&>(sampler);
    const int at = ends_[part];
    llama_token token = LLAMA_TOKEN_NULL;
    try {
      token = common_sampler_sample(own.chain.get(), context_.get(), at);
      // A token that the grammar forbids would end the process when the grammar is told of it.
      if (!is_possible(*common_sampler_get_candidates(own.chain.get(), false))) {
        return fail(invalid("the grammar allows nothing that the model can write here"));
      }
      common_sampler_accept(own.chain.get(), token, true);
    } catch (const std::exception& e) {
      return fail(invalid(formatted("the grammar cannot be kept: {}", e.what())));
    }
    Sampled sampled{.token = token, .end = llama_vocab_is_eog(vocab_, token)};
    if (sampled.end) return sampled;
    sampled.piece = piece(token);
    if (own.logprobs) sampled.logprob = logprob(at, token, *own.logprobs);
    return sampled;
  }

  void rest() override { pool_.rest(); }

 private:
  static bool is_possible(const llama_token_data_array& candidates) {
    if (candidates.selected < 0) return false;
    return candidates.data[candidates.selected].logit > -std::numeric_limits<float>::infinity();
  }
  static llama_seq_id id(std::uint32_t sequence) { return static_cast<llama_seq_id>(sequence); }
  static bool wants_abort(void* self) {
    const auto* stop = static_cast<LlamaContext*>(self)->stop_;
    return stop != nullptr && stop->load(std::memory_order_relaxed);
  }

  [[nodiscard]] std::string piece(llama_token token) const {
    std::string text(32, '\0');
    for (;;) {
      const int size =
          llama_token_to_piece(vocab_, token, text.data(), static_cast<int>(text.size()), 0, false);
      if (size >= 0) {
        text.resize(static_cast<std::size_t>(size));
        return text;
      }
      text.resize(static_cast<std::size_t>(-size));
    }
  }

  // Of the model as it is, before temperature and the like.
  [[nodiscard]] TokenLogprob logprob(int at, llama_token token, std::uint32_t top) const {
    const std::span<const float> logits(llama_get_logits_ith(context_.get(), at),
                                        static_cast<std::size_t>(llama_vocab_n_tokens(vocab_)));
    const double all = log_sum(logits);
    TokenLogprob out{
        .token = piece(token), .logprob = logits[static_cast<std::size_t>(token)] - all, .top = {}};
    if (top == 0) return out;
    std::vector<llama_token> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const auto end = order.begin() + std::min<std::ptrdiff_t>(top, std::ssize(order));
    std::ranges::partial_sort(order, end, std::greater(),
                              [&](llama_token t) { return logits[static_cast<std::size_t>(t)]; });
    for (auto it = order.begin(); it != end; ++it) {
      out.top.emplace_back(piece(*it), logits[static_cast<std::size_t>(*it)] - all);
    }
    return out;
  }

  const std::shared_ptr<const Weights> weights_;
  const ContextOptions options_;
  ThreadPool pool_;
  ContextHandle context_;
  llama_memory_t const memory_;
  const llama_vocab* const vocab_;
  const std::uint32_t length_;
  llama_batch batch_;
  std::vector<int> ends_;  // where each part of the last step ends in the batch
  const std::atomic<bool>* stop_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Context>> open_context(std::shared_ptr<const Weights> weights,
                                              const ContextOptions& options) {
  ContextOptions own = options;
  own.threads = threads_or_all(own.threads);
  llama_context_params params = llama_context_default_params();
  params.n_seq_max = own.sequences;
  params.n_ctx = own.length * own.sequences;
  params.n_batch = own.step_tokens;
  params.n_ubatch = own.step_tokens;
  params.n_threads = static_cast<int>(own.threads);
  params.n_threads_batch = static_cast<int>(own.threads);
  params.no_perf = true;
  llama_context* context = llama_init_from_model(weights->get(), params);
  if (context == nullptr) {
    return fail(unavailable(formatted(
        "there is no memory for a context of {} sequences of {} tokens; lower 'context' or "
        "'sequences'",
        own.sequences, own.length)));
  }
  return std::make_unique<LlamaContext>(std::move(weights), context, own);
}

}  // namespace sluice::llama
