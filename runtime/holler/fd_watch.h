// A file descriptor of the user's in an event loop.
#ifndef HOLLER_FD_WATCH_H_
#define HOLLER_FD_WATCH_H_

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "holler/loop_core.h"
#include "holler/loop_source.h"
#include "holler/registration.h"

namespace holler {

// Receives what epoll reports: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP and others.
using FdHandler = absl::AnyInvocable<void(uint32_t events)>;

// The watch inside the loop.
// Thread safety: thread-compatible; belongs to the loop's thread.
class FdSource final : public LoopSource {
 public:
  FdSource(LoopCore& loop, int fd, uint32_t events, FdHandler handler);

  Left OnReady(uint32_t events) override;

 private:
  FdHandler handler_;
};

// The watch one holds: its destructor ends it. The fd stays its owner's, who ends the watch before
// closing it.
//
//   auto watch = loop->OnFd(socket, EPOLLIN, [&](uint32_t events) { Receive(); });
//   watch->SetEvents(EPOLLIN | EPOLLOUT);    // while there is something to send
//
// Thread safety: as Registration.
class [[nodiscard]] FdWatch : public Registration {
 public:
  // Stands for nothing.
  FdWatch() = default;
  FdWatch(const std::shared_ptr<LoopCore>& loop, const std::shared_ptr<FdSource>& source)
      : Registration(loop, source) {}

  // Waits for other events from now on. Errors: FailedPrecondition: the watch has ended, or the fd
  // was closed before and is watched anew.
  absl::Status SetEvents(uint32_t events);
};

}  // namespace holler

#endif  // HOLLER_FD_WATCH_H_
