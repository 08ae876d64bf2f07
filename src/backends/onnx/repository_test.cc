#include "backends/onnx/repository.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <future>

#include "backends/onnx/test_support.h"
#include "runtime/manual_executor.h"

namespace sluice::onnx {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::floats;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::request_of;
using testing::test_model;
using testing::values_of;

class Folder {
 public:
  Folder() {
    std::string pattern = fs::temp_directory_path() / "sluice-models-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = pattern;
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  // Over the old one by renaming, as a careful writer does.
  void put(const std::string& file, const std::string& model) const {
    const fs::path to = path / file;
    fs::create_directories(to.parent_path());
    fs::copy_file(test_model(model), to.string() + ".new", fs::copy_options::overwrite_existing);
    fs::rename(to.string() + ".new", to);
  }
  void write(const std::string& file, std::string_view text) const {
    fs::create_directories((path / file).parent_path());
    std::ofstream(path / file) << text;
  }
  fs::path path;
};

TEST(FindVersions, AFileIsVersionOne) {
  const Folder folder;
  folder.put("a.onnx", "add");
  const auto found = find_versions(folder.path / "a.onnx");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->begin()->first, 1);
}

TEST(FindVersions, AFolderHoldsPositiveIntegers) {
  const Folder folder;
  for (const char* name : {"1", "12", "3", "0", "-4", "05", "7x", "latest"}) {
    folder.put(std::string(name) + "/model.onnx", "add");
  }
  folder.write("9/readme", "no model here");
  folder.write("8", "a file");
  const auto found = find_versions(folder.path);
  ASSERT_TRUE(found);
  std::vector<VersionNumber> numbers;
  for (const auto& [number, file] : *found) numbers.push_back(number);
  EXPECT_THAT(numbers, ElementsAre(1, 3, 12));
}

TEST(FindVersions, SaysWhatIsMissing) {
  const Folder folder;
  const auto empty = find_versions(folder.path);
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(empty.error().message, HasSubstr("holds no version"));
  const auto nothing = find_versions(folder.path / "nothing");
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().message, HasSubstr("no such file or folder"));
}

TEST(FindVersions, RefusesAFolderWithMoreVersionsThanItKeeps) {
  const Folder folder;
  for (std::size_t i = 1; i <= kMaxVersions; ++i) {
    folder.write(std::to_string(i) + "/model.onnx", "x");
  }
  EXPECT_TRUE(find_versions(folder.path));
  folder.write("1000/model.onnx", "x");
  EXPECT_FALSE(find_versions(folder.path));
}

TEST(FindVersions, AnotherContentHasAnotherStamp) {
  const Folder folder;
  folder.put("a.onnx", "constant_1");
  const auto before = find_versions(folder.path / "a.onnx");
  folder.put("a.onnx", "constant_2");
  const auto after = find_versions(folder.path / "a.onnx");
  EXPECT_NE(before->at(1).stamp, after->at(1).stamp);
}

class Repository : public testing::OnnxTest {
 protected:
  std::shared_ptr<ModelRepository> make(const fs::path& path, VersionPolicy policy = {}) {
    return ModelRepository::make(
        {"m", path, std::move(policy)},
        [this](const ModelSource& source) -> Result<CallablePtr> {
          ++loads;
          return runtime.load(source, {});
        },
        [this](const std::vector<VersionStatus>& now) { changes.push_back(show(now)); }, loader,
        log);
  }
  static std::vector<std::string> show(const std::vector<VersionStatus>& versions) {
    std::vector<std::string> shown;
    for (const VersionStatus& status : versions) {
      shown.push_back(std::to_string(status.version) + " " + std::string(to_string(status.state)));
    }
    return shown;
  }
  // Each test model of a kind answers with a number of its own.
  float answer_of(const CallablePtr& callable) {
    const auto answer = infer(callable, request_of(floats("x", {1, 1}, {0})));
    return answer ? values_of<float>(*answer, "y").at(0) : -1;
  }
  template <class F>
  Result<> wait_for(F start) {
    const auto done = std::make_shared<std::promise<Result<>>>();
    auto future = done->get_future();
    start([done](Result<> result) { done->set_value(std::move(result)); });
    return future.get();
  }
  void wait_for_loader() {
    const auto done = std::make_shared<std::promise<void>>();
    auto future = done->get_future();
    Task task = [done] { done->set_value(); };
    while (!loader.submit(task)) std::this_thread::yield();
    future.wait();
  }

  Folder folder;
  int loads = 0;
  std::vector<std::vector<std::string>> changes;
  ComputePool loader{{.threads = 1, .queue_limit = 4}};
};

