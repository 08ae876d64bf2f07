#include "base/thread_name.h"

#include <pthread.h>

#include <string>

namespace sluice {

void name_this_thread(std::string_view name) {
  constexpr std::size_t kMost = 15;
  pthread_setname_np(pthread_self(), std::string(name.substr(0, kMost)).c_str());
}

}  // namespace sluice
