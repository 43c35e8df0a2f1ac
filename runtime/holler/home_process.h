// The process in which an object was made.
#ifndef HOLLER_HOME_PROCESS_H_
#define HOLLER_HOME_PROCESS_H_

#include <sys/types.h>
#include <unistd.h>

namespace holler {

// A forked child has copies of all objects, but shares with its parent what the kernel keeps for
// them: epoll sets, timerfds, eventfds. Whoever changes one of those asks first, so that a child
// which destroys its copies leaves its parent's alone.
//
//   if (home_.is_here()) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
//
// One system call each time, so not for hot paths.
// Thread safety: immutable.
class HomeProcess {
 public:
  bool is_here() const noexcept { return pid_ == ::getpid(); }

 private:
  pid_t pid_ = ::getpid();
};

}  // namespace holler

#endif  // HOLLER_HOME_PROCESS_H_
