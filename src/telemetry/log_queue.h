// Between the threads that log and the one that writes: bounded, and it loses the oldest lines
// rather than make anybody wait.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "telemetry/log_sink.h"

namespace sluice::telemetry {

// Lines are gathered in blocks; the oldest block is dropped whole when the bound is reached. The
// writer takes a block at a time, so a busy log costs one write for many lines. push() from any
// thread; it copies under a lock that is never held during a write.
class LogQueue {
 public:
  static constexpr std::size_t kBlockBytes = 64 * 1024;
  // How long the writer gathers lines before it writes them, where none is urgent.
  static constexpr std::chrono::milliseconds kGather{5};

  // Holds at most `max_bytes` (at least two blocks). `dropped` is asked for a line that says how
  // many lines were lost, written before the ones that came after.
  LogQueue(std::unique_ptr<LogSink> sink, std::size_t max_bytes,
           std::string (*dropped)(std::uint64_t lines, void* context), void* context);
  // Writes what is left, unless the sink makes it wait.
  ~LogQueue();
  LogQueue(const LogQueue&) = delete;
  LogQueue& operator=(const LogQueue&) = delete;

  // `line` ends with a newline. An urgent one is written without gathering.
  void push(std::string_view line, bool urgent);
  // Waits until all that was pushed before is written or lost.
  void flush();
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
  [[nodiscard]] LogSink& sink() { return *sink_; }

 private:
  struct Block {
    std::string bytes;
    std::uint64_t lines = 0;
  };
  void run();
  void write(const Block& block);

  std::unique_ptr<LogSink> sink_;
  std::size_t max_blocks_;
  std::string (*dropped_)(std::uint64_t, void*);
  void* context_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::deque<Block> blocks_;
  std::string spare_;
  std::uint64_t pushed_ = 0;   // lines
  std::uint64_t settled_ = 0;  // written or lost
  bool urgent_ = false;
  std::atomic<bool> closing_{false};
  std::atomic<std::uint64_t> lost_{0};
  std::uint64_t told_ = 0;  // of the lost, writer only
  std::thread writer_;      // last: it uses all of the above
};

}  // namespace sluice::telemetry
