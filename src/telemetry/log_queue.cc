#include "telemetry/log_queue.h"

#include <algorithm>
#include <utility>

#include "base/thread_name.h"

namespace sluice::telemetry {

LogQueue::LogQueue(std::unique_ptr<LogSink> sink, std::size_t max_bytes,
                   std::string (*dropped)(std::uint64_t, void*), void* context)
    : sink_(std::move(sink)),
      max_blocks_(std::max<std::size_t>(2, max_bytes / kBlockBytes)),
      dropped_(dropped),
      context_(context),
      writer_([this] {
        name_this_thread("sluice-log");
        run();
      }) {}

LogQueue::~LogQueue() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  writer_.join();
}

void LogQueue::push(std::string_view line, bool urgent) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const bool idle = blocks_.empty();
    if (idle || blocks_.back().bytes.size() + line.size() > kBlockBytes) {
      if (blocks_.size() == max_blocks_) {
        lost_.fetch_add(blocks_.front().lines, std::memory_order_relaxed);
        settled_ += blocks_.front().lines;
        spare_ = std::move(blocks_.front().bytes);
        blocks_.pop_front();
        done_.notify_all();
      }
      blocks_.push_back({std::exchange(spare_, {}), 0});
      blocks_.back().bytes.clear();
    }
    blocks_.back().bytes += line;
    ++blocks_.back().lines;
    ++pushed_;
    // The writer sleeps while nothing is queued; once awake it needs no more waking but for a
    // full block or an urgent line.
    wake = idle || (urgent && !urgent_) || blocks_.size() == 2;
    urgent_ = urgent_ || urgent;
  }
  if (wake) wake_.notify_one();
}

void LogQueue::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t target = pushed_;
  urgent_ = true;
  wake_.notify_one();
  done_.wait(lock, [&] { return settled_ >= target; });
}

void LogQueue::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return !blocks_.empty() || closing_; });
    if (blocks_.empty()) return;
    wake_.wait_for(lock, kGather, [this] { return urgent_ || closing_ || blocks_.size() > 1; });
    // Under the lock all the time: only a push could have taken the block, and it adds one.
    Block block = std::move(blocks_.front());
    blocks_.pop_front();
    if (blocks_.empty()) urgent_ = false;
    lock.unlock();
    write(block);
    lock.lock();
    settled_ += block.lines;
    if (spare_.capacity() == 0) spare_ = std::move(block.bytes);
    done_.notify_all();
  }
}

void LogQueue::write(const Block& block) {
  const std::uint64_t lost = lost_.load(std::memory_order_relaxed);
  if (lost != told_) {
    if (sink_->write(dropped_(lost - told_, context_), closing_)) told_ = lost;
  }
  if (!sink_->write(block.bytes, closing_)) {
    lost_.fetch_add(block.lines, std::memory_order_relaxed);
  }
}

}  // namespace sluice::telemetry
