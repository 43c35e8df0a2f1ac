// Sleeping and waking. A sleeper owns a Doorbell; each peer that may wake it gets a bell of its
// own, an eventfd, so that no peer can silence another's.
#ifndef HOLLER_DOORBELL_H_
#define HOLLER_DOORBELL_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/unique_fd.h"

namespace holler {

// What one thread sleeps on.
//
//   absl::StatusOr<Doorbell> doorbell = Doorbell::Create();
//   absl::StatusOr<UniqueFd> bell = doorbell->AddBell();   // hand bell->get() to a peer
//   if (doorbell->Wait(absl::Seconds(1))) { /* somebody rang */ }
//
// Rings made while nobody sleeps are remembered until the next Wait or Clear.
// Thread safety: Wait and Clear by one thread at a time; the rest by any.
class Doorbell {
 public:
  // Errors: the limit on open files.
  static absl::StatusOr<Doorbell> Create();

  // A new bell, heard until RemoveBell. Errors: as Create.
  absl::StatusOr<UniqueFd> AddBell();
  // Deaf to `bell` from now on, whoever still has a copy.
  void RemoveBell(int bell) noexcept;

  // Sleeps until a bell rings or `timeout` is over (InfiniteDuration: for ever). Returns whether
  // one rang; may also return true without reason.
  bool Wait(absl::Duration timeout) noexcept;

  // Forgets rings so far, so that fd() is readable only after the next. One system call.
  void Clear() noexcept;

  // Readable when a bell has rung since the last Wait or Clear: for poll, epoll and their like.
  int fd() const noexcept { return epoll_.get(); }

 private:
  explicit Doorbell(UniqueFd epoll) : epoll_(std::move(epoll)) {}

  UniqueFd epoll_;
};

// Rings a bell that AddBell made, perhaps in another process. Never blocks; a bell that was rung
// 2^64 times and never heard stays rung.
void RingBell(int bell) noexcept;

// Whether `fd`, received from a peer, is a bell: an eventfd that does not block. Anything else
// could make RingBell wait or write into a file.
absl::Status CheckBell(int fd);

}  // namespace holler

#endif  // HOLLER_DOORBELL_H_
