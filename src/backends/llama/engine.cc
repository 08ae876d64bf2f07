#include "backends/llama/engine.h"

#include <algorithm>
#include <utility>

#include "backends/llama/answer_text.h"
#include "base/format.h"

namespace sluice::llama {

struct Engine::Answering {
  std::shared_ptr<EngineCall> call;
  std::vector<Choice> choices;
  std::size_t open = 0;  // answers that are not whole yet
  bool prompt_done = false;
  Usage usage;
  TimePoint came{};
  TimePoint first{};  // token
};

struct Engine::Sequence {
  std::shared_ptr<Answering> of;
  std::uint32_t choice = 0;
  std::uint64_t order = 0;
  std::vector<Token> tokens;  // the prompt, then the answer
  std::uint32_t prompt = 0;   // how many are the prompt's
  std::uint32_t limit = 0;    // of all
  std::uint32_t fed = 0;      // how many the context holds
  std::optional<std::uint32_t> place;
  std::string parked;  // its state, while it has no place again
  std::unique_ptr<Sampler> sampler;
  AnswerText text;

  [[nodiscard]] bool has(const EngineCall& call) const { return of->call.get() == &call; }
  [[nodiscard]] std::uint32_t pending() const {
    return static_cast<std::uint32_t>(tokens.size()) - fed;
  }
};

Engine::Engine(EngineOptions options, std::unique_ptr<Context> context,
               std::unique_ptr<Prompter> prompter, const Clock& clock,
               std::function<void()> prepare_thread)
    : options_(std::move(options)),
      context_(std::move(context)),
      prompter_(std::move(prompter)),
      clock_(clock),
      driver_(options_.driver),
      places_(context_->sequences()),
      inbox_(std::make_shared<Inbox>(options_.call_limit)),
      thread_([this, prepare = std::move(prepare_thread)] {
        if (prepare) prepare();
        run();
      }) {}

Engine::~Engine() {
  inbox_->close();
  thread_.join();
}

void Engine::submit(std::shared_ptr<EngineCall> call) {
  Inbox::submit(inbox_, std::move(call), options_.model);
}

void Engine::run() {
  context_->bind();
  bool idle = true;
  for (;;) {
    if (idle ? !inbox_->wait([this] { context_->rest(); }) : inbox_->closed()) break;
    auto came = inbox_->take();
    for (auto& call : came) take_in(std::move(call));
    drop_stopped();
    const TimePoint now = clock_.now();
    seat(now);
    const StepPlan plan = driver_.plan(seated(), now);
    idle = plan.empty();
    if (!idle) step(plan);
  }
  const Error gone = unavailable(formatted("'{}' was unloaded", options_.model));
  while (!sequences_.empty()) {
    const AnsweringPtr of = sequences_.front()->of;
    finish(of, fail(gone));
  }
  inbox_->refuse_rest(gone);
}

void Engine::take_in(std::shared_ptr<EngineCall> call) {
  const TimePoint now = clock_.now();
  auto of = std::make_shared<Answering>();
  of->call = std::move(call);
  of->came = now;
  const GenerateRequest& request = of->call->request<GenerateRequest>();
  const auto refuse = [&](Error error) { finish(of, fail(std::move(error))); };
  if (of->call->stopped()) return refuse(cancelled("the caller went away"));
  auto prepared = prompter_->prepare(request);
  if (!prepared) return refuse(std::move(prepared.error()));
  const auto prompt = static_cast<std::uint32_t>(prepared->prompt.size());
  const std::uint32_t length = context_->length();
  std::uint32_t wanted = request.max_tokens.value_or(1);
  if (request.max_tokens_is_a_ceiling) wanted = std::min(wanted, 1U);
  if (prompt == 0) return refuse(invalid("the prompt is empty"));
  if (wanted > length || prompt > length - wanted) {
    return refuse(too_long_for_context(formatted(
        "the prompt has {} tokens and {} are to be generated, but '{}' has a context of {} tokens",
        prompt, wanted, options_.model, length)));
  }
  driver_.arrived(of->call->service_class(), now);
  of->usage.prompt_tokens = prompt;
  const auto answers = static_cast<std::uint32_t>(prepared->samplers.size());
  of->choices.resize(answers);
  of->open = answers;
  for (std::uint32_t choice = 0; choice < answers; ++choice) {
    auto sequence = std::make_unique<Sequence>();
    sequence->of = of;
    sequence->choice = choice;
    sequence->order = arrivals_++;
    sequence->tokens = prepared->prompt;
    sequence->prompt = prompt;
    sequence->limit = prompt + std::min(request.max_tokens.value_or(length), length - prompt);
    sequence->sampler = std::move(prepared->samplers[choice]);
    sequence->text = AnswerText(prepared->stop, prepared->read, request.stream);
    sequences_.push_back(std::move(sequence));
  }
  if (request.max_tokens == 0U) {
    for (Choice& choice : of->choices) choice.finish = FinishReason::kLength;
    finish(of, GenerateResponse{.model = options_.model,
                                .choices = std::move(of->choices),
                                .usage = of->usage,
                                .times = {}});
  }
}

void Engine::drop_stopped() {
  for (std::size_t i = 0; i < sequences_.size();) {
    if (!sequences_[i]->of->call->stopped()) {
      ++i;
      continue;
    }
    const AnsweringPtr of = sequences_[i]->of;
    finish(of, fail(cancelled("the caller went away")));
    i = 0;
  }
}

// The further answers to a call wait until its prompt has been computed for the first.
bool Engine::may_have_place(const Sequence& sequence, ServiceClass turn) const {
  return !sequence.place && sequence.of->call->service_class() == turn &&
         (sequence.choice == 0 || sequence.of->prompt_done);
}

// Realtime first, each class in the order of arrival.
void Engine::seat(TimePoint now) {
  if (driver_.next_place_for(seated()) == ServiceClass::kBestEffort && places_.any_free()) {
    const auto first = std::ranges::find_if(sequences_, [this](const auto& one) {
      return may_have_place(*one, ServiceClass::kBestEffort);
    });
    if (first != sequences_.end()) seat(**first);
  }
  for (const ServiceClass turn : {ServiceClass::kRealtime, ServiceClass::kBestEffort}) {
    for (const auto& sequence : sequences_) {
      if (!may_have_place(*sequence, turn)) continue;
      if (!places_.any_free() && !(turn == ServiceClass::kRealtime && make_room(now))) return;
      seat(*sequence);
    }
  }
}

bool Engine::seat(Sequence& sequence) {
  const std::span<const Token> held(sequence.tokens.data(),
                                    sequence.parked.empty() ? sequence.prompt : sequence.fed);
  const auto found = places_.take(sequence.of->call->tenant(), held);
  if (!found) return false;
  sequence.place = found->sequence;
  if (!sequence.parked.empty()) {
    context_->truncate(found->sequence, 0);
    places_.truncate(found->sequence, 0);
    if (context_->restore(found->sequence, std::exchange(sequence.parked, {}))) {
      places_.append(found->sequence, held);
      return true;
    }
    sequence.fed = 0;  // computed again
    return true;
  }
  if (found->copy_from) context_->copy(*found->copy_from, found->sequence);
  context_->truncate(found->sequence, found->reused);
  // Not every kind of model can forget its end alone.
  if (context_->kept(found->sequence) != found->reused) {
    context_->truncate(found->sequence, 0);
    places_.truncate(found->sequence, 0);
    return true;
  }
  sequence.fed = found->reused;
  if (sequence.choice == 0) sequence.of->usage.cached_tokens = found->reused;
  return true;
}

// Realtime has no place: best effort gives one up, with its state kept aside.
bool Engine::make_room(TimePoint now) {
  if (!options_.driver.shared) return false;
  const auto id = driver_.to_park(seated(), now);
  if (!id) return false;
  Sequence& sequence = *sequences_[*id];
  std::string state = context_->save(*sequence.place);
  if (state.empty()) return false;
  context_->truncate(*sequence.place, 0);
  places_.truncate(*sequence.place, 0);
  places_.leave(*sequence.place);
  sequence.parked = std::move(state);
  sequence.place.reset();
  return true;
}

std::vector<SequenceView> Engine::seated() const {
  std::vector<SequenceView> views;
  for (std::size_t i = 0; i < sequences_.size(); ++i) {
    const Sequence& sequence = *sequences_[i];
    if (!sequence.place) continue;
    const bool decodes = sequence.tokens.size() > sequence.prompt && sequence.pending() == 1;
    views.push_back({.id = static_cast<std::uint32_t>(i),
                     .service_class = sequence.of->call->service_class(),
                     .prompt_left = decodes ? 0 : sequence.pending(),
                     .position = sequence.fed,
                     .order = sequence.order});
  }
  return views;
}

void Engine::step(const StepPlan& plan) {
  std::vector<StepPart> parts;
  parts.reserve(plan.work.size());
  bool best_effort_waits = false;
  for (const auto& sequence : sequences_) {
    best_effort_waits |= sequence->of->call->service_class() == ServiceClass::kBestEffort;
  }
  Inbox::StepShares shares;
  for (const StepPlan::Work& work : plan.work) {
    const Sequence& sequence = *sequences_[work.id];
    parts.push_back({.sequence = *sequence.place,
                     .position = sequence.fed,
                     .tokens = std::span(sequence.tokens).subspan(sequence.fed, work.tokens),
                     .wants_next = work.tokens == sequence.pending()});
    shares.emplace_back(sequence.of->call.get(), work.tokens);
  }
  inbox_->begin_step(shares);
  const TimePoint before = clock_.now();
  const auto done = context_->decode(parts, inbox_->stop_step());
  const Duration took = clock_.now() - before;
  inbox_->end_step();
  // Ending a call moves the others, so they are named by themselves and not by their number.
  std::vector<Sequence*> worked;
  worked.reserve(plan.work.size());
  for (const StepPlan::Work& work : plan.work) worked.push_back(sequences_[work.id].get());
  if (!done) {
    driver_.broke_off(plan, took, best_effort_waits);
    return failed(worked, done.error());
  }
  driver_.stepped(plan, took, best_effort_waits);
  count(plan, took);
  for (std::size_t i = 0; i < worked.size(); ++i) {
    Sequence& sequence = *worked[i];
    places_.append(*sequence.place, parts[i].tokens);
    sequence.fed += static_cast<std::uint32_t>(parts[i].tokens.size());
  }
  // All are sampled before any is told: what a call does at its end may move the others.
  std::vector<std::pair<Sequence*, Result<Sampled>>> next;
  for (std::size_t i = 0; i < worked.size(); ++i) {
    if (!parts[i].wants_next) continue;
    next.emplace_back(worked[i], context_->sample(*worked[i]->sampler, i));
  }
  for (auto& [sequence, token] : next) {
    const bool there =
        std::ranges::any_of(sequences_, [s = sequence](const auto& one) { return one.get() == s; });
    if (!there) continue;
    if (token) {
      sampled(*sequence, std::move(*token));
    } else {
      finish(AnsweringPtr(sequence->of), fail(std::move(token.error())));
    }
  }
}

void Engine::count(const StepPlan& plan, Duration took) const {
  const auto of = [this](ServiceClass c) -> const telemetry::EngineMetrics& {
    return options_.metrics[static_cast<std::size_t>(c)];
  };
  for (const StepPlan::Work& work : plan.work) {
    const Sequence& sequence = *sequences_[work.id];
    const telemetry::EngineMetrics& metrics = of(sequence.of->call->service_class());
    const bool decoded = sequence.fed >= sequence.prompt;
    (decoded ? metrics.completion_tokens : metrics.prompt_tokens).add(work.tokens);
  }
  of(plan.realtime ? ServiceClass::kRealtime : ServiceClass::kBestEffort).step.record(took);
}

// The step ended before its time: the context kept some of it.
void Engine::failed(const std::vector<Sequence*>& worked, const Error& error) {
  for (Sequence* sequence : worked) {
    const auto all = static_cast<std::uint32_t>(sequence->tokens.size());
    // The last token is computed again in any case: its logits are gone.
    const std::uint32_t kept = std::min(context_->kept(*sequence->place), all - 1);
    context_->truncate(*sequence->place, kept);
    places_.truncate(*sequence->place, kept);
    if (kept > sequence->fed) {
      places_.append(*sequence->place,
                     std::span(sequence->tokens).subspan(sequence->fed, kept - sequence->fed));
    }
    sequence->fed = kept;
  }
  if (error.code == ErrorCode::kCancelled) return;
  std::vector<AnsweringPtr> calls;
  for (const Sequence* sequence : worked) {
    if (std::ranges::find(calls, sequence->of) == calls.end()) calls.push_back(sequence->of);
  }
  for (const AnsweringPtr& of : calls) finish(of, fail(error));
}

void Engine::sampled(Sequence& sequence, Sampled next) {
  const TimePoint now = clock_.now();
  Answering& of = *sequence.of;
  of.prompt_done = true;
  if (of.first == TimePoint{}) of.first = now;
  ++of.usage.completion_tokens;
  if (next.end) return close(sequence, FinishReason::kStop);
  sequence.tokens.push_back(next.token);
  tell(sequence, sequence.text.push(next.piece, std::move(next.logprob)));
  if (sequence.text.stopped()) return close(sequence, FinishReason::kStop);
  if (sequence.tokens.size() >= sequence.limit) return close(sequence, FinishReason::kLength);
}

void Engine::tell(const Sequence& sequence, std::vector<TextPart> parts) {
  for (TextPart& part : parts) {
    part.choice = sequence.choice;
    sequence.of->call->part(std::move(part));
  }
}

void Engine::close(Sequence& sequence, FinishReason finish_reason) {
  const AnsweringPtr of = sequence.of;
  tell(sequence, sequence.text.finish());
  Choice& choice = of->choices[sequence.choice];
  choice = sequence.text.take();
  choice.finish = finish_reason;
  if (!choice.tool_calls.empty() && finish_reason == FinishReason::kStop) {
    choice.finish = FinishReason::kToolCalls;
  }
  remove(sequence);
  if (--of->open != 0) return;
  finish(of, GenerateResponse{.model = options_.model,
                              .choices = std::move(of->choices),
                              .usage = of->usage,
                              .times = {.load = {},
                                        .prompt = of->first - of->came,
                                        .decode = clock_.now() - of->first}});
}

void Engine::remove(Sequence& sequence) {
  if (sequence.place) places_.leave(*sequence.place);
  std::erase_if(sequences_, [&](const auto& one) { return one.get() == &sequence; });
}

void Engine::finish(const AnsweringPtr& of, Result<Response> result) {
  for (std::size_t i = 0; i < sequences_.size();) {
    if (sequences_[i]->of == of) {
      remove(*sequences_[i]);
    } else {
      ++i;
    }
  }
  inbox_->done();
  of->call->end(std::move(result), of->first, clock_.now());
}

}  // namespace sluice::llama
