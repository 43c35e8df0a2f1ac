#include "holler/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "holler/system_error.h"

namespace holler {
namespace {

// Room for exactly the fds a card may carry: the kernel closes what a peer sends beyond.
union ControlBuffer {
  cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(int) * kMaxFdsPerCard)];
};

enum class SendResult { kSent, kFull, kHeld, kFailed };

// On kFailed, errno says why.
SendResult SendNow(int socket, const std::string& bytes, const int* fds, size_t fd_count) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ControlBuffer control{};
  if (fd_count > 0) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
    std::memcpy(CMSG_DATA(header), fds, sizeof(int) * fd_count);
  }
  while (true) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return SendResult::kSent;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return SendResult::kFull;
    // ETOOMANYREFS: too many fds of this user are in flight (unix(7)); ENOBUFS, ENOMEM: no memory
    // for the message now. It passes, but the socket counts as writable meanwhile.
    if (errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM) return SendResult::kHeld;
    // The peer is gone. What it said before is still to be read, and after it the end.
    if (errno == EPIPE || errno == ECONNRESET) return SendResult::kSent;
    return SendResult::kFailed;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> Connection::Adopt(UniqueFd socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return SystemError(errno, "SO_PEERCRED of a connection");
  }
  return std::unique_ptr<Connection>(
      new Connection(std::move(socket), {credentials.pid, credentials.uid}));
}

absl::Status Connection::Send(const std::string& bytes, const std::vector<int>& fds) {
  if (queue_.empty()) {
    switch (SendNow(socket_.get(), bytes, fds.data(), fds.size())) {
      case SendResult::kSent:
        return absl::OkStatus();
      case SendResult::kFailed:
        return SystemError(errno, "sendmsg to a peer");
      case SendResult::kHeld:
        held_ = true;
        break;
      case SendResult::kFull:
        break;
    }
  }
  if (queue_.size() >= kMostQueued || queued_bytes_ + bytes.size() > kMostQueuedBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("process ", peer_.pid, " does not read its messages: it is stopped or hung"));
  }
  Outgoing outgoing{bytes, {}};
  for (const int fd : fds) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) {
      return absl::UnavailableError(SystemError(errno, "duplicating an fd for a peer").message());
    }
    outgoing.fds.push_back(std::move(copy));
  }
  queued_bytes_ += bytes.size();
  queue_.push_back(std::move(outgoing));
  return absl::OkStatus();
}

absl::Status Connection::Flush() {
  held_ = false;
  while (!queue_.empty()) {
    const Outgoing& next = queue_.front();
    std::vector<int> fds;
    for (const UniqueFd& fd : next.fds) fds.push_back(fd.get());
    switch (SendNow(socket_.get(), next.bytes, fds.data(), fds.size())) {
      case SendResult::kSent:
        queued_bytes_ -= next.bytes.size();
        queue_.pop_front();
        break;
      case SendResult::kHeld:
        held_ = true;
        return absl::OkStatus();
      case SendResult::kFull:
        return absl::OkStatus();
      case SendResult::kFailed:
        return SystemError(errno, "sendmsg to a peer");
    }
  }
  return absl::OkStatus();
}

bool Connection::closed_by_peer() const noexcept {
  pollfd poll{.fd = socket_.get(), .events = 0, .revents = 0};
  return ::poll(&poll, 1, 0) > 0 && (poll.revents & (POLLHUP | POLLERR)) != 0;
}

absl::StatusOr<ReceivedCard> Connection::Receive(char* buffer) {
  iovec part{buffer, kMaxMessageBytes};
  ControlBuffer control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof(control);
  ssize_t size;
  do {
    size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    // ECONNRESET, told once: the peer died with messages unread. Its own are still to be read.
  } while (size < 0 && (errno == EINTR || errno == ECONNRESET));
  if (size < 0 && errno == EAGAIN) return absl::UnavailableError("no message");
  if (size < 0) return absl::AbortedError(absl::StrCat("recvmsg: ", std::strerror(errno)));

  // Owned first, so that no path below leaks them.
  ReceivedCard card;
  for (cmsghdr* h = CMSG_FIRSTHDR(&message); h != nullptr; h = CMSG_NXTHDR(&message, h)) {
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
      card.fds.emplace_back(fd);
    }
  }
  if (size == 0 && (message.msg_flags & MSG_CTRUNC) == 0 && card.fds.empty()) {
    return absl::AbortedError("closed by the peer");
  }
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message of more than ", kMaxMessageBytes, " bytes"));
  }
  absl::StatusOr<wire::EnvelopeT> envelope =
      DecodeCard(std::string_view(buffer, static_cast<size_t>(size)));
  if (!envelope.ok()) return envelope.status();
  card.envelope = std::move(*envelope);

  const size_t expected = static_cast<size_t>(FdsOf(card.envelope.message.type));
  if (card.fds.size() == expected && (message.msg_flags & MSG_CTRUNC) == 0) return card;
  if (card.fds.size() < expected && (message.msg_flags & MSG_CTRUNC) != 0) {
    // The kernel could not install them: the table of open files is full (unix(7), SCM_RIGHTS).
    lost_ = std::move(card.envelope);
    return SystemError(EMFILE, "receiving the fds of a name card");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a message with ", card.fds.size(), " fds or more instead of ", expected));
}

}  // namespace holler
