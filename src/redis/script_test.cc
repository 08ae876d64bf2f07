// Scripts, and a server that knows them or not.
#include "redis/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "redis/redis_fixture.h"

namespace sluice::redis {
namespace {

using testing::ElementsAre;
using Peer = FakeServer::Peer;
using Words = FakeServer::Words;

class Scripts : public RedisTest {
 protected:
  ~Scripts() override { end(); }
  // A server that knows the digests in known_, and answers a call with its last argument.
  FakeServer& serve_scripts(bool learns = true) {
    return serve([this, learns](Peer& peer, const Words& words) {
      if (words[0] == "EVALSHA") {
        peer.send(known_.contains(words[1]) ? bulk(words.back())
                                            : "-NOSCRIPT No matching script.\r\n");
        return true;
      }
      if (words[0] != "SCRIPT") return false;
      const Script script("loaded", words[2]);
      if (learns) known_.insert(script.digest());
      peer.send(bulk(script.digest()));
      return true;
    });
  }
  // Calls made in one turn of the loop; their answers in the order in which they came.
  std::vector<std::string> run_all(ScriptRunner& runner, const Script& script, int calls) {
    std::vector<std::string> answers;
    Mailbox<bool> done;
    run([&] {
      for (int i = 0; i < calls; ++i) {
        runner.run(script, script_call(script, {"key"}).add(i), Deadline::never(),
                   [&, calls](Answer answer) {
                     answers.emplace_back(answer ? answer->text() : answer.error().code);
                     if (answers.size() == static_cast<std::size_t>(calls)) done.put(true);
                   });
      }
    });
    done.take();
    return answers;
  }

  const Script script_{"echo", "return ARGV[1]"};
  std::set<std::string> known_;
};

TEST_F(Scripts, AreGivenToAServerThatDoesNotKnowThemOnceForAWholePipeline) {
  FakeServer& server = serve_scripts();
  ScriptRunner runner(connected(options_for(server.address())));
  EXPECT_THAT(run_all(runner, script_, 4), ElementsAre("0", "1", "2", "3"));
  EXPECT_EQ(run([&] { return server.heard("SCRIPT"); }), 1U);
  EXPECT_EQ(run([&] { return server.heard("EVALSHA"); }), 8U);
  EXPECT_THAT(run_all(runner, script_, 2), ElementsAre("0", "1"));
  EXPECT_EQ(run([&] { return server.heard("EVALSHA"); }), 10U);
}

TEST_F(Scripts, AreGivenAgainToAServerThatForgot) {
  FakeServer& server = serve_scripts();
  ScriptRunner runner(connected(options_for(server.address())));
  run_all(runner, script_, 1);
  run([&] { known_.clear(); });
  EXPECT_THAT(run_all(runner, script_, 2), ElementsAre("0", "1"));
  EXPECT_EQ(run([&] { return server.heard("SCRIPT"); }), 2U);
}

TEST_F(Scripts, AreGivenUpWhereAServerDoesNotLearnThem) {
  FakeServer& server = serve_scripts(false);
  ScriptRunner runner(connected(options_for(server.address())));
  EXPECT_THAT(run_all(runner, script_, 1), ElementsAre("NOSCRIPT"));
  EXPECT_EQ(run([&] { return server.heard("EVALSHA"); }), 3U);
}

TEST_F(Scripts, OfSeveralKindsGoThroughOnePipeline) {
  FakeServer& server = serve_scripts();
  ScriptRunner runner(connected(options_for(server.address())));
  const Script other("other", "return ARGV[1] .. ''");
  Mailbox<std::string> answers;
  run([&] {
    for (const Script* script : {&script_, &other, &script_}) {
      runner.run(*script, script_call(*script, {}).add(script->name()), Deadline::never(),
                 [&](Answer answer) { answers.put(std::string(answer->text())); });
    }
  });
  EXPECT_EQ(answers.take(), "echo");
  EXPECT_EQ(answers.take(), "other");
  EXPECT_EQ(answers.take(), "echo");
  EXPECT_EQ(run([&] { return server.heard("SCRIPT"); }), 2U);
}

}  // namespace
}  // namespace sluice::redis
