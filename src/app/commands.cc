#include "app/commands.h"

#include <print>

#include "app/local_server.h"
#include "app/remote.h"
#include "config/config.h"
#include "http/json/reader.h"
#include "telemetry/process_metrics.h"

namespace sluice::app {

int check(const std::filesystem::path& file) {
  config::Problems problems;
  if (auto read = read_configuration(file, problems)) {
    Instance::try_out(std::move(*read), problems);
  }
  if (!problems.empty()) {
    std::println(stderr, "{}", problems.to_string());
    return 1;
  }
  std::println("{}: all right", file.string());
  return 0;
}

int models(const ServerChoice& server) {
  auto target = Target::open(server);
  auto answer = target ? ask(target->url(), "/v2/repository/index", "{}", server.key)
                       : Result<http::ClientResponse>(fail(target.error()));
  json::Reader reader;
  auto root = answer ? reader.parse_copy(answer->body)
                     : Result<simdjson::dom::element>(fail(answer.error()));
  simdjson::dom::array entries;
  if (!root || root->get(entries) != simdjson::SUCCESS) {
    std::println(stderr, "sluice models: {}", root ? "not a list of models" : root.error().message);
    return 1;
  }
  std::println("{:<24} {:<8} {:<12} {}", "NAME", "VERSION", "STATE", "REASON");
  for (const simdjson::dom::element entry : entries) {
    const auto text = [&](const char* key) {
      std::string_view value;
      return entry[key].get(value) == simdjson::SUCCESS ? value : std::string_view();
    };
    std::println("{:<24} {:<8} {:<12} {}", text("name"), text("version"), text("state"),
                 text("reason"));
  }
  return 0;
}

int reload(const ServerChoice& server) {
  const auto base = http::parse_url(server.url);
  const auto answer = base ? ask(*base, {.method = http::Method::kPost,
                                         .path = "/admin/reload",
                                         .key = server.key,
                                         .limit = std::chrono::minutes(5)})
                           : Result<http::ClientResponse>(fail(base.error()));
  if (!answer) {
    std::println(stderr, "sluice reload: {}", answer.error().message);
    return 1;
  }
  std::println("{}: reloaded", server.url);
  return 0;
}

int config_schema(SchemaFormat format) {
  std::print("{}", format == SchemaFormat::kMarkdown
                       ? config::markdown_reference_of<Options>("Configuration")
                       : config::json_schema_of<Options>("Sluice"));
  return 0;
}

int config_default() {
  std::print("{}", default_configuration());
  return 0;
}

int version() {
  std::println("sluice {} ({}, {})", SLUICE_VERSION, SLUICE_BUILD_TYPE, telemetry::compiler_name());
  return 0;
}

}  // namespace sluice::app
