// Thousands of ensembles with members that answer, fail, dawdle and ignore being told to stop, each
// from a seed: what must hold of every call holds of all of these.
#include <gtest/gtest.h>

#include <map>

#include "base/format.h"
#include "base/random.h"
#include "base/testing_seeds.h"
#include "gateway/testing_ensemble.h"

namespace sluice::gateway {
namespace {

using namespace gateway::testing;

using sluice::testing::kSeeds;
constexpr auto kEnd = std::chrono::seconds(10);  // when all has come to rest

// What all of one seed's members write into.
struct Events {
  TestSink& sink;
  HomeClock& clock;
  int open = 0;  // started, and not yet reported
};

// Decides at its making how it will behave in the one call that it gets.
class SimulatedMember final : public Callable {
 public:
  SimulatedMember(std::string name, Random& random, Events& events) : events_(events) {
    description_ = {.name = std::move(name),
                    .inputs = {{"x", DataType::kFp32, {-1, 2}}},
                    .outputs = {{"y", DataType::kFp32, {-1, 2}}}};
    placed_.where = static_cast<Placement::Where>(random.below(3));
    placed_.estimate = random.below(80) * kUs;
    delay_ = random.below(30) * kMs / 4;
    inline_time_ = random.below(8) == 0 ? delay_ : Duration(placed_.estimate);
    stop_ = static_cast<Stop>(random.below(3));
    stop_delay_ = random.below(20) * kMs;
    constexpr ErrorCode kCodes[] = {ErrorCode::kUnavailable, ErrorCode::kInvalid,
                                    ErrorCode::kTimeout};
    if (random.below(3) == 0) error_ = kCodes[random.below(3)];
  }

  [[nodiscard]] const Description& describe() const override { return description_; }
  [[nodiscard]] Placement placement(const Request&) const override { return placed_; }

  CancelHandle start(const Call& call, RequestPtr request, Sink& sink) override {
    ++starts;
    started_late = call.deadline.passed(events_.clock.now());
    started_after_the_answer = events_.sink.done();
    if (call.may_run_inline && placed_.where == Placement::Where::kInline) {
      events_.clock.taken += inline_time_;
      answered = !error_;
      sink.on_result(result());
      return {};
    }
    ++events_.open;
    auto running = std::make_shared<Running>(*this, std::move(request), sink, *call.home);
    running->report_after(delay_);
    return CancelHandle(running);
  }

  int starts = 0;
  bool answered = false;  // before the ensemble did
  bool started_late = false;
  bool started_after_the_answer = false;

 private:
  enum class Stop : std::uint8_t { kAtOnce, kLater, kNever };

  struct Running final : Cancellable, std::enable_shared_from_this<Running> {
    Running(SimulatedMember& m, RequestPtr r, Sink& s, Executor& h)
        : member(m), request(std::move(r)), sink(&s), home(h) {}
    void report_after(Duration wait) {
      home.run_at(home.now() + wait,
                  [self = shared_from_this()] { self->report(self->member.result()); });
    }
    void cancel() override {
      if (member.stop_ == Stop::kAtOnce) report(fail(cancelled("stopped")));
      if (member.stop_ == Stop::kLater) report_after(member.stop_delay_);
    }
    void report(Result<Response> result) {
      if (sink == nullptr) return;
      --member.events_.open;
      member.answered = result.has_value() && !member.events_.sink.done();
      std::exchange(sink, nullptr)->on_result(std::move(result));
    }
    SimulatedMember& member;
    RequestPtr request;
    Sink* sink;
    Executor& home;
  };

  Result<Response> result() const {
    if (error_) return fail(*error_, "simulated");
    return good();
  }

  Events& events_;
  Description description_;
  Placement placed_;
  Duration delay_{}, inline_time_{}, stop_delay_{};
  Stop stop_ = Stop::kAtOnce;
  std::optional<ErrorCode> error_;
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed) {
    std::vector<EnsembleMember> members;
    const std::size_t count = 1 + random_.below(6);
    for (std::size_t i = 0; i < count; ++i) members.push_back(member(formatted("m{}", i)));
    // Half of them in an ensemble of their own, now and then.
    if (count > 3 && random_.below(4) == 0) {
      std::vector<EnsembleMember> inner(members.begin() + 2, members.end());
      members.resize(2);
      members.push_back(
          {"inner", std::make_shared<Ensemble>("inner", std::move(inner),
                                               EnsembleOptions{.deadline = wait()}, clock_)});
    }
    quorum_ = 1 + random_.below(members.size());
    names_ = members;
    deadline_ = wait();
    ensemble_ = std::make_unique<Ensemble>(
        "all", std::move(members), EnsembleOptions{.deadline = deadline_, .quorum = quorum_},
        clock_);
  }

