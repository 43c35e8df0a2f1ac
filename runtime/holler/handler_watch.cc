#include "holler/handler_watch.h"

#include <bit>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace holler {
namespace {

std::string What(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

std::string Times(uint64_t count) {
  return count == 1 ? "" : absl::StrCat(" (", count, " times so far)");
}

}  // namespace

void HandlerWatch::Log(LogSeverity severity, const std::string& line) noexcept {
  try {
    log_(severity, line);
  } catch (...) {
  }
}

void HandlerWatch::Caught(const std::string& name, HandlerRecord& record, int64_t took) {
  const std::exception_ptr exception = std::current_exception();
  if (exception_ == nullptr) exception_ = exception;
  if (!std::has_single_bit(++record.thrown)) return;
  Log(LogSeverity::kError, absl::StrCat(name, ": the handler threw, after ",
                                        absl::FormatDuration(absl::Nanoseconds(took)), ": ",
                                        What(exception), Times(record.thrown)));
}

void HandlerWatch::TellSlow(const std::string& name, HandlerRecord& record, int64_t took) {
  if (!std::has_single_bit(++record.slow)) return;
  Log(LogSeverity::kWarning,
      absl::StrCat(name, ": the handler ran for ", took / kMillisecond, " ms, longer than ",
                   slow_ / kMillisecond,
                   " ms, and while it runs the loop serves nothing else: let another thread do "
                   "what takes long",
                   Times(record.slow)));
}

}  // namespace holler
