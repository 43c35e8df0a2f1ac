// What the discovery thread sleeps in: an epoll instance.
#ifndef HOLLER_EVENT_POLL_H_
#define HOLLER_EVENT_POLL_H_

#include <sys/epoll.h>

#include <cerrno>
#include <cstdint>

#include "absl/status/status.h"
#include "holler/system_error.h"
#include "holler/unique_fd.h"

namespace holler {

// Thread safety: thread-safe once it is open.
class EventPoll {
 public:
  absl::Status Open() {
    epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
    return epoll_ ? absl::OkStatus() : SystemError(errno, "opening a node");
  }

  // Watches `fd` for `events` (EPOLLIN, EPOLLOUT) until it is removed.
  absl::Status Add(int fd, uint32_t events) {
    if (Control(EPOLL_CTL_ADD, fd, events)) return absl::OkStatus();
    return SystemError(errno, "epoll_ctl for discovery");
  }
  void Change(int fd, uint32_t events) { Control(EPOLL_CTL_MOD, fd, events); }
  // Closing is not enough to leave the epoll set where a forked child has a copy.
  void Remove(int fd) { Control(EPOLL_CTL_DEL, fd, 0); }

  // Sleeps until something happens. Returns the number of events, at most `most`; none if a
  // signal came first. The fd of each is in its data.
  int Wait(epoll_event* events, int most) { return ::epoll_wait(epoll_.get(), events, most, -1); }

 private:
  bool Control(int operation, int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    return ::epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
  }

  UniqueFd epoll_;
};

}  // namespace holler

#endif  // HOLLER_EVENT_POLL_H_
