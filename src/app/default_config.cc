#include "app/options.h"

namespace sluice::app {

std::string_view default_configuration() {
  return R"(# Everything in one process, on loopback only. `sluice serve` runs this when no file is given.
version: 1

listeners:
  - address: ${SLUICE_HTTP:-127.0.0.1:8080}
    mounts:
      - {api: open_inference}
      - {api: tensorflow_serving}
      - {api: jobs}
      - {api: admin}
      - {api: horizontal_proxy, target: iris_ensemble, prefix: /iris}
      - {api: horizontal_service, target: setosa, prefix: /setosa}
      - {api: horizontal_service, target: versicolor, prefix: /versicolor}
      - {api: horizontal_service, target: virginica, prefix: /virginica}
  - address: ${SLUICE_GRPC:-127.0.0.1:8081}
    protocol: grpc
    mounts:
      - {api: open_inference}
      - {api: tensorflow_serving}

callables:
  setosa: {model: {backend: onnx, path: "${SLUICE_MODELS_DIR}/iris_svc_0_setosa.onnx"}}
  versicolor: {model: {backend: onnx, path: "${SLUICE_MODELS_DIR}/iris_svc_0_versicolor.onnx"}}
  virginica: {model: {backend: onnx, path: "${SLUICE_MODELS_DIR}/iris_svc_0_virginica.onnx"}}
  iris: {model: {backend: onnx, path: "${SLUICE_MODELS_DIR}/iris.onnx"}}
  iris_ensemble:
    ensemble:
      members:
        setosa: {target: setosa}
        versicolor: {target: versicolor}
        virginica: {target: virginica}
      merge: {rule: best_label, output: output_probability}
)";
}

}  // namespace sluice::app
