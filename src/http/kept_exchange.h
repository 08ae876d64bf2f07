// A request that was kept, put to its handler again.
#pragma once

#include <memory>
#include <string>

#include "http/exchange.h"
#include "http/kept_message.h"
#include "http/router.h"

namespace sluice::http {

// What came of it: the answer as it would have been sent, and the error that it tells of, where it
// does.
struct KeptAnswer {
  int status = 0;
  KeptMessage message;  // the first line is the status
  std::optional<Error> error;
};

// An exchange without a connection. It keeps itself until it has been answered. One loop.
class KeptExchange final : public Exchange, public std::enable_shared_from_this<KeptExchange> {
 public:
  using Done = std::move_only_function<void(KeptAnswer)>;

  static std::shared_ptr<KeptExchange> make(EventLoop& loop, KeptMessage request,
                                            PrincipalPtr principal, std::string request_id,
                                            Done done);
  // Finds the route and runs its handler, past the router's guard: who asked was let in then. Then
  // `done` is called once, on the loop and later than this returns, and `router` stays until then.
  // False: there is no such route; try another.
  bool serve(const Router& router);
  // Whoever waited for the answer does so no more. It is answered all the same.
  void cancel();

 private:
  KeptExchange(EventLoop& loop, KeptMessage request, PrincipalPtr principal, std::string request_id,
               Done done);
  void do_respond(const ResponseHead& head, std::string_view body) override;
  void do_start_stream(const ResponseHead& head) override;
  bool do_write_stream(std::string_view part) override;
  void do_end_stream() override;

  KeptMessage request_;
  RequestHead request_head_;
  KeptAnswer answer_;
  Done done_;
  std::shared_ptr<KeptExchange> self_;  // until it is answered
};

}  // namespace sluice::http
