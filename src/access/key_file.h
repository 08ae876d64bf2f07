// keys.json in the state folder: the keys of one machine, made and revoked by `sluice keys`.
//
//   {"format": 1, "keys": [
//     {"id": "7k2m9qxd", "name": "ci", "sha256": "<64 hexadecimal digits>", "tenant": "team",
//      "scopes": ["callables=iris,setosa", "jobs"], "class": "best_effort", "rate": "100/1m",
//      "quota": "10000/day", "created": "2026-11-26T01:00:00Z", "expires": "2027-01-01T00:00:00Z",
//      "revoked": "2026-12-01T10:00:00Z"}]}
//
// class, rate, quota, expires and revoked may be missing. The key itself stands nowhere.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/key_record.h"
#include "access/key_text.h"
#include "base/file.h"
#include "base/result.h"

namespace sluice::access {

inline constexpr std::size_t kMaxKeyFileBytes = std::size_t{16} * 1024 * 1024;

// Errors name the place: "keys[2].sha256: ...". `file` stands before them.
Result<std::vector<KeyRecord>> parse_key_file(std::string_view text, std::string_view file);
std::string key_file_text(const std::vector<KeyRecord>& keys);

// Made by whoever reads or writes it. Any thread; blocks.
class KeyFile {
 public:
  // Looks at nothing yet.
  explicit KeyFile(const std::filesystem::path& state_folder)
      : path_(state_folder / "keys.json"), lock_path_(state_folder / "keys.lock") {}

  // No keys where there is no file. A damaged file, or one of a newer format, is kInvalid.
  [[nodiscard]] Result<std::vector<KeyRecord>> load() const;
  // Reads, changes and writes, with nobody else doing so meanwhile. The folder must be there. When
  // the change fails, or the file is damaged, nothing is written.
  using Change = std::function<Result<>(std::vector<KeyRecord>&)>;
  Result<> change(const Change& change) const;

  [[nodiscard]] FileStamp stamp() const { return FileStamp::of(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::filesystem::path lock_path_;
};

// --- what is done to a list of keys

// Adds a key like `wanted`, whose id, digest and creation are filled in, and gives its text.
// kConflict where the name is taken, kExhausted at kMaxKeys.
Result<std::string> add_key(std::vector<KeyRecord>& keys, KeyRecord wanted, WallTime now,
                            const SecretBytes& secrets);
// Of the key with this id, or of the one with this name that is not revoked. kNotFound where there
// is none, kConflict where it is revoked already.
Result<KeyRecord> revoke_key(std::vector<KeyRecord>& keys, std::string_view id_or_name,
                             WallTime now);

}  // namespace sluice::access
