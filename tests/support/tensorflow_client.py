"""A client of TensorFlow Serving made of its official messages, over gRPC."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
import numpy as np

from support.tensorflow_messages import TYPES, TensorProto
from support.waiting import DEADLINE_S

# After the messages that they import.
from tensorflow_serving.apis import (  # isort: skip
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

Array = np.ndarray[Any, Any]

# Open Inference datatype -> TensorFlow's, for those that both know.
NAMES = {
    "BOOL": "DT_BOOL",
    "UINT8": "DT_UINT8",
    "UINT16": "DT_UINT16",
    "UINT32": "DT_UINT32",
    "UINT64": "DT_UINT64",
    "INT8": "DT_INT8",
    "INT16": "DT_INT16",
    "INT32": "DT_INT32",
    "INT64": "DT_INT64",
    "FP16": "DT_HALF",
    "FP32": "DT_FLOAT",
    "FP64": "DT_DOUBLE",
    "BYTES": "DT_STRING",
}
_LISTS = {
    "DT_BOOL": "bool_val",
    "DT_UINT8": "int_val",
    "DT_UINT16": "int_val",
    "DT_UINT32": "uint32_val",
    "DT_UINT64": "uint64_val",
    "DT_INT8": "int_val",
    "DT_INT16": "int_val",
    "DT_INT32": "int_val",
    "DT_INT64": "int64_val",
    "DT_HALF": "half_val",
    "DT_FLOAT": "float_val",
    "DT_DOUBLE": "double_val",
    "DT_STRING": "string_val",
}


def tensor(values: Array, datatype: str = "FP32", *, typed: bool = False) -> Any:
    """The array as tensor_content, or in the list of its type."""
    name = NAMES[datatype]
    proto = TensorProto(dtype=TYPES[name])
    for size in values.shape:
        proto.tensor_shape.dim.add(size=size)
    if not typed and datatype != "BYTES":
        proto.tensor_content = values.tobytes()
        return proto
    flat = values.view(np.uint16) if datatype == "FP16" else values
    getattr(proto, _LISTS[name]).extend(flat.flatten().tolist())
    return proto


def array(proto: Any, dtype: Any) -> Array:
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.dtype == TYPES["DT_STRING"]:
        return np.array(list(proto.string_val), dtype=object).reshape(shape)
    return np.frombuffer(proto.tensor_content, dtype=dtype).reshape(shape)


class TensorflowClient:
    """One channel to one server. A call that fails raises grpc.RpcError."""

    def __init__(self, address: str, certificate: Path | None = None) -> None:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
        if certificate is None:
            self._channel = grpc.insecure_channel(address, options)
        else:
            credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
            self._channel = grpc.secure_channel(address, credentials, options)
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._channel.close()

    @staticmethod
    def request(model: str, inputs: dict[str, Any], **spec: Any) -> Any:
        request = predict_pb2.PredictRequest()
        _fill(request.model_spec, model, **spec)
        for name, proto in inputs.items():
            request.inputs[name].CopyFrom(proto)
        return request

    def predict(self, model: str, inputs: dict[str, Any], **spec: Any) -> Any:
        return self.predictions.Predict(self.request(model, inputs, **spec), timeout=DEADLINE_S)

    def classify(self, model: str) -> Any:
        request = classification_pb2.ClassificationRequest()
        request.model_spec.name = model
        return self.predictions.Classify(request, timeout=DEADLINE_S)

    def metadata(self, model: str, **spec: Any) -> tuple[Any, Any]:
        """The model's spec and its signatures, by name."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        _fill(request.model_spec, model, **spec)
        answer = self.predictions.GetModelMetadata(request, timeout=DEADLINE_S)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert answer.metadata["signature_def"].Unpack(signatures)
        return answer.model_spec, signatures.signature_def

    def status(self, model: str, **spec: Any) -> Any:
        request = get_model_status_pb2.GetModelStatusRequest()
        _fill(request.model_spec, model, **spec)
        return self._models.GetModelStatus(request, timeout=DEADLINE_S).model_version_status


def _fill(
    spec: Any, model: str, version: int | None = None, label: str = "", signature: str = ""
) -> None:
    spec.name = model
    spec.signature_name = signature
    if version is not None:
        spec.version.value = version
    if label:
        spec.version_label = label
