// The table: all that the watcher knows, as the lines of a screen.
#ifndef EXAMPLES_SYSTEM_MONITOR_TABLE_VIEW_H_
#define EXAMPLES_SYSTEM_MONITOR_TABLE_VIEW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "monitor.h"
#include "screen.h"

namespace system_monitor {

// Exactly as many lines as the screen has rows, each exactly as wide as the screen. What does not
// fit is left out, the least important first. `now`: CLOCK_MONOTONIC in nanoseconds.
std::vector<std::string> DrawTable(const Monitor& monitor, const Screen& screen, int64_t now,
                                   const std::string& clock);

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_TABLE_VIEW_H_
