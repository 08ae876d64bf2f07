#include "api/jobs/batch_upload.h"

#include <optional>
#include <utility>
#include <vector>

#include "api/jobs/body.h"
#include "api/jobs/idempotency.h"
#include "api/jobs/line_splitter.h"
#include "api/jobs/owner.h"
#include "base/digest.h"
#include "base/format.h"

namespace sluice::api::jobs {

namespace {

using sluice::jobs::Batch;
using sluice::jobs::CreatedBatch;
using sluice::jobs::NewJob;

constexpr std::size_t kLongestLine = 1 << 20;
// What goes to the store in one go; beyond it nothing more is read until that has answered.
constexpr std::size_t kPieceLines = 256;
constexpr std::size_t kPieceBytes = 512 * 1024;

std::string text_of(const Sha256& digest) {
  return {digest.begin(), digest.end()};
}

// Attached to its exchange, and used on that one's loop only.
class BatchUpload final : public http::BodySink {
 public:
  using Accepted = std::function<void(http::Exchange&, const Batch&)>;
  BatchUpload(http::Exchange& exchange, const sluice::jobs::Desk& desk, const gateway::Mount& mount,
              SubmissionReader& reader, std::string callable, Accepted accepted)
      : exchange_(exchange),
        desk_(desk),
        store_(*desk.store.batches()),
        mount_(mount),
        reader_(reader),
        callable_(std::move(callable)),
        accepted_(std::move(accepted)),
        owner_(owner_of(exchange)),
        splitter_(kLongestLine) {}

  void start() {
    auto key = idempotency_key(exchange_.head(), desk_.limits.max_idempotency_key_bytes);
    if (!key) return refuse(exchange_, key.error());
    if (!key->empty()) {
      digest_.emplace();
      digest_->add(formatted("{}\n", callable_));
    }
    exchange_.on_cancel([this] { give_up(499, cancelled("the upload broke off")); });
    asking_ = true;
    sluice::jobs::NewBatch asked{
        .owner = owner_, .metadata = {}, .idempotency_key = std::move(*key)};
    store_.create_batch(exchange_.loop(), std::move(asked), [this](Result<CreatedBatch> created) {
      asking_ = false;
      if (!created) {
        exchange_.on_cancel(nullptr);
        return refuse(exchange_, created.error());
      }
      if (created->digest) {
        known_ = std::move(*created);
      } else {
        id_ = std::move(created->batch.id);
      }
      if (broken_) return go_on();
      exchange_.stream_body(*this);
    });
  }

  bool on_part(std::string_view part) override {
    if (digest_) digest_->add(part);
    if (known_) return !broken_;
    splitter_.feed(part, [this](auto number, const std::string& line, bool too_long) {
      take(number, line, too_long);
    });
    go_on();
    return !broken_ && !(asking_ && full());
  }
  void on_end() override {
    if (known_) return compare();
    splitter_.finish([this](auto number, const std::string& line, bool too_long) {
      take(number, line, too_long);
    });
    ended_ = true;
    go_on();
  }
  void on_broken(int status, const Error& why) override { give_up(status, why); }

 private:
  struct Broken {
    int status;
    Error why;
  };

  [[nodiscard]] bool full() const {
    return piece_.size() >= kPieceLines || piece_bytes_ >= kPieceBytes;
  }

  void take(std::uint32_t number, const std::string& line, bool too_long) {
    if (broken_) return;
    if (++count_ > desk_.limits.max_batch_lines) {
      broken_ = {413, Error{ErrorCode::kTooLarge,
                            formatted("a batch has at most {} lines; hand the rest in as another",
                                      desk_.limits.max_batch_lines)}};
      return;
    }
    NewJob job;
    if (too_long) {
      job.broken =
          Error{ErrorCode::kTooLarge, formatted("the line is longer than {} bytes", kLongestLine)};
    } else {
      job = reader_.read_line(line, callable_, exchange_.principal.get(), mount_.local.registry(),
                              mount_.clock.wall());
    }
    job.line = number;
    job.owner = owner_;
    job.tenant = tenant_of(exchange_);
    job.priority = sluice::jobs::Priority::kLow;
    piece_bytes_ += job.input.size();
    piece_.push_back(std::move(job));
  }

