"""What TensorFlow Serving's official messages import from TensorFlow, without TensorFlow.

The package tensorflow-serving-api has the messages of the server itself; those of tensors and
signatures come from TensorFlow, which weighs half a gigabyte. They are described here by the names
and numbers of the public protocol, independently of the product's own text of it, and registered
under the names by which the package looks for them. Import this before tensorflow_serving.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "float": _FIELD.TYPE_FLOAT,
    "double": _FIELD.TYPE_DOUBLE,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "uint32": _FIELD.TYPE_UINT32,
    "uint64": _FIELD.TYPE_UINT64,
    "bool": _FIELD.TYPE_BOOL,
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
}

# tensorflow.DataType
TYPES = {
    "DT_INVALID": 0,
    "DT_FLOAT": 1,
    "DT_DOUBLE": 2,
    "DT_INT32": 3,
    "DT_UINT8": 4,
    "DT_INT16": 5,
    "DT_INT8": 6,
    "DT_STRING": 7,
    "DT_COMPLEX64": 8,
    "DT_INT64": 9,
    "DT_BOOL": 10,
    "DT_BFLOAT16": 14,
    "DT_UINT16": 17,
    "DT_COMPLEX128": 18,
    "DT_HALF": 19,
    "DT_UINT32": 22,
    "DT_UINT64": 23,
}

# File -> message -> "number name": "type", where "*" is repeated, "<K" a map from texts to K.
_MESSAGES: dict[str, dict[str, dict[str, str]]] = {
    "framework/tensor": {
        "TensorShapeProto.Dim": {"1 size": "int64", "2 name": "string"},
        "TensorShapeProto": {"2 dim": "*TensorShapeProto.Dim", "3 unknown_rank": "bool"},
        "TensorProto": {
            "1 dtype": "DataType",
            "2 tensor_shape": "TensorShapeProto",
            "3 version_number": "int32",
            "4 tensor_content": "bytes",
            "5 float_val": "*float",
            "6 double_val": "*double",
            "7 int_val": "*int32",
            "8 string_val": "*bytes",
            "9 scomplex_val": "*float",
            "10 int64_val": "*int64",
            "11 bool_val": "*bool",
            "12 dcomplex_val": "*double",
            "13 half_val": "*int32",
            "16 uint32_val": "*uint32",
            "17 uint64_val": "*uint64",
        },
    },
    "protobuf/meta_graph": {
        "TensorInfo": {
            "1 name": "string",
            "2 dtype": "DataType",
            "3 tensor_shape": "TensorShapeProto",
        },
        "SignatureDef": {
            "1 inputs": "<TensorInfo",
            "2 outputs": "<TensorInfo",
            "3 method_name": "string",
        },
    },
    # Named by messages that no test uses.
    "example/example": {"Example": {}},
    "protobuf/config": {"RunOptions": {}, "RunMetadata": {}},
    "protobuf/named_tensor": {"NamedTensorProto": {}},
}
_IMPORTS = {"protobuf/meta_graph": ["framework/tensor"]}
# tensorflow.error.Code, as far as it is answered.
_CODES = {"OK": 0, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "NOT_FOUND": 5, "UNAVAILABLE": 14}


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, kind: str) -> None:
    number, label = name.split()
    field = message.field.add(name=label, number=int(number), label=_FIELD.LABEL_OPTIONAL)
    if kind[0] in "*<":
        field.label = _FIELD.LABEL_REPEATED
    if kind[0] == "<":
        entry = message.nested_type.add(name=f"{label.title()}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL)
        _add_field(entry, "2 value", kind[1:])
        kind = f"{message.name}.{entry.name}"
    kind = kind.lstrip("*")
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _FIELD.TYPE_ENUM if kind == "DataType" else _FIELD.TYPE_MESSAGE
        field.type_name = f".tensorflow.{kind}"


def _enum(file: descriptor_pb2.FileDescriptorProto, name: str, values: dict[str, int]) -> None:
    enum = file.enum_type.add(name=name)
    for label, number in values.items():
        enum.value.add(name=label, number=number)


def _describe(name: str, messages: dict[str, dict[str, str]]) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"tensorflow/core/{name}.proto", package="tensorflow", syntax="proto3"
    )
    file.dependency.extend(f"tensorflow/core/{other}.proto" for other in _IMPORTS.get(name, []))
    if name == "framework/tensor":
        _enum(file, "DataType", TYPES)
    made: dict[str, descriptor_pb2.DescriptorProto] = {}
    for full in sorted(messages):  # the outer ones first
        outer, _, inner = full.rpartition(".")
        made[full] = made[outer].nested_type.add(name=inner) if outer else file.message_type.add()
        made[full].name = inner
        for field, kind in messages[full].items():
            _add_field(made[full], field, kind)
    return file


def _module(name: str) -> ModuleType:
    """The module of that name, and the packages above it."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        full = ".".join(parts[:depth])
        module = sys.modules.setdefault(full, ModuleType(full))
        if depth < len(parts):
            module.__path__ = []
        if depth > 1:
            setattr(sys.modules[".".join(parts[: depth - 1])], parts[depth - 1], module)
    return sys.modules[name]


def _register() -> Any:
    pool = descriptor_pool.Default()
    files = [_describe(name, messages) for name, messages in _MESSAGES.items()]
    codes = descriptor_pb2.FileDescriptorProto(
        name="tensorflow/core/protobuf/error_codes.proto",
        package="tensorflow.error",
        syntax="proto3",
    )
    _enum(codes, "Code", _CODES)
    for file in [*files, codes]:
        pool.AddSerializedFile(file.SerializeToString())
        module = _module(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
        descriptor = pool.FindFileByName(file.name)
        module.__dict__["DESCRIPTOR"] = descriptor
        for label, message in descriptor.message_types_by_name.items():
            setattr(module, label, message_factory.GetMessageClass(message))
    # Where the codes stand today, as the package's generated code has it.
    there = sys.modules["tensorflow.core.protobuf.error_codes_pb2"]
    there.__dict__["xla_dot_tsl_dot_protobuf_dot_error__codes__pb2"] = there
    return sys.modules["tensorflow.core.framework.tensor_pb2"]


# tensorflow.TensorProto
TensorProto: Any = _register().TensorProto
