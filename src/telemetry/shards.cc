#include "telemetry/shards.h"

#include <algorithm>
#include <utility>

namespace sluice::telemetry {

namespace {

bool& thread_is_ending() {
  static constinit thread_local bool ending = false;
  return ending;
}

// The shards that this thread holds, given back when it ends.
class Holdings {
 public:
  ~Holdings() {
    thread_is_ending() = true;
    detail::last_shard = {&detail::kNoPool, nullptr};
    for (auto& [pool, shard] : held_) pool->give_back(shard);
  }

  Shard* find(ShardPool* pool) {
    for (auto& [held, shard] : held_) {
      if (held.get() == pool) return shard;
    }
    std::erase_if(held_, [](const auto& entry) { return entry.first->closed(); });
    held_.emplace_back(pool->shared_from_this(), pool->take());
    return held_.back().second;
  }

 private:
  // Holding the pool keeps its address from being used again while this thread remembers it.
  std::vector<std::pair<std::shared_ptr<ShardPool>, Shard*>> held_;
};

}  // namespace

Shard* detail::find_shard(ShardPool* pool) {
  if (pool == nullptr || thread_is_ending()) return nullptr;
  static thread_local Holdings holdings;
  Shard* shard = holdings.find(pool);
  last_shard = {pool, shard};
  return shard;
}

Shard::~Shard() {
  for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
}

Shard::Chunk* Shard::grow(std::uint32_t chunk) {
  auto fresh = std::make_unique<Chunk>();
  chunks_[chunk].store(fresh.get(), std::memory_order_release);
  return fresh.release();
}

std::optional<std::uint32_t> ShardPool::reserve(std::uint32_t count) {
  const std::lock_guard lock(mutex_);
  std::uint32_t first = next_cell_;
  if ((first & (kCellsPerChunk - 1)) + count > kCellsPerChunk) {
    first = (first | (kCellsPerChunk - 1)) + 1;
  }
  if (count > kCellsPerChunk || first + count > kMaxChunks * kCellsPerChunk) return std::nullopt;
  next_cell_ = first + count;
  return first;
}

std::uint64_t ShardPool::sum(std::uint32_t index) const {
  std::uint64_t total = 0;
  each(index, [&](const Cell& cell) { total += cell.load(std::memory_order_relaxed); });
  return total;
}

std::size_t ShardPool::shard_count() const {
  const std::lock_guard lock(mutex_);
  return shards_.size();
}

Shard* ShardPool::take() {
  const std::lock_guard lock(mutex_);
  if (!free_.empty()) {
    Shard* shard = free_.back();
    free_.pop_back();
    return shard;
  }
  shards_.push_back(std::make_unique<Shard>());
  return shards_.back().get();
}

void ShardPool::give_back(Shard* shard) {
  const std::lock_guard lock(mutex_);
  free_.push_back(shard);
}

}  // namespace sluice::telemetry
