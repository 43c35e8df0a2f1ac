#include "holler/doorbell.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "holler/clock.h"
#include "holler/system_error.h"

namespace holler {
namespace {

constexpr int kEventsAtOnce = 16;

// epoll_pwait2 has nanoseconds, but only since Linux 5.11; before, waits round up to whole
// milliseconds (rounding down would make short waits spin).
int EpollWait(int epoll, epoll_event* events, absl::Duration timeout) noexcept {
#ifdef SYS_epoll_pwait2
  static std::atomic<bool> has_pwait2{true};
  if (has_pwait2.load(std::memory_order_relaxed)) {
    // The kernel's struct __kernel_timespec: 64-bit members on every architecture.
    struct {
      int64_t seconds;
      int64_t nanoseconds;
    } spec{};
    const bool forever = timeout == absl::InfiniteDuration();
    if (!forever) {
      spec.seconds = absl::IDivDuration(timeout, absl::Seconds(1), &timeout);
      spec.nanoseconds = absl::ToInt64Nanoseconds(timeout);
    }
    const long count = ::syscall(SYS_epoll_pwait2, epoll, events, kEventsAtOnce,
                                 forever ? nullptr : &spec, nullptr, 0);
    // EPERM: sandboxes that do not know the call say so instead of ENOSYS.
    if (count >= 0 || errno == EINTR) return static_cast<int>(count);
    has_pwait2.store(false, std::memory_order_relaxed);
  }
#endif
  int milliseconds = -1;
  if (timeout != absl::InfiniteDuration()) {
    const int64_t up = absl::ToInt64Milliseconds(absl::Ceil(timeout, absl::Milliseconds(1)));
    milliseconds = static_cast<int>(std::min<int64_t>(up, INT_MAX));
  }
  return ::epoll_wait(epoll, events, kEventsAtOnce, milliseconds);
}

}  // namespace

absl::StatusOr<Doorbell> Doorbell::Create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return SystemError(errno, "epoll_create1 for a doorbell");
  return Doorbell(std::move(epoll));
}

absl::StatusOr<UniqueFd> Doorbell::AddBell() {
  UniqueFd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell) return SystemError(errno, "eventfd for a doorbell");
  // Edge-triggered: each ring is one event, and the counter never has to be read.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell.get(), &event) != 0) {
    return SystemError(errno, "epoll_ctl for a doorbell");
  }
  return bell;
}

void Doorbell::RemoveBell(int bell) noexcept {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, bell, nullptr);
}

bool Doorbell::Wait(absl::Duration timeout) noexcept {
  timeout = std::max(timeout, absl::ZeroDuration());
  const int64_t start = MonotonicNow();
  absl::Duration left = timeout;
  epoll_event events[kEventsAtOnce];
  while (true) {
    const int count = EpollWait(epoll_.get(), events, left);
    if (count > 0) return true;
    if (count == 0) return false;
    if (errno != EINTR) return true;  // Cannot be; the caller looks for itself.
    if (timeout != absl::InfiniteDuration()) {
      left = std::max(timeout - absl::Nanoseconds(MonotonicNow() - start), absl::ZeroDuration());
    }
  }
}

void Doorbell::Clear() noexcept {
  epoll_event events[kEventsAtOnce];
  while (::epoll_wait(epoll_.get(), events, kEventsAtOnce, 0) == kEventsAtOnce) {
  }
}

void RingBell(int bell) noexcept {
  const uint64_t one = 1;
  // EAGAIN: the counter is full, so the bell is ringing already. EINTR cannot be, as it never
  // waits.
  [[maybe_unused]] const ssize_t written = ::write(bell, &one, sizeof(one));
}

absl::Status CheckBell(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return SystemError(errno, "fcntl of a peer's doorbell");
  if ((flags & O_NONBLOCK) == 0) {
    return absl::InvalidArgumentError("the peer's doorbell would block");
  }
  char target[64] = {};
  const ssize_t length =
      ::readlink(absl::StrCat("/proc/self/fd/", fd).c_str(), target, sizeof(target) - 1);
  if (length < 0) return SystemError(errno, "readlink of a peer's doorbell in /proc/self/fd");
  if (absl::string_view(target) != "anon_inode:[eventfd]") {
    return absl::InvalidArgumentError("the peer's doorbell is not an eventfd");
  }
  return absl::OkStatus();
}

}  // namespace holler
