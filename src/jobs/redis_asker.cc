#include "jobs/redis_asker.h"

#include "base/format.h"

namespace sluice::jobs {

Error RedisAsker::too_many() const {
  return {ErrorCode::kExhausted, formatted("{} questions wait for the store already", limit_),
          std::chrono::milliseconds(1000)};
}

void RedisAsker::add(RedisLane lane, RedisQuestionPtr question) {
  if (loop_.is_current() && lanes_ != nullptr) {
    lanes_->add(lane, std::move(question));
    if (std::exchange(flush_planned_, true)) return;
    loop_.defer([this] {  // those of one turn go out together
      flush_planned_ = false;
      if (lanes_ != nullptr) lanes_->flush();
    });
    return;
  }
  const std::scoped_lock lock(inbox_mutex_);
  inbox_.emplace_back(lane, std::move(question));
  if (inbox_.size() == 1) loop_.post([this] { take_inbox(); });
}

void RedisAsker::take_inbox() {
  if (lanes_ == nullptr) return;
  {
    const std::scoped_lock lock(inbox_mutex_);
    taken_.swap(inbox_);
  }
  for (auto& [lane, question] : taken_) lanes_->add(lane, std::move(question));
  taken_.clear();
  lanes_->flush();
}

}  // namespace sluice::jobs
