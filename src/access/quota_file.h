// quota.json in the state folder: how much of their quotas keys have used.
//
//   {"format": 1, "used": {"7k2m9qxd": {"period": "2026-11-26", "count": 17}}}
//
// Several processes over one folder add up: each writes what it has counted since it last wrote,
// and learns what the others have.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "access/quota.h"
#include "base/result.h"

namespace sluice::access {

// By key id.
using UsedQuotas = std::map<std::string, QuotaCounter::Used, std::less<>>;
// Errors name the place. `file` stands before them.
Result<UsedQuotas> parse_quota_file(std::string_view text, std::string_view file);
std::string quota_file_text(const UsedQuotas& used);

// One key's counter, and what of it the file is known to have.
struct CountedQuota {
  std::string key_id;
  Period period = Period::kDay;
  std::shared_ptr<QuotaCounter> counter;
  QuotaCounter::Used merged{};
};

// What others have added to the file since it was last looked at goes into the counters.
void adopt_quotas(const UsedQuotas& file, std::vector<CountedQuota>& counted);
// The other way, after adopt_quotas(): the counters have all of it. Periods that are over go.
// Whether anything changed in `file`.
bool contribute_quotas(UsedQuotas& file, const std::vector<CountedQuota>& counted, WallTime now);

// Used by one thread at a time; blocks.
class QuotaFile {
 public:
  explicit QuotaFile(std::filesystem::path state_folder) : folder_(std::move(state_folder)) {}

  // Adopts and, where there is something new, contributes. The folder is made only to write.
  // kInvalid where the file is damaged, which is left as it is.
  [[nodiscard]] Result<> merge(std::vector<CountedQuota>& counted, WallTime now) const;
  // Nothing where there is no file.
  [[nodiscard]] Result<UsedQuotas> load() const;

 private:
  std::filesystem::path folder_;
};

}  // namespace sluice::access
