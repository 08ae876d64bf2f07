#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "backends/generation_wire/lines.h"
#include "backends/generation_wire/sse.h"

namespace sluice::generation_wire {
namespace {

using testing::ElementsAre;
using Texts = std::vector<std::string>;

// All that comes out when the text is fed in pieces of that size.
Texts lines_of(std::string_view text, LineEnd end, std::size_t piece, std::size_t most = 100) {
  Lines lines(end, most);
  Texts out;
  const auto drain = [&] {
    while (true) {
      const auto line = lines.next();
      if (!line) {
        out.push_back(line.error().message);
        return false;
      }
      if (!*line) return true;
      out.emplace_back(**line);
    }
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    lines.feed(text.substr(at, piece));
    if (!drain()) return out;
  }
  lines.end();
  drain();
  return out;
}

Texts events_of(std::string_view text, std::size_t piece, std::size_t most = 100) {
  SseParser parser(most);
  Texts out;
  const auto drain = [&] {
    while (true) {
      const auto event = parser.next();
      if (!event) {
        out.push_back(event.error().message);
        return false;
      }
      if (!*event) return true;
      std::string text_of((*event)->type);
      if (!text_of.empty()) text_of += '=';
      out.push_back(text_of.append((*event)->data));
    }
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    parser.feed(text.substr(at, piece));
    if (!drain()) return out;
  }
  parser.end();
  drain();
  return out;
}

TEST(Lines, ComeWholeHoweverTheBytesAreSplit) {
  for (std::size_t piece = 1; piece < 20; ++piece) {
    EXPECT_THAT(lines_of("{\"a\":1}\r\n\n{\"b\"\r:2}\nlast", LineEnd::kLf, piece),
                ElementsAre("{\"a\":1}", "", "{\"b\"\r:2}", "last"));
    EXPECT_THAT(lines_of("a\r\nb\rc\n\r\n\r", LineEnd::kAny, piece),
                ElementsAre("a", "b", "c", "", ""));
  }
}

TEST(Lines, AreBounded) {
  for (std::size_t piece = 1; piece < 20; ++piece) {
    EXPECT_THAT(lines_of("12345\n123456\n1", LineEnd::kLf, piece, 5),
                ElementsAre("12345", "a line is over 5 bytes"));
  }
}

TEST(SseParser, GivesTheDataOfEveryEvent) {
  struct Case {
    std::string_view text;
    Texts events;
  };
  const Case cases[] = {
      {"data: {\"a\":1}\n\ndata: [DONE]\n\n", {"{\"a\":1}", "[DONE]"}},
      {"data:x\r\n\r\ndata:  y\r\r", {"x", " y"}},
      {": comment\n\n:\n\ndata: x\n\n", {"x"}},
      {"event: error\ndata: no\n\ndata: x\n\n", {"error=no", "x"}},
      {"event: ping\n\ndata: x\n\n", {"x"}},
      {"id: 1\nretry: 2\nother\ndata: a\ndata: b\ndata\n\n", {"a\nb\n"}},
      {"\xEF\xBB\xBF"
       "data: x\n\n",
       {"x"}},
      {"data: cut off", {"cut off"}},
      {"data: x\n", {"x"}},
      {"data: x\n\nevent: only\n", {"x"}},
      {"", {}},
  };
  for (const Case& c : cases) {
    for (std::size_t piece = 1; piece < 30; ++piece) {
      EXPECT_EQ(events_of(c.text, piece), c.events) << c.text << " by " << piece;
    }
  }
}

TEST(SseParser, IsBounded) {
  EXPECT_THAT(events_of("data: 123456789\n\n", 3, 8), ElementsAre("a line is over 8 bytes"));
  EXPECT_THAT(events_of("data: 1\ndata: 2\ndata: 3\ndata: 4\ndata: 5\n\n", 3, 8),
              ElementsAre("an event is over 8 bytes"));
}

}  // namespace
}  // namespace sluice::generation_wire
