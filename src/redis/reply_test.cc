// Replies, commands, and the way from bytes to the one and from the other to bytes.
#include "redis/reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "redis/command.h"
#include "redis/reply_reader.h"

namespace sluice::redis {
namespace {

using testing::HasSubstr;
using Kind = Reply::Kind;

Reply text(std::string value) {
  return {Kind::kText, std::move(value)};
}
Reply array(std::vector<Reply> items) {
  return Reply(std::move(items));
}

struct Case {
  std::string bytes;
  Reply reply;
};
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"+OK\r\n", Reply(Kind::kStatus, "OK")},
      {"-ERR no such thing\r\n", Reply(Kind::kError, "ERR no such thing")},
      {":-9223372036854775808\r\n", Reply(INT64_MIN)},
      {"$5\r\nhello\r\n", text("hello")},
      {"$0\r\n\r\n", text("")},
      {std::string("$4\r\n\0\r\n\xff\r\n", 10), text(std::string("\0\r\n\xff", 4))},
      {"$-1\r\n", Reply()},
      {"*-1\r\n", Reply()},
      {"*0\r\n", array({})},
      {"*3\r\n:1\r\n$-1\r\n*2\r\n+a\r\n*1\r\n$1\r\nb\r\n",
       array({Reply(1), Reply(), array({Reply(Kind::kStatus, "a"), array({text("b")})})})},
      {"*2\r\n-ERR x\r\n:2\r\n", array({Reply(Kind::kError, "ERR x"), Reply(2)})},
  };
  return all;
}

TEST(ReplyReader, ReadsEveryKindOfReplyInWhateverPiecesItComes) {
  for (const Case& c : cases()) {
    for (std::size_t cut = 0; cut <= c.bytes.size(); ++cut) {
      ReplyReader reader(1024);
      reader.feed(std::string_view(c.bytes).substr(0, cut));
      auto reply = reader.next();
      ASSERT_TRUE(reply) << reply.error().message;
      EXPECT_EQ(reply->has_value(), cut == c.bytes.size()) << c.bytes << cut;
      if (!*reply) {
        reader.feed(std::string_view(c.bytes).substr(cut));
        reply = reader.next();
      }
      ASSERT_TRUE(reply && *reply) << c.bytes << cut;
      EXPECT_TRUE(**reply == c.reply) << c.bytes << cut;
      EXPECT_FALSE(reader.next()->has_value());
    }
  }
}

TEST(ReplyReader, ReadsAPipelineOfReplies) {
  ReplyReader reader(64);
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    for (const Case& c : cases()) bytes += c.bytes;
  }
  reader.feed(bytes);  // more than one reply may have
  for (int i = 0; i < 1000; ++i) {
    for (const Case& c : cases()) {
      const auto reply = reader.next();
      ASSERT_TRUE(reply && *reply);
      EXPECT_TRUE(**reply == c.reply);
    }
  }
}

TEST(ReplyReader, RefusesWhatIsNoReply) {
  struct Wrong {
    std::string bytes;
    std::string message;
  };
  std::string deep;
  for (std::size_t i = 0; i <= kMaxReplyDepth; ++i) deep += "*1\r\n";
  const std::vector<Wrong> all = {
      {"HTTP/1.1 400 Bad Request\r\n", "is no Redis reply"},
      {":12a\r\n", "Bad integer"},
      {"$1\r\nabc", "does not end where it said"},
      {"$1x\r\n", "Bad bulk string length"},
      {"*99999999999\r\n", "is no Redis reply"},
      {"$-7\r\n", "is no Redis reply"},
      {deep, "arrays more than 32 deep"},
      {"%1\r\n+a\r\n+b\r\n", "was not asked for (RESP3)"},
      {",3.25\r\n", "was not asked for (RESP3)"},
      {"*1\r\n#t\r\n", "was not asked for (RESP3)"},
      {">2\r\n+a\r\n+b\r\n", "was not asked for (RESP3)"},
      {"$99\r\n" + std::string(70, 'x'), "more than 64 bytes"},
      {"+" + std::string(70, 'x'), "more than 64 bytes"},
  };
  for (const Wrong& wrong : all) {
    ReplyReader reader(64);
    reader.feed(wrong.bytes);
    const auto reply = reader.next();
    ASSERT_FALSE(reply) << wrong.bytes;
    EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
    EXPECT_THAT(reply.error().message, HasSubstr(wrong.message));
    EXPECT_FALSE(reader.next()) << "it goes on after " << wrong.bytes;
  }
}

TEST(ReplyReader, AllocatesForWhatHasComeAndNotForWhatIsClaimed) {
  ReplyReader reader(1024 * 1024);
  std::string bytes;
  for (int i = 0; i < 30; ++i) bytes += "*4000000\r\n";  // 30 times 160 MB, if it were believed
  reader.feed(bytes);
  const auto reply = reader.next();
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->has_value());
}

TEST(Reply, GivesNothingForWhatItIsNot) {
  const Reply reply = array({Reply(7), text("eight"), text("9")});
  EXPECT_EQ(reply.integer(), 0);
  EXPECT_EQ(reply.text(), "");
  EXPECT_EQ(reply[0].number(), 7);
  EXPECT_EQ(reply[1].number(), std::nullopt);
  EXPECT_EQ(reply[2].number(), 9);
  EXPECT_EQ(reply[2].integer(), 0);
  EXPECT_TRUE(reply[3].is_nil());
  EXPECT_TRUE(reply[0][0].is_nil());
}

TEST(Command, IsWrittenAsAnArrayOfTexts) {
  Command command("SET", "key", std::string("a\r\n\0b", 5));
  command.add("PX").add(86'400'000).add(-1);
  std::string out = "before";
  command.write_to(out);
  EXPECT_EQ(out, std::string("before*6\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\na\r\n\0b\r\n"
                             "$2\r\nPX\r\n$8\r\n86400000\r\n$2\r\n-1\r\n",
                             69));
  EXPECT_EQ(command.arguments(), 6U);
  EXPECT_GE(command.bytes(), out.size() - 6);
}

}  // namespace
}  // namespace sluice::redis
