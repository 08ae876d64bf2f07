// Which callables a mount of an API for language models serves, by the names that clients say.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/format.h"
#include "gateway/mount.h"
#include "http/exchange.h"
#include "inference/request.h"

namespace sluice::api::generation {

// Names come from callers: shown in messages as far as they can be a name.
inline std::string_view shown(std::string_view name) {
  return name.substr(0, 100);
}

// Clients of Ollama put ":latest" behind a name.
std::string_view without_latest(std::string_view model);

// Whether it takes prompts or texts to embed.
bool makes_text(const Description& description);
// What it says of itself by yes or no; none where it does not say.
std::optional<bool> says(const Description& description, std::string_view property);
inline Error no_model(std::string_view name) {
  return not_found(formatted("there is no model '{}'", shown(name)));
}

// One mount as one thread sees it; on that thread only.
class Face {
 public:
  // `api` is what metrics and the log call it.
  Face(std::string_view api, const gateway::Mount& mount) : api_(api), mount_(mount) {}

  // Under its name, or with ":latest" behind it. A client that says none gets the mount's target,
  // or the only callable that takes such requests and that it may call. kForbidden for one that
  // `principal` may not call, whether it exists or not; kNotFound, kUnavailable for one that is not
  // ready, or kInvalid for one that takes something else. No kind: any that makes_text(). Null: on
  // nobody's behalf, or of who came without a key.
  [[nodiscard]] Result<const CallablePtr*> find(std::string_view model,
                                                std::optional<RequestKind> kind,
                                                const Principal* principal) const;
  // Those that take prompts or texts to embed and that this caller may call, by configuration.
  [[nodiscard]] std::vector<const Callable*> served(const Principal* principal) const;

  // For metrics and the log: of a callable that exists, so that there are never more of them than
  // callables. Empty: of what names none.
  const http::ExchangeLabels& labels(std::string_view callable);

  [[nodiscard]] const gateway::Mount& mount() const { return mount_; }

 private:
  struct Labels {
    telemetry::RequestMetrics metrics;
    http::ExchangeLabels labels;
  };

  std::string api_;
  gateway::Mount mount_;
  std::map<std::string, Labels, std::less<>> labels_;
};

}  // namespace sluice::api::generation
