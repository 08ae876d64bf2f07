#include "inference/callable.h"

#include "base/format.h"

namespace sluice {

namespace {
const TensorInfo* find(const std::vector<TensorInfo>& infos, std::string_view name) {
  for (const TensorInfo& info : infos) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

std::string names(const std::vector<TensorInfo>& infos) {
  std::string text;
  for (const TensorInfo& info : infos) {
    if (!text.empty()) text += ", ";
    text += info.name;
  }
  return text;
}
}  // namespace

std::string_view to_string(CallableKind kind) {
  switch (kind) {
    case CallableKind::kModel:
      return "model";
    case CallableKind::kEnsemble:
      return "ensemble";
    case CallableKind::kTask:
      return "task";
    case CallableKind::kRoute:
      return "route";
    case CallableKind::kExternal:
      return "external";
  }
  return "model";
}

std::string_view to_string(RequestKind kind) {
  switch (kind) {
    case RequestKind::kInfer:
      return "tensors";
    case RequestKind::kGenerate:
      return "prompts";
    case RequestKind::kEmbed:
      return "texts to embed";
  }
  return "tensors";
}

Result<> check_kind(const Description& description, RequestKind kind) {
  if (kind == description.takes) return {};
  return fail(invalid(formatted("'{}' takes {}, not {}", description.name,
                                to_string(description.takes), to_string(kind))));
}

const TensorInfo* Description::input(std::string_view tensor) const {
  return find(inputs, tensor);
}
const TensorInfo* Description::output(std::string_view tensor) const {
  return find(outputs, tensor);
}

Result<> check_request(const Description& description, const Request& request) {
  if (auto kind = check_kind(description, kind_of(request)); !kind) return kind;
  const auto* infer = std::get_if<InferRequest>(&request);
  return infer == nullptr ? Result<>() : check_inputs(description, *infer);
}

Result<> check_inputs(const Description& description, const InferRequest& request) {
  for (const Tensor& tensor : request.inputs) {
    const TensorInfo* info = description.input(tensor.name);
    if (info == nullptr) {
      return fail(invalid(formatted("'{}' has no input '{}'; its inputs are: {}", description.name,
                                    tensor.name, names(description.inputs))));
    }
    if (request.input(tensor.name) != &tensor) {
      return fail(invalid(formatted("input '{}' is there twice", tensor.name)));
    }
    if (tensor.type != info->type) {
      return fail(
          invalid(formatted("input '{}' of '{}' takes {}, got {}", tensor.name, description.name,
                            to_string(info->type), to_string(tensor.type))));
    }
    if (!tensor.shape.matches(info->shape)) {
      return fail(
          invalid(formatted("input '{}' of '{}' takes shape {}, got {}", tensor.name,
                            description.name, to_string(info->shape), to_string(tensor.shape))));
    }
  }
  if (request.inputs.size() != description.inputs.size()) {
    for (const TensorInfo& info : description.inputs) {
      if (request.input(info.name) == nullptr) {
        return fail(
            invalid(formatted("input '{}' of '{}' is missing", info.name, description.name)));
      }
    }
  }
  for (const std::string& output : request.outputs) {
    if (description.output(output) == nullptr) {
      return fail(invalid(formatted("'{}' has no output '{}'; its outputs are: {}",
                                    description.name, output, names(description.outputs))));
    }
  }
  return {};
}

}  // namespace sluice
