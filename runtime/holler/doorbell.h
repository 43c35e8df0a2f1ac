// A doorbell that file descriptors can be waited for with: for poll, epoll and event loops, and for
// kernels without futex_waitv. A subscriber that calls Wait sleeps on memory instead: see futex.h.
#ifndef HOLLER_DOORBELL_H_
#define HOLLER_DOORBELL_H_

#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/home_process.h"
#include "holler/unique_fd.h"

namespace holler {

// The two ends of one peer's bell, a pair of datagram sockets. Not an eventfd: whoever shares one
// can clear its O_NONBLOCK and fill its counter, and so block whoever rings it. A socket can be
// told with each send not to block, and each peer has its own, so that none can silence another.
struct Bell {
  UniqueFd ear;   // Stays with the doorbell, until RemoveBell.
  UniqueFd pull;  // To hand to the peer; RingBell rings it.
};

// What one thread sleeps on.
//
//   absl::StatusOr<Doorbell> doorbell = Doorbell::Create();
//   absl::StatusOr<Bell> bell = doorbell->AddBell();       // hand bell->pull to a peer
//   if (doorbell->Wait(absl::Seconds(1))) { /* somebody rang */ }
//
// Rings made while nobody sleeps are remembered until the next Wait or Clear.
// Thread safety: Wait and Clear by one thread at a time; the rest by any.
class Doorbell {
 public:
  // Errors: the limit on open files.
  static absl::StatusOr<Doorbell> Create();

  // A new bell, heard until RemoveBell. Errors: as Create.
  absl::StatusOr<Bell> AddBell();
  // Closes a bell's ear: deaf to it from now on, whoever still has the other end. In a forked
  // child it only closes: the parent hears on.
  void RemoveBell(UniqueFd ear) noexcept;

  // Rings from within the process.
  void Ring() noexcept;

  // Sleeps until a bell rings or `timeout` is over (InfiniteDuration: for ever). Returns whether
  // one rang; may also return true without reason.
  bool Wait(absl::Duration timeout) noexcept;

  // Forgets rings so far, so that fd() is readable only after the next; if more than a hundred
  // bells rang, some of them. One system call, and one for each bell.
  void Clear() noexcept;

  // Readable when a bell has rung since the last Wait or Clear: for poll, epoll and their like.
  int fd() const noexcept { return epoll_.get(); }

 private:
  Doorbell(UniqueFd epoll, UniqueFd own)
      : epoll_(std::move(epoll)), own_(std::move(own)), ears_(std::make_unique<Ears>()) {}

  // Which fds are ears at present: the number of one that was closed may be any file's already.
  struct Ears {
    std::mutex mutex;
    std::set<int> fds;
  };

  int Hear(absl::Duration timeout) noexcept;

  HomeProcess home_;
  UniqueFd epoll_;
  UniqueFd own_;  // An eventfd nobody else has.
  std::unique_ptr<Ears> ears_;
};

// Rings a bell that AddBell made, perhaps in another process. Never blocks; one that was rung
// several times and not heard stays rung. False: for want of memory it did not ring.
bool RingBell(int pull) noexcept;

// Whether `fd`, received from a peer, is a bell's pull: a connected Unix datagram socket. Anything
// else could make RingBell wait, or write into a file.
absl::Status CheckBell(int fd);

}  // namespace holler

#endif  // HOLLER_DOORBELL_H_
