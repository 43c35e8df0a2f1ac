#include "holler/signal_watch.h"

#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "holler/system_error.h"
#include "holler/unique_fd.h"

namespace holler {
namespace {

// Of one signal. Its eventfd is never closed: the handler may run in another thread at any time,
// and would write into whatever file had its number next.
struct Slot {
  std::atomic<int> fd{-1};
  std::atomic<pid_t> owner{0};
  bool watched = false;  // This and the next: guarded by slots_mutex.
  struct sigaction before = {};
};

// Constant initialisation, and nothing to destroy: a handler may run before and after main.
constinit std::array<Slot, NSIG> slots;
constinit std::mutex slots_mutex;

Slot& SlotOf(int signal) { return slots[static_cast<size_t>(signal)]; }

extern "C" void HollerOnSignal(int signal) {
  const int saved = errno;
  const Slot& slot = SlotOf(signal);
  if (slot.owner.load() == ::getpid()) {
    [[maybe_unused]] const int done = ::eventfd_write(slot.fd.load(), 1);
  } else {  // A forked child: the signal is not for its parent.
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }
  errno = saved;
}

}  // namespace

absl::StatusOr<SignalWatch> SignalWatch::Create(int signal) {
  if (signal <= 0 || signal >= NSIG) {
    return absl::InvalidArgumentError(absl::StrCat("there is no signal ", signal));
  }
  const std::lock_guard lock(slots_mutex);
  Slot& slot = SlotOf(signal);
  // Of a forked child's parent: not watched here. Its eventfd is the parent's, too, and its number
  // may be another file's by now: left as it is, open or not.
  const bool inherited = slot.owner.load() != ::getpid();
  if (slot.watched && !inherited) {
    return absl::FailedPreconditionError(
        absl::StrCat("signal ", signal, " (", ::strsignal(signal),
                     ") is being watched already, by this event loop or another: one watch in a "
                     "process can have it"));
  }
  if (slot.fd.load() < 0 || inherited) {
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) return SystemError(errno, absl::StrCat("eventfd for signal ", signal));
    slot.fd.store(fd);
  }
  eventfd_t count;
  [[maybe_unused]] const int done = ::eventfd_read(slot.fd.load(), &count);  // Of an earlier watch.
  slot.owner.store(::getpid());
  struct sigaction action = {};
  action.sa_handler = HollerOnSignal;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  struct sigaction before = {};
  if (::sigaction(signal, &action, &before) != 0) {
    slot.watched = false;
    return absl::InvalidArgumentError(
        absl::StrCat("signal ", signal, " (", ::strsignal(signal), ") cannot be caught"));
  }
  // Else the parent watches: the child gives back what the parent would.
  if (before.sa_handler != HollerOnSignal) slot.before = before;
  slot.watched = true;
  return SignalWatch(signal, slot.fd.load());
}

SignalWatch::~SignalWatch() {
  if (signal_ == 0 || !home_.is_here()) return;
  const std::lock_guard lock(slots_mutex);
  Slot& slot = SlotOf(signal_);
  ::sigaction(signal_, &slot.before, nullptr);
  slot.watched = false;
}

bool SignalWatch::Hear() noexcept {
  eventfd_t count;
  return ::eventfd_read(fd(), &count) == 0;
}

}  // namespace holler
