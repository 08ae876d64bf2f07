#include "jobs/redis_record.h"

#include <bit>
#include <cstring>
#include <limits>

#include "base/format.h"

namespace sluice::jobs {

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kNoError = 255;

std::int64_t to_ms_or_zero(const std::optional<WallTime>& at) {
  return at ? std::chrono::floor<std::chrono::milliseconds>(at->time_since_epoch()).count() : 0;
}

class Packer {
 public:
  template <class Number>
  Packer& number(Number value) {
    const auto* bytes = reinterpret_cast<const char*>(&value);
    out_.append(bytes, sizeof value);
    return *this;
  }
  template <class Length = std::uint16_t>
  Packer& text(std::string_view value) {
    if (value.size() > std::numeric_limits<Length>::max()) too_long_ = value.size();
    number(static_cast<Length>(value.size()));
    out_.append(value);
    return *this;
  }
  Packer& append(std::string_view packed) {
    out_.append(packed);
    return *this;
  }
  Result<std::string> take() {
    if (too_long_ > 0) {
      return fail(invalid(formatted(
          "a job's callable, tenant, owner, batch, webhook and Idempotency-Key may have {} bytes "
          "each, not {}",
          std::numeric_limits<std::uint16_t>::max(), too_long_)));
    }
    return std::move(out_);
  }

 private:
  std::string out_;
  std::size_t too_long_ = 0;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}
  template <class Number>
  Number number() {
    Number value{};
    if (rest_.size() < sizeof value) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::optional<WallTime> time() {
    const auto ms = number<std::int64_t>();
    if (ms == 0) return std::nullopt;
    return WallTime(std::chrono::milliseconds(ms));
  }
  template <class Length = std::uint16_t>
  std::string text() {
    const auto length = number<Length>();
    if (rest_.size() < length) {
      ok_ = false;
      return {};
    }
    std::string value(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return value;
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

Result<std::string> new_record(const NewJob& job, std::string_view once) {
  Packer p;
  p.number(kVersion).number(JobState::kPending).number(std::uint8_t{0}).number(kNoError);
  p.number(std::uint32_t{0}).number(std::uint32_t{1});
  for (int i = 0; i < 3; ++i) p.number(std::uint32_t{0});
  for (int i = 0; i < 5; ++i) p.number(std::int64_t{0});
  p.number(0.0);

  Packer texts;
  texts.text(job.callable).text(job.format).text(job.tenant).text(job.owner);
  std::string more;
  if (!job.batch.empty() || !once.empty() || !job.metadata.empty() || !job.webhook.empty() ||
      job.line != 0 || !job.custom_id.empty()) {
    Packer m;
    m.text(job.batch).text(once).text<std::uint32_t>(job.metadata).text(job.webhook);
    auto packed = m.number(job.line).text(job.custom_id).take();
    if (!packed) return packed;
    more = std::move(*packed);
  }
  const auto packed = texts.text<std::uint32_t>(more).take();
  if (!packed) return packed;
  const bool marked =
      job.deadline || !once.empty() || !job.webhook.empty() || !job.batch.empty() || job.line != 0;
  for (int i = 0; i < 2; ++i) p.number(std::int64_t{0});
  p.number(job.priority).number(static_cast<std::uint8_t>(marked ? 1 : 0));
  p.number(static_cast<std::uint32_t>(packed->size()));
  p.number(to_ms_or_zero(job.run_at)).number(to_ms_or_zero(job.deadline)).append(*packed);
  return p.text("").text("").text<std::uint32_t>("").take();
}

std::string_view told_of(std::string_view new_record) {
  constexpr std::size_t kBefore = 88;
  return new_record.substr(kBefore);
}

bool has_foreign_output(std::string_view record) {
  constexpr std::size_t kFlags = 2;  // its place
  return record.size() > kFlags && (static_cast<unsigned char>(record[kFlags]) & 4U) != 0;
}

std::optional<Job> read_record(std::string id, std::string_view bytes) {
  Unpacker u(bytes);
  if (u.number<std::uint8_t>() != kVersion) return std::nullopt;
  Job job{.id = std::move(id)};
  job.state = static_cast<JobState>(u.number<std::uint8_t>());
  u.number<std::uint8_t>();
  const auto code = u.number<std::uint8_t>();
  job.attempt = u.number<std::uint32_t>();
  job.revision = u.number<std::uint32_t>();
  job.returns.failures = u.number<std::uint32_t>();
  job.returns.lost_leases = u.number<std::uint32_t>();
  job.returns.outages = u.number<std::uint32_t>();
  job.lease_until = u.time();
  job.started = u.time();
  job.finished = u.time();
  job.expires = u.time();
  job.not_before = u.time();
  job.progress = u.number<double>();

  u.number<std::int64_t>();
  job.created = u.time().value_or(WallTime());
  job.priority = static_cast<Priority>(u.number<std::uint8_t>());
  u.number<std::uint8_t>();
  u.number<std::uint32_t>();
  job.run_at = u.time();
  job.deadline = u.time();
  job.callable = u.text();
  job.format = u.text();
  job.tenant = u.text();
  job.owner = u.text();
  const std::string more = u.text<std::uint32_t>();

  job.worker = u.text();
  std::string error = u.text();
  if (code < kErrorCodeCount) job.error = Error{static_cast<ErrorCode>(code), std::move(error)};
  job.partial = u.text<std::uint32_t>();
  if (!u.ok()) return std::nullopt;
  if (more.empty()) return job;
  Unpacker m(more);
  job.batch = m.text();
  m.text();
  job.metadata = m.text<std::uint32_t>();
  job.webhook = m.text();
  job.line = m.number<std::uint32_t>();
  job.custom_id = m.text();
  if (!m.ok()) return std::nullopt;
  return job;
}

}  // namespace sluice::jobs
