// The watcher's output where there is no terminal.
#ifndef EXAMPLES_SYSTEM_MONITOR_PLAIN_VIEW_H_
#define EXAMPLES_SYSTEM_MONITOR_PLAIN_VIEW_H_

#include <cstdint>
#include <string>

#include "monitor.h"

namespace system_monitor {

// All in one line, without newline. `now`: CLOCK_MONOTONIC in nanoseconds.
std::string SummaryLine(const Monitor& monitor, int64_t now);

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_PLAIN_VIEW_H_
