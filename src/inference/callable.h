// The one shape of everything that answers: start(Call, Request, Sink) -> cancel handle.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "inference/request.h"
#include "runtime/cancel.h"
#include "runtime/executor.h"

namespace sluice {

// Whether a person waits for the answer. More can be configured; these two are always there.
enum class ServiceClass : std::uint8_t { kRealtime, kBestEffort };

// When a call passed its stages; zero when it did not. Written by whoever runs the stage.
struct CallTimes {
  TimePoint queued{};   // handed to a pool or a slot queue
  TimePoint started{};  // began to run
  TimePoint first{};    // the first part was there, of calls that stream
  TimePoint ran{};      // the backend was done
};

// One request on its way: everything but its input. A plain value; the views belong to the edge
// that made it and live until the result has arrived.
struct Call {
  Executor* home = nullptr;  // where the result is wanted; start() is called from there
  Deadline deadline;
  bool deadline_asked = false;  // by the caller, in place of what callables have by default
  ServiceClass service_class = ServiceClass::kRealtime;
  bool may_run_inline = true;  // false: do not run on the home thread, however short
  std::uint8_t depth = 0;      // how many callables stand above this one
  std::string_view tenant;
  std::string_view request_id;
  std::string_view traceparent;  // W3C, as it came or was made; empty: none
  std::string_view tracestate;
  CallTimes* times = nullptr;  // filled in where it is cheap; may be null
};

// Callables may stand in one another this deep; beyond it the configuration is refused.
inline constexpr std::uint8_t kMaxCallDepth = 8;

// Gets the answer, on the call's home thread. on_result comes exactly once, possibly before start()
// returns, and also after a cancellation. The sink must live until then. Parts come before it, and
// none after a cancellation; the answer holds the whole all the same.
class Sink {
 public:
  virtual void on_part(Part /*part*/) {}
  virtual void on_result(Result<Response> result) = 0;

 protected:
  ~Sink() = default;
};

enum class CallableKind : std::uint8_t { kModel, kEnsemble, kTask, kRoute, kExternal };
std::string_view to_string(CallableKind kind);

// What a callable is and takes. Does not change during its life.
struct Description {
  std::string name;
  CallableKind kind = CallableKind::kModel;
  RequestKind takes = RequestKind::kInfer;
  std::string platform;  // "onnxruntime_onnx", "ensemble", "http_predict", "llama_cpp"
  std::string version;   // of this very object; "1" where nothing else is known
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<std::string> members;  // of an ensemble, in order
  Parameters properties;             // free facts for metadata

  [[nodiscard]] const TensorInfo* input(std::string_view tensor) const;
  [[nodiscard]] const TensorInfo* output(std::string_view tensor) const;
};

// How a call would be run, as far as can be told before.
struct Placement {
  enum class Where : std::uint8_t { kInline, kPooled, kRemote };
  Where where = Where::kPooled;
  Duration estimate{};  // of the run; zero when not known
};

// Calls estimated longer than this never run on an io thread.
inline constexpr Duration kInlineBound = std::chrono::microseconds(100);

// Thread-safe: start() may be called from many home threads at once. The caller holds a share until
// the result has arrived.
class Callable {
 public:
  virtual ~Callable() = default;

  [[nodiscard]] virtual const Description& describe() const = 0;
  // kInline is a promise: with call.may_run_inline the result arrives before start() returns.
  [[nodiscard]] virtual Placement placement(const Request& request) const = 0;
  // Whether a call would be taken now, and if not, why (kUnavailable).
  [[nodiscard]] virtual Result<> ready() const { return {}; }
  // The one that it wraps, as find_capability() follows them; null: none.
  [[nodiscard]] virtual Callable* behind() const { return nullptr; }

  // Never blocks. Errors of the request (wrong names, shapes, types: kInvalid) and of the run come
  // through the sink like any result. Past the deadline the result is kTimeout.
  virtual CancelHandle start(const Call& call, RequestPtr request, Sink& sink) = 0;
};

using CallablePtr = std::shared_ptr<Callable>;

// Whether it takes requests of this kind (else kInvalid, and what it takes instead).
Result<> check_kind(const Description& description, RequestKind kind);

// Checks a request against a description: every input there once, known, of the right type and a
// shape that matches. The message names the input, what was expected and what came.
Result<> check_inputs(const Description& description, const InferRequest& request);
// The kind, and the inputs where there are some.
Result<> check_request(const Description& description, const Request& request);

}  // namespace sluice
