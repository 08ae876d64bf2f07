// A server for one command: on a Unix socket of its own, in this process.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "app/commands.h"
#include "app/instance.h"
#include "http/client/url.h"

namespace sluice::app {

// Where the command's questions go: the running server, or one that lives as long as this.
class Target {
 public:
  // With --local the configuration's callables are loaded and served by the Open Inference
  // Protocol.
  static Result<Target> open(const ServerChoice& choice);
  Target(Target&&) noexcept = default;
  Target& operator=(Target&&) = delete;
  ~Target();

  [[nodiscard]] const http::Url& url() const { return url_; }

 private:
  Target() = default;
  http::Url url_;
  std::filesystem::path folder_;  // of the socket; empty for a running server
  std::unique_ptr<Instance> instance_;
};

}  // namespace sluice::app