TEST_F(Repository, LoadsAFileAndTellsOfEachState) {
  folder.put("a.onnx", "constant_1");
  const auto repository = make(folder.path / "a.onnx");
  ASSERT_TRUE(repository->refresh());
  EXPECT_THAT(changes, ElementsAre(ElementsAre("1 LOADING"), ElementsAre("1 READY")));
  EXPECT_EQ(answer_of(repository->versions().at(0).callable), 1);
  EXPECT_EQ(repository->versions().at(0).callable->describe().name, "m");
}

TEST_F(Repository, WhatDidNotChangeIsNotLoadedAgain) {
  folder.put("a.onnx", "constant_1");
  const auto repository = make(folder.path / "a.onnx");
  ASSERT_TRUE(repository->refresh());
  ASSERT_TRUE(repository->refresh());
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(changes.size(), 2U);
}

TEST_F(Repository, AChangedFileTakesThePlaceOfTheOldAndTheOldGoesOnForItsCalls) {
  folder.put("a.onnx", "constant_1");
  const auto repository = make(folder.path / "a.onnx");
  ASSERT_TRUE(repository->refresh());
  const CallablePtr old = repository->versions().at(0).callable;
  folder.put("a.onnx", "constant_2");
  ASSERT_TRUE(repository->refresh());
  EXPECT_EQ(answer_of(repository->versions().at(0).callable), 2);
  EXPECT_EQ(answer_of(old), 1);
  EXPECT_THAT(changes.back(), ElementsAre("1 READY"));
  EXPECT_EQ(changes.size(), 3U);  // never anything but ready in between
}

TEST_F(Repository, ABadNewFileLeavesTheOldServingAndSaysWhy) {
  folder.put("a.onnx", "constant_1");
  const auto repository = make(folder.path / "a.onnx");
  ASSERT_TRUE(repository->refresh());
  folder.put("a.onnx", "truncated");
  ASSERT_TRUE(repository->refresh());
  const auto now = repository->versions();
  EXPECT_EQ(now.at(0).state, VersionState::kReady);
  EXPECT_THAT(now.at(0).reason, HasSubstr("cut short"));
  EXPECT_EQ(answer_of(now.at(0).callable), 1);
  EXPECT_THAT(logged(), HasSubstr("model_not_loaded"));
  ASSERT_TRUE(repository->refresh());
  EXPECT_EQ(loads, 2);  // the same bad file is not tried again
  folder.put("a.onnx", "constant_3");
  ASSERT_TRUE(repository->refresh());
  EXPECT_EQ(answer_of(repository->versions().at(0).callable), 3);
  EXPECT_THAT(repository->versions().at(0).reason, IsEmpty());
}

TEST_F(Repository, AFileThatVanishesLeavesWhatWasLoadedServing) {
  folder.put("a.onnx", "constant_1");
  const auto repository = make(folder.path / "a.onnx");
  ASSERT_TRUE(repository->refresh());
  fs::remove(folder.path / "a.onnx");
  EXPECT_TRUE(repository->refresh());
  EXPECT_EQ(answer_of(repository->versions().at(0).callable), 1);
  EXPECT_TRUE(repository->refresh());
  const std::string log = logged();
  const auto said = log.find("model_files_missing");
  EXPECT_NE(said, std::string::npos);
  EXPECT_EQ(log.find("model_files_missing", said + 1), std::string::npos) << "once is enough";
}

TEST_F(Repository, NothingToLoadIsAnErrorThatSaysWhere) {
  const auto missing = make(folder.path / "no.onnx")->refresh();
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("no.onnx: there is no such file"));
  EXPECT_THAT(logged(), HasSubstr("model_not_loaded"));
  folder.put("bad.onnx", "not_onnx");
  const auto repository = make(folder.path / "bad.onnx");
  const auto bad = repository->refresh();
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(bad.error().message, HasSubstr("it is not an ONNX model"));
  EXPECT_THAT(show(repository->versions()), ElementsAre("1 UNAVAILABLE"));
  EXPECT_EQ(repository->versions().at(0).callable, nullptr);
}

TEST_F(Repository, TheLatestVersionIsServedAndANewerOneFollowsIt) {
  folder.put("1/model.onnx", "constant_1");
  folder.put("2/model.onnx", "constant_2");
  const auto repository = make(folder.path);
  ASSERT_TRUE(repository->refresh());
  EXPECT_THAT(show(repository->versions()), ElementsAre("2 READY"));
  folder.put("10/model.onnx", "constant_3");
  ASSERT_TRUE(repository->refresh());
  EXPECT_THAT(show(repository->versions()), ElementsAre("10 READY"));
  EXPECT_EQ(repository->versions().at(0).callable->describe().version, "10");
  EXPECT_THAT(changes, ElementsAre(ElementsAre("2 LOADING"), ElementsAre("2 READY"),
                                   ElementsAre("2 READY", "10 LOADING"), ElementsAre("10 READY")));
}

