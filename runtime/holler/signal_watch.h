// Signals as file descriptors.
#ifndef HOLLER_SIGNAL_WATCH_H_
#define HOLLER_SIGNAL_WATCH_H_

#include <utility>

#include "absl/status/statusor.h"
#include "holler/home_process.h"

namespace holler {

// Catches one signal of this process while it lives, and says so through a file descriptor.
//
//   absl::StatusOr<SignalWatch> watch = SignalWatch::Create(SIGTERM);
//   // poll watch->fd() ...
//   if (watch->Hear()) Stop();
//
// It installs a signal handler and gives the old one back. Not a signalfd: that one needs the
// signal blocked in every thread of the process, those that libraries start too, and children
// would inherit the block. A forked child that has not called exec meets the signal's default, or
// watches it for itself; the copies of watches it inherited are of no use to it, and no harm.
// Thread safety: Create and the destructor by any thread; the rest thread-compatible.
class SignalWatch {
 public:
  // Errors: InvalidArgument: no such signal, or one that cannot be caught; FailedPrecondition: it
  // is being watched already; limits.
  static absl::StatusOr<SignalWatch> Create(int signal);

  SignalWatch(SignalWatch&& other) noexcept
      : home_(other.home_), signal_(std::exchange(other.signal_, 0)), fd_(other.fd_) {}
  SignalWatch& operator=(SignalWatch&& other) noexcept {
    std::swap(home_, other.home_);
    std::swap(signal_, other.signal_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~SignalWatch();

  int signal() const noexcept { return signal_; }
  // Readable once the signal came, until Hear.
  int fd() const noexcept { return fd_; }
  // Whether the signal came since the last call.
  bool Hear() noexcept;

 private:
  SignalWatch(int signal, int fd) : signal_(signal), fd_(fd) {}

  HomeProcess home_;
  int signal_ = 0;  // 0: moved from.
  int fd_ = -1;     // Stays open.
};

}  // namespace holler

#endif  // HOLLER_SIGNAL_WATCH_H_