  void run() {
    auto request = input_x();
    const std::weak_ptr<const Request> alive = request;
    Call call{.home = &home_, .may_run_inline = random_.below(4) != 0};
    if (random_.below(3) == 0) call.deadline = Deadline::after(home_.now(), wait());
    if (random_.below(20) == 0) call.deadline = Deadline(home_.now());
    const TimePoint latest = call.deadline.earlier(Deadline::after(home_.now(), deadline_)).at();
    CancelHandle handle = ensemble_->start(call, std::move(request), sink_);
    const bool gives_up = random_.below(4) == 0;
    if (gives_up) {
      home_.advance(random_.below(10) * kMs);
      gave_up_in_time_ = !sink_.done();
      if (gave_up_in_time_) handle.cancel();
    }
    if (random_.below(2) == 0) ensemble_ = nullptr;
    if (home_.now() < latest) home_.advance(latest - home_.now());
    EXPECT_EQ(sink_.results.size(), 1U) << "one result, by the deadline";
    handle.release();
    home_.advance(kEnd);

    ASSERT_EQ(sink_.results.size(), 1U) << "and never another";
    EXPECT_EQ(events_.open, 0) << "every member that was started has reported";
    EXPECT_EQ(home_.pending_timers(), 0U);
    EXPECT_TRUE(alive.expired()) << "nothing of the call is kept";
    for (const auto& member : simulated_) {
      EXPECT_LE(member->starts, 1);
      EXPECT_FALSE(member->started_late);
      EXPECT_FALSE(member->started_after_the_answer);
    }
    check_result(sink_.results[0]);
  }

 private:
  Duration wait() { return (1 + random_.below(12)) * kMs; }
  EnsembleMember member(const std::string& name) {
    simulated_.push_back(std::make_shared<SimulatedMember>(name, random_, events_));
    return {name, simulated_.back()};
  }

  void check_result(const Result<InferResponse>& result) {
    EXPECT_EQ(gave_up_in_time_, !result && result.error().code == ErrorCode::kCancelled);
    if (gave_up_in_time_) return;
    if (!result) {
      EXPECT_LT(answered(nullptr), quorum_) << result.error().message;
      return;
    }
    EXPECT_GE(answered(&*result), quorum_);
  }

  // How many members answered in time; with a response, each must be there once: by its outputs or
  // by its error.
  std::size_t answered(const InferResponse* response) {
    std::size_t count = 0;
    for (const EnsembleMember& m : names_) {
      const auto it =
          std::ranges::find(simulated_, m.callable, [](const auto& s) -> CallablePtr { return s; });
      const bool has_outputs =
          response != nullptr && std::ranges::any_of(response->outputs, [&](const Tensor& t) {
            return t.name.starts_with(m.name + ".");
          });
      const bool did = it == simulated_.end() ? has_outputs : (*it)->answered;
      count += did ? 1 : 0;
      if (response == nullptr) continue;
      EXPECT_EQ(has_outputs, did) << m.name;
      EXPECT_EQ(std::ranges::count(response->errors, m.name, &MemberError::member), did ? 0 : 1);
    }
    return count;
  }

  Random random_;
  ManualExecutor home_;
  HomeClock clock_{home_};
  TestSink sink_;
  Events events_{sink_, clock_};
  std::vector<std::shared_ptr<SimulatedMember>> simulated_;
  std::vector<EnsembleMember> names_;
  std::size_t quorum_ = 1;
  Duration deadline_{};
  bool gave_up_in_time_ = false;
  std::unique_ptr<Ensemble> ensemble_;
};

TEST(EnsembleSimulation, HoldsItsPromisesWhateverItsMembersDo) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(formatted("seed {}", seed));
    Simulation(seed).run();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace sluice::gateway
