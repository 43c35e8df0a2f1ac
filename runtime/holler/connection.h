// A Unix SOCK_SEQPACKET connection between two nodes: whole messages, fds with them, in order,
// without ever blocking.
#ifndef HOLLER_CONNECTION_H_
#define HOLLER_CONNECTION_H_

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holler/name_card.h"
#include "holler/unique_fd.h"

namespace holler {

// Who is at the other end, by the kernel's word (SO_PEERCRED).
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
};

// A message with its fds, as received.
struct ReceivedCard {
  wire::EnvelopeT envelope;
  std::vector<UniqueFd> fds;
};

// One end of a connection.
//
// Thread safety: thread-compatible; discovery holds its lock.
class Connection {
 public:
  // Takes a connected, non-blocking socket. Errors: the kernel does not tell who the peer is.
  static absl::StatusOr<std::unique_ptr<Connection>> Adopt(UniqueFd socket);

  // Sends, or queues if the peer's buffer is full. `fds` are duplicated when queued, so the
  // caller may close its own at once. Errors: the peer is gone, or reads nothing while more than
  // kMostQueued messages or kMostQueuedBytes wait for it; the connection is of no more use then.
  // But Unavailable: there are no fds left to duplicate; nothing was sent, and all else goes on.
  absl::Status Send(const std::string& bytes, const std::vector<int>& fds = {});

  // Sends what was queued, as far as it goes. Errors: as Send.
  absl::Status Flush();
  // Whether Flush is due as soon as the socket is writable.
  bool wants_to_write() const noexcept { return !queue_.empty() && !held_; }
  // Whether anything waits to be sent.
  bool has_backlog() const noexcept { return !queue_.empty(); }
  // Whether something else than the socket holds messages back: Flush is due in a while.
  bool held() const noexcept { return held_; }
  // Whether its owner watches for room to write; the owner's own note.
  bool watched_for_writing = false;

  // The next message. Errors: Unavailable: none now; Aborted: the peer has closed;
  // ResourceExhausted: its fds did not fit into this process (RLIMIT_NOFILE), the message is lost;
  // InvalidArgument: malformed.
  // After ResourceExhausted, lost() is the message without its fds.
  // `buffer` has kMaxMessageBytes; what is in it does not matter.
  absl::StatusOr<ReceivedCard> Receive(char* buffer);

  const wire::EnvelopeT& lost() const noexcept { return lost_; }

  // Whether the peer has closed; what it said before may still be to be read.
  bool closed_by_peer() const noexcept;

  int fd() const noexcept { return socket_.get(); }
  const PeerCredentials& peer() const noexcept { return peer_; }

 private:
  static constexpr size_t kMostQueued = 20'000;
  static constexpr size_t kMostQueuedBytes = 4 << 20;

  struct Outgoing {
    std::string bytes;
    std::vector<UniqueFd> fds;
  };

  Connection(UniqueFd socket, PeerCredentials peer) : socket_(std::move(socket)), peer_(peer) {}

  UniqueFd socket_;
  PeerCredentials peer_;
  std::deque<Outgoing> queue_;
  size_t queued_bytes_ = 0;
  bool held_ = false;
  wire::EnvelopeT lost_;
};

}  // namespace holler

#endif  // HOLLER_CONNECTION_H_
