#include "format.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "absl/strings/str_format.h"

namespace system_monitor {
namespace {

std::string WithUnit(double number, double factor, std::span<const char* const> units) {
  number = std::isfinite(number) ? std::max(number, 0.0) : 0.0;
  size_t unit = 0;
  // 999.5 would be printed as 1000.
  while (number >= std::min(factor, 999.5) && unit + 1 < units.size()) {
    number /= factor;
    ++unit;
  }
  const int digits = unit > 0 && number < 99.95 ? 1 : 0;
  return FormatNumber(number, digits) + " " + units[unit];
}

}  // namespace

std::string FormatBytes(double bytes) {
  static constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  return WithUnit(bytes, 1024, kUnits);
}

std::string FormatByteRate(double bytes_per_second) {
  static constexpr std::array kUnits = {"B/s", "kB/s", "MB/s", "GB/s", "TB/s", "PB/s"};
  return WithUnit(bytes_per_second, 1000, kUnits);
}

std::string FormatAge(int64_t ns) {
  const double ms = static_cast<double>(std::max<int64_t>(ns, 0)) * 1e-6;
  if (ms < 9.95) return absl::StrFormat("%.1f ms", ms);
  if (ms < 999.5) return absl::StrFormat("%.0f ms", ms);
  if (ms < 9'950) return absl::StrFormat("%.1f s", ms * 1e-3);
  const auto seconds = static_cast<int64_t>(ms * 1e-3 + 0.5);
  if (seconds < 120) return absl::StrFormat("%d s", seconds);
  const int64_t minutes = seconds / 60;
  if (minutes < 60) return absl::StrFormat("%d min", minutes);
  const int64_t hours = minutes / 60;
  if (hours < 24) {
    return absl::StrFormat("%d h %02d min", hours, minutes % 60);
  }
  return absl::StrFormat("%d d %02d h", hours / 24, hours % 24);
}

std::string FormatPercent(double part) {
  return absl::StrFormat("%.0f %%", 100 * std::clamp(std::isfinite(part) ? part : 0.0, 0.0, 999.0));
}

std::string FormatNumber(double number, int digits) {
  return absl::StrFormat("%.*f", digits, number);
}

std::string FormatClock(int64_t unix_ns, bool with_milliseconds) {
  const time_t seconds = unix_ns / 1'000'000'000;
  tm local = {};
  ::localtime_r(&seconds, &local);
  const std::string clock =
      absl::StrFormat("%02d:%02d:%02d", local.tm_hour, local.tm_min, local.tm_sec);
  if (!with_milliseconds) return clock;
  return clock + absl::StrFormat(".%03d", unix_ns / 1'000'000 % 1'000);
}

std::string PrintableAscii(std::string_view text) {
  std::string printable(text);
  std::replace_if(
      printable.begin(), printable.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return printable;
}

}  // namespace system_monitor
