// Where other nodes call this one: its Unix socket, and who gets in.
#ifndef HOLLER_LISTENER_H_
#define HOLLER_LISTENER_H_

#include <sys/types.h>

#include <set>

#include "absl/status/status.h"
#include "holler/event_poll.h"
#include "holler/session_table.h"
#include "holler/unique_fd.h"

namespace holler {

// Thread safety: thread-compatible; discovery holds its lock.
class Listener {
 public:
  // All of them must outlive it.
  Listener(SessionHost& host, SessionTable& sessions, EventPoll& poll)
      : host_(host), sessions_(sessions), poll_(poll) {}

  // Listens at the node's address. Errors: as the system calls.
  absl::Status Open();

  // Accepts all who call now; those that are let in get a session.
  void OnCallers();
  // Watches for callers again, if fds ran out before.
  void Retry() {
    if (!spare_) OpenSpare();
  }

  int fd() const noexcept { return socket_.get(); }

 private:
  void OpenSpare();

  SessionHost& host_;
  SessionTable& sessions_;
  EventPoll& poll_;
  UniqueFd socket_;
  std::set<uid_t> refused_;  // Users that are not allowed, and were told of.
  UniqueFd spare_;           // Given up for a moment to turn away callers when fds run out.
};

}  // namespace holler

#endif  // HOLLER_LISTENER_H_
