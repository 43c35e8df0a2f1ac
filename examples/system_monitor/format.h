// Numbers for people.
#ifndef EXAMPLES_SYSTEM_MONITOR_FORMAT_H_
#define EXAMPLES_SYSTEM_MONITOR_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace system_monitor {

// "1.2 GiB", at most 8 columns.
std::string FormatBytes(double bytes);
// "34.5 kB/s", at most 10 columns.
std::string FormatByteRate(double bytes_per_second);
// "0.4 ms", "12 ms", "3.2 s", "4 min", "2 h 03 min", "5 d 01 h".
std::string FormatAge(int64_t ns);
// Of 0 to 1: "42 %".
std::string FormatPercent(double part);
// With so many digits after the point.
std::string FormatNumber(double number, int digits);
// The time of day: "14:03:22", or with milliseconds, "14:03:22.123".
std::string FormatClock(int64_t unix_ns, bool with_milliseconds);
// `text` with `?` for whatever is not printable ASCII, so that each byte takes one column and
// none can trouble a terminal.
std::string PrintableAscii(std::string_view text);

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_FORMAT_H_
