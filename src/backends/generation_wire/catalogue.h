// Which engines have the model: asked of them again and again, behind the calls.
#pragma once

#include <memory>
#include <vector>

#include "backends/generation_wire/service.h"

namespace sluice::generation_wire {

// On one io thread, until the service is gone. An engine that cannot be reached is left out until
// it answers; one that does not tell what it has may have everything.
class Catalogue final : public std::enable_shared_from_this<Catalogue> {
 public:
  // From any thread, once.
  static void start(const std::shared_ptr<Service>& service);

  Catalogue(const std::shared_ptr<Service>& service, const std::shared_ptr<Lane>& lane);

 private:
  struct Look {
    TimePoint next{};
    bool asking = false;
  };
  void turn();
  void ask(const std::shared_ptr<Service>& service, const std::shared_ptr<Engine>& engine);
  void ask_loaded(const std::shared_ptr<Service>& service, const std::shared_ptr<Engine>& engine);
  void on_models(Service& service, Engine& engine, const Result<http::ClientResponse>& answer);
  static void get(Service& service, Lane& lane, const Engine& engine, const std::string& path,
                  http::Client::Done done);

  const std::weak_ptr<Service> service_;
  const std::weak_ptr<Lane> lane_;  // the service's
  std::vector<Look> looks_;         // by engine
};

}  // namespace sluice::generation_wire
