#include "backends/onnx/runtime.h"

#include <onnxruntime_c_api.h>

#include <stdexcept>
#include <system_error>
#include <thread>

#include "backends/onnx/batch_tensors.h"
#include "base/format.h"
#include "runtime/io_threads.h"

namespace sluice::onnx {

namespace {

using telemetry::LogLevel;

LogLevel level_of(OrtLoggingLevel severity) {
  switch (severity) {
    case ORT_LOGGING_LEVEL_INFO:
      return LogLevel::kInfo;
    case ORT_LOGGING_LEVEL_WARNING:
      return LogLevel::kWarn;
    case ORT_LOGGING_LEVEL_FATAL:
      return LogLevel::kError;
    default:
      // Also what ONNX Runtime calls an error: a load or run that failed, which its caller hears.
      return LogLevel::kDebug;
  }
}

void forward(void* to, OrtLoggingLevel severity, const char* /*category*/, const char* /*log_id*/,
             const char* /*code_location*/, const char* message) {
  static_cast<telemetry::Log*>(to)->write(level_of(severity), "onnx", "onnxruntime",
                                          {{"message", message}});
}

std::shared_ptr<const Environment> make_environment(telemetry::Log& log) {
  OrtEnv* made = nullptr;
  const OrtApi* api = OrtGetApiBase()->GetApi(ORT_API_VERSION);
  if (api == nullptr) throw std::runtime_error("libonnxruntime.so.1 is older than its headers");
  if (auto ok = checked(api->CreateEnvWithCustomLogger(forward, &log, ORT_LOGGING_LEVEL_WARNING,
                                                       "sluice", &made));
      !ok) {
    throw std::runtime_error("ONNX Runtime cannot be set up: " + ok.error().message);
  }
  return {made, Release{}};
}

Result<std::uintmax_t> size_of_file(const std::filesystem::path& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) return fail(not_found("there is no such file"));
  if (!std::filesystem::is_regular_file(status)) return fail(invalid("it is not a file"));
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (error) return fail(invalid(error.message()));
  if (size == 0) return fail(invalid("the file is empty"));
  return size;
}

Error at_file(const std::filesystem::path& file, Error error) {
  error.message = formatted("{}: {}", file.string(), error.message);
  return error;
}

}  // namespace

OnnxRuntime::OnnxRuntime(Services services)
    : services_(services), environment_(make_environment(services.log)) {}

Result<std::shared_ptr<OnnxModel>> OnnxRuntime::load(const ModelSource& source,
                                                     const OnnxOptions& options) const {
  const auto size = size_of_file(source.file);
  if (!size) return fail(at_file(source.file, size.error()));
  std::size_t threads = options.threads;
  if (threads == 0) threads = *size < kSmallModelBytes ? 1 : usable_processors();
  auto session = Session::open(*environment_, source.file, options, threads);
  if (!session) return fail(at_file(source.file, session.error()));

  std::optional<RunCost> cost;
  if (options.warmup_rows > 0) {
    WarmUp warm = warm_up(*session, options.warmup_rows, services_.clock);
    cost = std::move(warm.cost);
    if (warm.refusal) {
      services_.log.warn("onnx", "not_warmed_up",
                         {{"model", source.name},
                          {"file", source.file.string()},
                          {"reason", warm.refusal->message},
                          {"consequence", "its calls always run on the pool"}});
    }
  }
  auto model = std::make_shared<OnnxModel>(
      OnnxModel::Parts{environment_,
                       source.name,
                       source.version,
                       source.file,
                       std::move(*session),
                       std::move(cost),
                       options.batching,
                       {&services_.pool, services_.idle_pool},
                       &services_.clock,
                       services_.instruments.model(source.name, source.version)});
  if (options.batching.on()) {
    if (auto ok = can_batch(model->describe()); !ok) {
      return fail(at_file(source.file, std::move(ok.error())));
    }
  }
  return model;
}

}  // namespace sluice::onnx
