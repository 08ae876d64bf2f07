// What the ensemble's tests share: members, time and a home that move only when told to.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/ensemble.h"
#include "inference/testing_callable.h"
#include "runtime/manual_executor.h"

namespace sluice::gateway::testing {

using sluice::testing::FakeCallable;
using sluice::testing::fp32;
using sluice::testing::response_of;
using sluice::testing::TestSink;

inline constexpr auto kMs = std::chrono::milliseconds(1);
inline constexpr auto kUs = std::chrono::microseconds(1);
inline constexpr Placement kRemote{Placement::Where::kRemote, {}};
inline constexpr Placement kPooled{Placement::Where::kPooled, {}};
inline constexpr Placement kInline{Placement::Where::kInline, std::chrono::microseconds(10)};

// The home's time and, on top, what members took that ran on it.
class HomeClock final : public Clock {
 public:
  explicit HomeClock(const ManualExecutor& home) : home_(home) {}
  [[nodiscard]] TimePoint now() const override { return home_.now() + taken; }
  [[nodiscard]] WallTime wall() const override { return {}; }
  Duration taken{};

 private:
  const ManualExecutor& home_;
};

inline RequestPtr input_x() {
  InferRequest request;
  request.inputs.push_back(fp32("x", {1, 2}, {1, 2}));
  return make_request(std::move(request));
}

// An ensemble of fakes named a, b, c, ..
struct EnsembleBench {
  explicit EnsembleBench(const std::vector<Placement>& placed, EnsembleOptions options = {}) {
    std::vector<EnsembleMember> members;
    for (const Placement& placement : placed) {
      const std::string name(1, static_cast<char>('a' + fakes.size()));
      fakes.push_back(std::make_shared<FakeCallable>(name, placement));
      members.push_back({name, fakes.back()});
    }
    make(std::move(members), std::move(options));
  }
  void make(std::vector<EnsembleMember> members, EnsembleOptions options) {
    ensemble = std::make_shared<Ensemble>("all", std::move(members), std::move(options), clock);
  }
  CancelHandle start(Call call = {}, RequestPtr request = input_x()) {
    call.home = &home;
    return ensemble->start(call, std::move(request), sink);
  }
  FakeCallable& operator[](std::size_t i) { return *fakes[i]; }
  // The one answer.
  [[nodiscard]] const InferResponse& response() const { return sink.results.at(0).value(); }
  [[nodiscard]] std::vector<std::string> output_names() const {
    std::vector<std::string> names;
    for (const Tensor& tensor : response().outputs) names.push_back(tensor.name);
    return names;
  }
  // "a:timeout b:invalid": the members without an answer.
  [[nodiscard]] std::string missing() const {
    std::string text;
    for (const MemberError& e : response().errors) {
      if (!text.empty()) text += ' ';
      text += e.member + ':' + std::string(to_string(e.error.code));
    }
    return text;
  }

  ManualExecutor home;
  HomeClock clock{home};
  std::vector<std::shared_ptr<FakeCallable>> fakes;
  std::shared_ptr<Ensemble> ensemble;
  TestSink sink;
};

inline Result<Response> good() {
  return response_of(fp32("y", {1, 2}, {0.25F, 0.75F}));
}

}  // namespace sluice::gateway::testing
