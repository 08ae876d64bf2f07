// Where the files lie that tests read; no part of the product.
#pragma once

#include <string>
#include <string_view>

namespace sluice::testing {

// `path` of the tree from which the test was built, such as "models/iris.onnx". Not a macro: the
// place in the command line would keep the compiler cache from knowing a test again in another
// clone.
std::string in_repository(std::string_view path);

}  // namespace sluice::testing
