// What is configured of access.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/key_record.h"
#include "base/result.h"
#include "config/describe.h"

namespace sluice::access {

// A key in the configuration, for several machines that know the same keys.
struct KeyOptions {
  std::string name;
  std::string sha256;  // of the key as text
  std::optional<std::string> id;
  std::optional<std::string> tenant;
  std::vector<std::string> scopes = {"callables=*"};
  ServiceClass ceiling = ServiceClass::kRealtime;
  std::optional<std::string> rate;
  std::optional<std::string> quota;
  std::optional<std::string> expires;
  config::Node where;
};
void describe(config::Fields<KeyOptions>& f);

struct AccessOptions {
  // Whether a key is asked for; unset: where anything is listened on beyond loopback, as soon as
  // there is a key.
  std::optional<bool> required;
  std::vector<KeyOptions> keys;
  std::size_t addresses = 100'000;  // with a bucket each
};
void describe(config::Fields<AccessOptions>& f);
void validate(const AccessOptions& o, config::Problems& p, const config::Node& at);

// Of options that have been read without a problem.
KeyRecord record_of(const KeyOptions& options);

// The rate that a mount or listener gives to addresses, as it is configured: one as of keys, or
// "unlimited".
Result<std::optional<Rate>> parse_address_rate(std::string_view text);
// For such a field: empty, or what was expected.
std::string check_address_rate(const std::string& text);

}  // namespace sluice::access
