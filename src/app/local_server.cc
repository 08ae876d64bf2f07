#include "app/local_server.h"

#include <cstdlib>
#include <system_error>

#include "base/format.h"

namespace sluice::app {

Target::~Target() {
  instance_.reset();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

Result<Target> Target::open(const ServerChoice& choice) {
  Target target;
  if (!choice.local) {
    auto url = http::parse_url(choice.url);
    if (!url) return fail(url.error());
    target.url_ = std::move(*url);
    return target;
  }
  auto configuration = load_configuration(choice.config);
  if (!configuration) return fail(configuration.error());
  std::string folder = (std::filesystem::temp_directory_path() / "sluice-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    return fail(unavailable(formatted("cannot make a folder like {}", folder)));
  }
  target.folder_ = folder;
  target.url_.scheme = http::Url::Scheme::kUnix;
  target.url_.port = 0;
  target.url_.socket_path = folder + "/local.sock";

  Options& options = configuration->options;
  ListenerOptions listener;
  listener.address = "unix:" + target.url_.socket_path;
  listener.mounts.emplace_back().api = OpenInferenceMount{};
  options.listeners.clear();
  options.listeners.push_back(std::move(listener));
  options.access = {};  // it is the caller's own
  options.runtime.io_threads = 1;
  options.telemetry.log.level = telemetry::LogLevel::kError;
  auto instance = Instance::start(std::move(*configuration));
  if (!instance) return fail(instance.error());
  target.instance_ = std::move(*instance);
  return target;
}

}  // namespace sluice::app
