// What is asked of UTF-8 texts in many places.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice {

// Code points; of bytes that are no UTF-8, those that could begin one.
std::size_t count_characters(std::string_view text);

}  // namespace sluice
