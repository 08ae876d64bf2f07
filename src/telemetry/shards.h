// Numbers that many threads add to and one thread sometimes reads.
//
// Every thread has a shard of its own: an array of cells that only this thread writes. An addition
// is a relaxed load and a relaxed store, without lock, shared cache line or look-up. A scrape sums
// the cell over all shards. When a thread ends, its shard keeps its numbers and is handed to the
// next new thread, so sums never fall back and memory follows the largest number of threads alive.
//
// Used through the handles of telemetry/metrics.h.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace sluice::telemetry {

// What a cell holds is its owner's business: a count, a signed sum, or the bits of a double.
using Cell = std::atomic<std::uint64_t>;

inline constexpr std::uint32_t kChunkBits = 9;
inline constexpr std::uint32_t kCellsPerChunk = 1U << kChunkBits;  // 4 KiB
// The bound on cells of one ShardPool: 2^20, which is 8 MiB a thread that touches them all.
inline constexpr std::uint32_t kMaxChunks = 2048;

// The cells of one thread. Chunks are made when their first cell is touched, by the thread that
// owns the shard; any thread may read.
class alignas(64) Shard {
 public:
  Shard() = default;
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Owner thread only.
  Cell* cell(std::uint32_t index) {
    Chunk* chunk = chunks_[index >> kChunkBits].load(std::memory_order_relaxed);
    if (chunk == nullptr) [[unlikely]] {
      chunk = grow(index >> kChunkBits);
    }
    return chunk->cells.data() + (index & (kCellsPerChunk - 1));
  }
  // Any thread. Null when nothing was ever added here.
  [[nodiscard]] const Cell* peek(std::uint32_t index) const {
    const Chunk* chunk = chunks_[index >> kChunkBits].load(std::memory_order_acquire);
    return chunk == nullptr ? nullptr : chunk->cells.data() + (index & (kCellsPerChunk - 1));
  }

 private:
  struct alignas(64) Chunk {
    std::array<Cell, kCellsPerChunk> cells{};
  };
  Chunk* grow(std::uint32_t chunk);

  std::array<std::atomic<Chunk*>, kMaxChunks> chunks_{};
};

class ShardPool;

// Which pool this thread used last, and its shard there. `owner` starts as something that is no
// pool, so that the default handle, whose pool is null, takes the slow path too.
struct LastShard {
  const void* owner = nullptr;
  Shard* shard = nullptr;
};
namespace detail {
inline constexpr char kNoPool = 0;
inline constinit thread_local LastShard last_shard{&kNoPool, nullptr};
// Finds or takes this thread's shard. Null for a null pool, and in a thread that is past the end
// of its thread_local objects.
Shard* find_shard(ShardPool* pool);
}  // namespace detail

// All shards of one Metrics object, and the numbering of their cells. Held by shared_ptr, because
// a thread that recorded gives its shard back when it ends, which may be after Metrics is gone.
class ShardPool : public std::enable_shared_from_this<ShardPool> {
 public:
  // `count` neighbouring cells in one chunk; nothing when the bound on cells is reached.
  std::optional<std::uint32_t> reserve(std::uint32_t count);

  // The calling thread's shard.
  static Shard* local(ShardPool* pool) {
    if (detail::last_shard.owner == pool) [[likely]] {
      return detail::last_shard.shard;
    }
    return detail::find_shard(pool);
  }

  // Calls read(cell) for the cell in every shard that has it. Any thread.
  template <class Read>
  void each(std::uint32_t index, Read&& read) const {
    const std::lock_guard lock(mutex_);
    for (const auto& shard : shards_) {
      if (const Cell* cell = shard->peek(index)) read(*cell);
    }
  }
  // The sum over all shards, wrapping as unsigned numbers do: signed sums come out right.
  [[nodiscard]] std::uint64_t sum(std::uint32_t index) const;

  [[nodiscard]] std::size_t shard_count() const;

  // Of the thread_local bookkeeping.
  Shard* take();
  void give_back(Shard* shard);
  void close() { closed_.store(true, std::memory_order_release); }
  [[nodiscard]] bool closed() const { return closed_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<Shard*> free_;
  std::uint32_t next_cell_ = 0;
  std::atomic<bool> closed_{false};
};

}  // namespace sluice::telemetry
