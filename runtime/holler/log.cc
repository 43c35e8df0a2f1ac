#include "holler/log.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace holler {

LogSink StderrLog(const std::string& node_name) {
  const char* level = std::getenv("HOLLER_LOG");
  const bool with_info = level != nullptr && absl::EqualsIgnoreCase(level, "info");
  LogSink sink = [node_name, with_info](LogSeverity severity, const std::string& line) {
    if (severity == LogSeverity::kInfo && !with_info) return;
    const char* word = severity == LogSeverity::kError     ? "error: "
                       : severity == LogSeverity::kWarning ? "warning: "
                                                           : "";
    // One write, so that lines of several processes do not mix.
    const std::string text = absl::StrCat("holler[", node_name, "]: ", word, line, "\n");
    std::fwrite(text.data(), 1, text.size(), stderr);
  };
  if (level != nullptr && !with_info && !absl::EqualsIgnoreCase(level, "warning")) {
    sink(LogSeverity::kWarning,
         "HOLLER_LOG is neither \"info\" nor \"warning\": taken as the latter");
  }
  return sink;
}

void OnceLog::LogFirst(const std::string& what, LogSeverity severity, const std::string& line) {
  if (seen_.size() > kMost && clock_.Now() - since_ >= kPeriod) seen_.clear();
  if (seen_.empty()) since_ = clock_.Now();
  if (seen_.size() > kMost || !seen_.insert(std::hash<std::string>{}(what)).second) return;
  if (seen_.size() > kMost) {
    sink_(LogSeverity::kWarning,
          "too many different messages within an hour: no more will be logged until it is over");
    return;
  }
  sink_(severity, line);
}

}  // namespace holler
