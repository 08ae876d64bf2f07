// What a thread is called in `top -H`, `ps -L` and a debugger.
#pragma once

#include <string_view>

namespace sluice {

// The calling thread, and those that it makes until they have a name of their own. The kernel keeps
// 15 bytes; the rest is cut off.
void name_this_thread(std::string_view name);

}  // namespace sluice
