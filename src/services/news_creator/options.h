// What can be said of a mount of the news creator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "base/time.h"
#include "config/describe.h"

namespace sluice::news_creator {

struct NewsCreatorOptions {
  std::filesystem::path prompt;  // a file; empty: a prompt that comes with the program
  std::size_t min_content = 100;
  std::size_t max_prompt = 240'000;
  std::uint32_t max_tokens = 500;
  double temperature = 0.2;
  Duration timeout = std::chrono::minutes(5);
  Duration heartbeat = std::chrono::seconds(10);
};

void describe(config::Fields<NewsCreatorOptions>& f);

}  // namespace sluice::news_creator
