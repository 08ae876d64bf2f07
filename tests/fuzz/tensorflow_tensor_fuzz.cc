// TensorFlow's tensors as they come in a message. The first byte says whether it is parsed as one,
// or fields of one are put together from the rest, which finds more than bytes that rarely parse.
// What is read must be written again so that it reads back the same.

#include <cstdlib>
#include <cstring>
#include <string>

#include "rpc/library_setup.h"
#include "rpc/tensorflow.pb.h"
#include "rpc/tensorflow_tensor.h"

namespace {
void check(bool good) {
  if (!good) std::abort();
}

bool same(const sluice::Tensor& a, const sluice::Tensor& b) {
  return a.type == b.type && a.shape == b.shape && a.strings == b.strings &&
         a.data.size() == b.data.size() &&
         (a.data.size() == 0 || std::memcmp(a.data.data(), b.data.data(), a.data.size()) == 0);
}

void read(const tensorflow::TensorProto& proto) {
  const auto tensor = sluice::rpc::tensor_from_proto("x", proto);
  if (!tensor) {
    check(tensor.error().code == sluice::ErrorCode::kInvalid && !tensor.error().message.empty());
    return;
  }
  tensorflow::TensorProto again;
  sluice::rpc::tensor_to_proto(*tensor, again);
  const auto back = sluice::rpc::tensor_from_proto("x", again);
  check(back.has_value() && same(*tensor, *back));
}

// dtype, rank, dimensions of a byte each, and then content.
void put_together(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return;
  tensorflow::TensorProto proto;
  proto.set_dtype(static_cast<tensorflow::DataType>(data[0] % 25));
  const std::size_t rank = std::min<std::size_t>(data[1] % 11, size - 2);
  for (std::size_t i = 0; i < rank; ++i) {
    proto.mutable_tensor_shape()->add_dim()->set_size(static_cast<std::int8_t>(data[2 + i]));
  }
  proto.set_tensor_content(data + 2 + rank, size - 2 - rank);
  read(proto);
}
}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  sluice::rpc::set_up_library();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  if (data[0] % 2 != 0) {
    put_together(data + 1, size - 1);
    return 0;
  }
  tensorflow::TensorProto proto;
  if (proto.ParseFromArray(data + 1, static_cast<int>(size - 1))) read(proto);
  return 0;
}
