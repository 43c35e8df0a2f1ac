#include "holler/match_news.h"

#include <sys/eventfd.h>

#include <cerrno>

#include "holler/system_error.h"

namespace holler {

absl::StatusOr<std::shared_ptr<MatchNews>> MatchNews::Create(int count) {
  UniqueFd eventfd(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!eventfd) return SystemError(errno, "eventfd for the matches of an endpoint");
  return std::make_shared<MatchNews>(std::move(eventfd), count);
}

int MatchNews::Hear() noexcept {
  eventfd_t rings;
  // First the fd, then the count: what changes between the two rings again.
  [[maybe_unused]] const int done = ::eventfd_read(eventfd_.get(), &rings);
  return count_.load();
}

void MatchNews::Set(int count) noexcept {
  count_.store(count);
  Ring();
}

void MatchNews::Close() noexcept {
  closed_.store(true);
  Ring();
}

void MatchNews::Ring() noexcept {
  if (!home_.is_here()) return;
  // EAGAIN: the counter is full, so it is readable already.
  [[maybe_unused]] const int done = ::eventfd_write(eventfd_.get(), 1);
}

}  // namespace holler