TEST_F(Repository, ALatestVersionThatCannotBeLoadedIsPassedOver) {
  folder.put("1/model.onnx", "constant_1");
  folder.put("2/model.onnx", "unknown_operator");
  const auto repository = make(folder.path);
  ASSERT_TRUE(repository->refresh());
  EXPECT_THAT(show(repository->versions()), ElementsAre("1 READY", "2 UNAVAILABLE"));
  EXPECT_THAT(repository->versions().at(1).reason, HasSubstr("Frobnicate"));
  folder.put("2/model.onnx", "constant_2");
  ASSERT_TRUE(repository->refresh());
  EXPECT_THAT(show(repository->versions()), ElementsAre("2 READY"));
}

TEST_F(Repository, AllVersionsAreServedAndOneThatIsRemovedGoes) {
  folder.put("1/model.onnx", "constant_1");
  folder.put("2/model.onnx", "constant_2");
  const auto repository = make(folder.path, VersionPolicy::all());
  ASSERT_TRUE(repository->refresh());
  EXPECT_THAT(show(repository->versions()), ElementsAre("1 READY", "2 READY"));
  fs::remove_all(folder.path / "1");
  ASSERT_TRUE(repository->refresh());
  EXPECT_THAT(show(repository->versions()), ElementsAre("2 READY"));
}

TEST_F(Repository, SpecificVersionsAreServedAndAMissingOneIsNamed) {
  folder.put("1/model.onnx", "constant_1");
  folder.put("2/model.onnx", "constant_2");
  folder.put("3/model.onnx", "constant_3");
  const auto repository = make(folder.path, VersionPolicy::specific({1, 3, 5}));
  ASSERT_TRUE(repository->refresh());
  EXPECT_THAT(show(repository->versions()), ElementsAre("1 READY", "3 READY", "5 UNAVAILABLE"));
  EXPECT_THAT(repository->versions().at(2).reason, HasSubstr("there is no version 5"));
}

TEST_F(Repository, IsUnloadedAndLoadedAgainOnDemand) {
  folder.put("a.onnx", "constant_1");
  const auto repository = make(folder.path / "a.onnx");
  ASSERT_TRUE(repository->refresh());
  ASSERT_TRUE(wait_for([&](auto done) { repository->unload(done); }));
  EXPECT_THAT(show(repository->versions()), ElementsAre("1 UNAVAILABLE"));
  EXPECT_EQ(repository->versions().at(0).reason, "it was unloaded");
  ASSERT_TRUE(repository->refresh());  // a poll does not undo it
  EXPECT_THAT(show(repository->versions()), ElementsAre("1 UNAVAILABLE"));
  ASSERT_TRUE(wait_for([&](auto done) { repository->load(done); }));
  EXPECT_THAT(show(repository->versions()), ElementsAre("1 READY"));
}

TEST_F(Repository, LoadTriesAgainWhatFailedAndSaysWhyItFailsStill) {
  folder.put("a.onnx", "truncated");
  const auto repository = make(folder.path / "a.onnx");
  EXPECT_FALSE(repository->refresh());
  const auto result = wait_for([&](auto done) { repository->load(done); });
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("cut short"));
  EXPECT_EQ(loads, 2);
}

TEST_F(Repository, PollsOnItsOwnUntilItIsGone) {
  folder.put("a.onnx", "constant_1");
  auto repository = make(folder.path / "a.onnx");
  ManualExecutor home;
  repository->poll_every(home, std::chrono::seconds(1));
  wait_for_loader();
  EXPECT_EQ(answer_of(repository->versions().at(0).callable), 1);
  folder.put("a.onnx", "constant_2");
  home.advance(std::chrono::seconds(1));
  wait_for_loader();
  EXPECT_EQ(answer_of(repository->versions().at(0).callable), 2);
  repository.reset();
  home.advance(std::chrono::seconds(1));
  EXPECT_EQ(home.pending_timers(), 0U);
}

TEST_F(Repository, AFullLoaderRefusesAndSaysWhenToComeBack) {
  folder.put("a.onnx", "constant_1");
  const auto repository = make(folder.path / "a.onnx");
  std::promise<void> go;
  const auto gate = go.get_future().share();
  for (int i = 0; i < 5; ++i) {
    Task task = [gate] { gate.wait(); };
    while (!loader.submit(task)) std::this_thread::yield();
  }
  Result<> last;
  for (int i = 0; i < 2; ++i) repository->load([&](Result<> result) { last = std::move(result); });
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, ErrorCode::kExhausted);
  EXPECT_TRUE(last.error().retry_after);
  repository->poll();  // passes over in silence
  go.set_value();
  wait_for_loader();
}

}  // namespace
}  // namespace sluice::onnx