  // The next step, once the store has answered the last one.
  void go_on() {
    if (asking_) return;
    if (broken_) return abandon();
    if (full() || (ended_ && !piece_.empty())) return send();
    if (ended_) seal();
  }
  void send() {
    asking_ = true;
    piece_bytes_ = 0;
    store_.add_to_batch(exchange_.loop(), id_, std::exchange(piece_, {}), [this](Result<> added) {
      asking_ = false;
      if (!added) return give_up(http::status_of(added.error().code), added.error());
      // What still comes is taken before anything else is done.
      go_on();
      if (!ended_ && !broken_) exchange_.resume_body();
    });
  }
  void seal() {
    asking_ = true;
    std::string digest = digest_ ? text_of(digest_->finish()) : std::string();
    store_.seal_batch(exchange_.loop(), id_, std::move(digest), [this](Result<Batch> sealed) {
      if (!sealed) {
        asking_ = false;
        return give_up(http::status_of(sealed.error().code), sealed.error());
      }
      store_.get_batch(exchange_.loop(), id_, [this, sealed](Result<Batch> batch) {
        exchange_.on_cancel(nullptr);
        // It was accepted, whether or not it can be read now.
        accepted_(exchange_, batch ? *batch : *sealed);
      });
    });
  }

  // A second upload under a key: it is read to its end, and not kept.
  void compare() {
    if (broken_) return;  // it was answered
    const Sha256 digest = digest_->finish();
    exchange_.on_cancel(nullptr);
    if (std::string_view(*known_->digest) != text_of(digest)) {
      return refuse(exchange_, invalid("this Idempotency-Key was used for another upload; take a "
                                       "new key"));
    }
    store_.get_batch(exchange_.loop(), known_->batch.id, [this](Result<Batch> batch) {
      if (!batch) return refuse(exchange_, batch.error());
      accepted_(exchange_, *batch);
    });
  }

  void give_up(int status, const Error& why) {
    if (!broken_) broken_ = {status, why};
    go_on();
  }
  void abandon() {
    asking_ = true;
    exchange_.on_cancel(nullptr);
    if (id_.empty()) return http::respond_problem(exchange_, broken_->status, broken_->why);
    // Where the store does not hear of it, it finds the batch abandoned later.
    store_.cancel_batch(exchange_.loop(), id_, broken_->why.message, [this](const Result<Batch>&) {
      http::respond_problem(exchange_, broken_->status, broken_->why);
    });
  }

  http::Exchange& exchange_;
  const sluice::jobs::Desk& desk_;
  sluice::jobs::BatchStore& store_;
  const gateway::Mount& mount_;
  SubmissionReader& reader_;
  const std::string callable_;
  Accepted accepted_;
  const std::string owner_;
  std::string id_;
  std::optional<Sha256Sum> digest_;    // with an idempotency key: of callable and body
  std::optional<CreatedBatch> known_;  // the batch that was made under it
  LineSplitter splitter_;
  std::size_t count_ = 0;
  std::vector<NewJob> piece_;
  std::size_t piece_bytes_ = 0;
  bool asking_ = false;  // the store
  bool ended_ = false;   // the body
  std::optional<Broken> broken_;
};

}  // namespace

void take_batch(http::Exchange& exchange, const sluice::jobs::Desk& desk,
                const gateway::Mount& mount, SubmissionReader& reader, std::string callable,
                std::function<void(http::Exchange&, const Batch&)> accepted) {
  exchange
      .attach<BatchUpload>(exchange, desk, mount, reader, std::move(callable), std::move(accepted))
      .start();
}

}  // namespace sluice::api::jobs
