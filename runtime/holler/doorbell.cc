#include "holler/doorbell.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <span>

#include "holler/clock.h"
#include "holler/pass_rights.h"
#include "holler/system_error.h"

namespace holler {
namespace {

constexpr int kBellsAtOnce = 16;
constexpr int kTurnsToClear = 8;

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
    const long count = ::syscall(SYS_epoll_pwait2, epoll, events, kBellsAtOnce,
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
  return ::epoll_wait(epoll, events, kBellsAtOnce, milliseconds);
}

// Rings one ear remembers; more than an honest peer makes before it is heard.
constexpr int kRingsAtOnce = 16;
constexpr int kOwn = -1;  // In place of an ear's number.

void Empty(int ear) noexcept {
  mmsghdr rings[kRingsAtOnce] = {};
  // More may be left, from a peer that floods: then epoll reports the ear again.
  [[maybe_unused]] const int count = ::recvmmsg(ear, rings, kRingsAtOnce, MSG_DONTWAIT, nullptr);
}

int SocketOption(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

}  // namespace

absl::StatusOr<Doorbell> Doorbell::Create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return SystemError(errno, "epoll_create1 for a doorbell");
  UniqueFd own(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!own) return SystemError(errno, "eventfd for a doorbell");
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // Each ring is one event; the counter need not be read.
  event.data.fd = kOwn;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, own.get(), &event) != 0) {
    return SystemError(errno, "epoll_ctl for a doorbell");
  }
  return Doorbell(std::move(epoll), std::move(own));
}

absl::StatusOr<Bell> Doorbell::AddBell() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return SystemError(errno, "socketpair for a doorbell");
  }
  Bell bell{.ear = UniqueFd(ends[0]), .pull = UniqueFd(ends[1])};
  RefuseFds(bell.ear.get());
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = bell.ear.get();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell.ear.get(), &event) != 0) {
    return SystemError(errno, "epoll_ctl for a doorbell");
  }
  const std::lock_guard lock(ears_->mutex);
  ears_->fds.insert(bell.ear.get());
  return bell;
}

void Doorbell::RemoveBell(UniqueFd ear) noexcept {
  if (!ear) return;
  const std::lock_guard lock(ears_->mutex);
  ears_->fds.erase(ear.get());
  // Closing is not enough where a forked child has a copy.
  if (home_.is_here()) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, ear.get(), nullptr);
  ear.reset();
}

void Doorbell::Ring() noexcept {
  // EAGAIN: the counter is full, so it is ringing already.
  [[maybe_unused]] const int done = ::eventfd_write(own_.get(), 1);
}

// Waits once, and empties what rang. Returns the number of events, or -1 with errno.
int Doorbell::Hear(absl::Duration timeout) noexcept {
  epoll_event events[kBellsAtOnce];
  const int count = EpollWait(epoll_.get(), events, timeout);
  const auto rang = std::span(events, static_cast<size_t>(std::max(count, 0)));
  if (std::all_of(rang.begin(), rang.end(), [](const auto& e) { return e.data.fd == kOwn; })) {
    return count;
  }
  // Whoever adds or removes a bell right now is not waited for: the ears stay as they are, and
  // epoll reports them again.
  const std::unique_lock lock(ears_->mutex, std::try_to_lock);
  if (!lock.owns_lock()) return count;
  for (const epoll_event& event : rang) {
    if (ears_->fds.contains(event.data.fd)) Empty(event.data.fd);
  }
  return count;
}
bool Doorbell::Wait(absl::Duration timeout) noexcept {
  timeout = std::max(timeout, absl::ZeroDuration());
  const int64_t start = MonotonicNow();
  absl::Duration left = timeout;
  while (true) {
    const int count = Hear(left);
    if (count > 0) return true;
    if (count == 0) return false;
    if (errno != EINTR) return true;  // Cannot be; the caller looks for itself.
    if (timeout != absl::InfiniteDuration()) {
      left = std::max(timeout - absl::Nanoseconds(MonotonicNow() - start), absl::ZeroDuration());
    }
  }
}

void Doorbell::Clear() noexcept {
  // Peers that never stop ringing must not keep the caller here.
  for (int turn = 0; turn < kTurnsToClear; ++turn) {
    if (Hear(absl::ZeroDuration()) < kBellsAtOnce) return;
  }
}

bool RingBell(int pull) noexcept {
  // EAGAIN: enough rings wait there already. Other errors: the sleeper has closed its ear.
  return ::send(pull, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == 0 ||
         (errno != ENOBUFS && errno != ENOMEM);
}

absl::Status CheckBell(int fd) {
  // One end of a pair has a peer, and the peer no name: nobody else's socket.
  sockaddr_un peer;
  socklen_t size = sizeof(peer);
  if (SocketOption(fd, SO_DOMAIN) != AF_UNIX || SocketOption(fd, SO_TYPE) != SOCK_DGRAM ||
      ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0 ||
      size != sizeof(peer.sun_family)) {
    return absl::InvalidArgumentError("the peer's doorbell is not one of a pair of sockets");
  }
  return absl::OkStatus();
}

}  // namespace holler
