// Tensors as TensorFlow has them in its messages, both ways.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "inference/tensor.h"

namespace tensorflow {
class TensorProto;
class TensorShapeProto;
}  // namespace tensorflow

namespace sluice::rpc {

// A value that stands for many may fill so much memory, but no more: a message of some bytes can
// name a shape of any size.
inline constexpr std::size_t kMaxRepeatedBytes = std::size_t{64} * 1024 * 1024;

// Between our types and the numbers of tensorflow.DataType. None for those that have no match here:
// complex numbers, quantised integers, resources, variants.
std::optional<DataType> from_tensorflow(int dtype);
int to_tensorflow(DataType type);
// "DT_FLOAT"
std::string_view tensorflow_name(DataType type);
// The same of any number; a number that has no name comes as it is.
std::string tensorflow_name(int dtype);

// The shape of a description, where -1 is any. kInvalid for an unknown rank, and for more than
// Shape::kMaxRank dimensions.
Result<Shape> shape_from_proto(const tensorflow::TensorShapeProto& from);
void shape_to_proto(const Shape& shape, tensorflow::TensorShapeProto& to);

// Elements come in tensor_content (little-endian; of strings all lengths as varints, then all
// bytes) or in the list of the type, where the last value stands for all that are missing, and no
// value for zeros and empty strings. kInvalid with the tensor's name, what was expected and what
// came: also where values lie in another type's list, and for more than kMaxRepeatedBytes by
// repetition.
Result<Tensor> tensor_from_proto(std::string name, const tensorflow::TensorProto& from);

// Fills in an empty message: strings as string_val, the rest as tensor_content.
void tensor_to_proto(const Tensor& tensor, tensorflow::TensorProto& to);

}  // namespace sluice::rpc
