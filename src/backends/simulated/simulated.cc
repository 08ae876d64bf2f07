#include "backends/simulated/simulated.h"

#include <utility>

#include "backends/simulated/plan.h"
#include "base/format.h"

namespace sluice::simulated {

namespace {

// What stands in an answer's logprobs: the truth is that there was no choice.
constexpr double kLogprob = -0.25;

TokenLogprob logprob_of(const std::string& piece, std::uint32_t alternatives) {
  TokenLogprob token{piece, kLogprob, {}};
  for (std::uint32_t i = 0; i < alternatives; ++i) {
    token.top.emplace_back(i == 0 ? piece : formatted(" other{}", i), kLogprob * (i + 1));
  }
  return token;
}

// One call, from start() to its result; on its home thread. Its timers hold shares of it.
class Run final : public Cancellable, public std::enable_shared_from_this<Run> {
 public:
  Run(const Call& call, RequestPtr request, Sink& sink, const SimulatedOptions& options,
      std::string model)
      : home_(*call.home),
        deadline_(call.deadline),
        times_(call.times),
        request_(std::move(request)),
        sink_(&sink),
        options_(options),
        model_(std::move(model)) {}

  void begin() {
    if (const auto* generate = std::get_if<GenerateRequest>(request_.get())) {
      auto plan = make_plan(*generate, options_);
      if (!plan) return finish(fail(plan.error()));
      plan_ = std::move(*plan);
    } else {
      for (const std::string& text : std::get<EmbedRequest>(*request_).inputs) {
        plan_.prompt_tokens += static_cast<std::uint32_t>(tokens_of(text).size());
      }
    }
    if (deadline_.passed(home_.now())) return finish(fail(timed_out("the deadline has passed")));
    if (!deadline_.is_never()) {
      deadline_timer_ = home_.run_at(deadline_.at(), [self = shared_from_this()] {
        self->finish(fail(timed_out("the deadline passed")));
      });
    }
    started_ = home_.now();
    if (times_ != nullptr && times_->started == TimePoint{}) times_->started = started_;
    first_due_ = started_ + options_.prompt_time * plan_.prompt_tokens;
    wait();
  }

  void cancel() override { finish(fail(cancelled("the call was cancelled"))); }

 private:
  [[nodiscard]] TimePoint due() const { return first_due_ + options_.token_time * next_; }

  void wait() {
    if (options_.stall_at && next_ >= *options_.stall_at) return;
    timer_ = home_.run_at(due(), [self = shared_from_this()] { self->step(); });
  }

  // All that is due by now, so that a late timer does not slow it down.
  void step() {
    const TimePoint now = home_.now();
    while (sink_ != nullptr && due() <= now) {
      if (options_.stall_at && next_ >= *options_.stall_at) return;
      if (options_.fail_at && next_ >= *options_.fail_at) {
        return finish(fail(unavailable(formatted("told to fail at token {}", next_))));
      }
      if (next_ == 0) first_ = now;
      last_ = now;
      if (next_ >= plan_.pieces.size()) return finish(answer());
      give(plan_.pieces[next_++]);
      if (next_ == plan_.pieces.size() && sink_ != nullptr && !fault_ahead()) {
        return finish(answer());
      }
    }
    if (sink_ != nullptr) wait();
  }
  [[nodiscard]] bool fault_ahead() const {
    return options_.fail_at == next_ || options_.stall_at == next_;
  }

  void give(const std::string& piece) {
    if (next_ == 1 && times_ != nullptr) times_->first = first_;
    const auto& asked = std::get<GenerateRequest>(*request_);
    if (!asked.stream) return;
    for (std::uint32_t choice = 0; choice < asked.choices && sink_ != nullptr; ++choice) {
      TextPart part{
          .choice = choice, .text = piece, .logprobs = {}, .reasoning = next_ <= plan_.thoughts};
      if (asked.logprobs) part.logprobs.push_back(logprob_of(piece, *asked.logprobs));
      sink_->on_part(std::move(part));
    }
  }

  [[nodiscard]] EngineTimes engine_times() const {
    return {.load = {}, .prompt = first_ - started_, .decode = last_ - first_};
  }

  [[nodiscard]] Response answer() const {
    if (const auto* texts = std::get_if<EmbedRequest>(request_.get())) {
      EmbedResponse response{.model = model_,
                             .vectors = {},
                             .prompt_tokens = plan_.prompt_tokens,
                             .times = engine_times()};
      for (const std::string& text : texts->inputs) {
        response.vectors.push_back(embed(text, options_.dimensions));
      }
      return response;
    }
    const auto& asked = std::get<GenerateRequest>(*request_);
    Choice choice{.text = {}, .tool_calls = plan_.calls, .finish = plan_.finish, .logprobs = {}};
    for (std::size_t i = 0; i < plan_.pieces.size(); ++i) {
      const std::string& piece = plan_.pieces[i];
      (i < plan_.thoughts ? choice.reasoning : choice.text) += piece;
      if (asked.logprobs) choice.logprobs.push_back(logprob_of(piece, *asked.logprobs));
    }
    const auto tokens = static_cast<std::uint32_t>(plan_.pieces.size());
    return GenerateResponse{.model = model_,
                            .choices = std::vector<Choice>(asked.choices, choice),
                            .usage = {.prompt_tokens = plan_.prompt_tokens,
                                      .cached_tokens = 0,
                                      .completion_tokens = tokens * asked.choices},
                            .times = engine_times()};
  }

  void finish(Result<Response> result) {
    Sink* sink = std::exchange(sink_, nullptr);
    if (sink == nullptr) return;
    const auto self = shared_from_this();  // the timers' shares go
    home_.cancel(timer_);
    home_.cancel(deadline_timer_);
    if (times_ != nullptr) times_->ran = home_.now();
    times_ = nullptr;
    sink->on_result(std::move(result));
  }

  Executor& home_;
  const Deadline deadline_;
  CallTimes* times_;
  RequestPtr request_;
  Sink* sink_;  // null once it has its result
  const SimulatedOptions options_;
  const std::string model_;
  Plan plan_;
  std::size_t next_ = 0;  // the next piece
  TimePoint started_{};
  TimePoint first_due_{};
  TimePoint first_{};
  TimePoint last_{};
  TimerId timer_ = 0;
  TimerId deadline_timer_ = 0;
};

}  // namespace

Simulated::Simulated(std::string name, SimulatedOptions options)
    : description_{.name = std::move(name),
                   .takes = options.dimensions > 0 ? RequestKind::kEmbed : RequestKind::kGenerate,
                   .platform = "simulated",
                   .version = "1",
                   .inputs = {},
                   .outputs = {},
                   .members = {},
                   .properties = {{"architecture", std::string("simulated")},
                                  {"context", static_cast<std::int64_t>(options.context)}}},
      options_(options) {}

Simulated::~Simulated() = default;

Placement Simulated::placement(const Request&) const {
  return {Placement::Where::kPooled, {}};
}

CancelHandle Simulated::start(const Call& call, RequestPtr request, Sink& sink) {
  if (auto kind = check_kind(description_, kind_of(*request)); !kind) {
    sink.on_result(fail(kind.error()));
    return {};
  }
  auto run = std::make_shared<Run>(call, std::move(request), sink, options_, description_.name);
  run->begin();
  return CancelHandle(std::move(run));
}

}  // namespace sluice::simulated
