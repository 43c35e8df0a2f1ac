#include "holler/tick_clock.h"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

#include "holler/unique_fd.h"

namespace holler {

bool CpuTicks::Exist() {
#if defined(__x86_64__)
  // The kernel takes the time stamp counter only where it runs at one rate, never stops, and is the
  // same on all CPUs; if that turns out wrong later, the window bounds the error.
  static const bool exist = [] {
    const UniqueFd file(::open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                               O_RDONLY | O_CLOEXEC));
    char name[16];
    const ssize_t size = file ? ::read(file.get(), name, sizeof(name)) : -1;
    return size > 0 && std::string_view(name, static_cast<size_t>(size)) == "tsc\n";
  }();
  return exist;
#else
  return false;
#endif
}

}  // namespace holler
