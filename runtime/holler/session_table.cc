#include "holler/session_table.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "holler/clock.h"
#include "holler/neighbourhood.h"
#include "holler/pass_rights.h"

namespace holler {
namespace {

constexpr int64_t kHelloTimeout = 2'000 * kMillisecond;
// A connection that lasted so long was no failed try.
constexpr int64_t kLongLife = 60'000 * kMillisecond;
constexpr int kMessagesAtOnce = 64;  // Then other events get their turn.

}  // namespace

void SessionTable::Add(std::unique_ptr<Connection> connection,
                       std::optional<wire::NodeId> expected) {
  const int fd = connection->fd();
  AllowFds(fd);
  auto session = std::make_unique<Session>(host_, std::move(connection), expected);
  absl::Status status = poll_.Add(fd, EPOLLIN);
  if (status.ok() && expected.has_value()) status = session->SendHello();
  if (!status.ok()) {
    host_.LogOnce(LogSeverity::kWarning, std::string(status.message()));
    poll_.Remove(fd);
    host_.RetryLater();
    return;
  }
  if (!expected.has_value()) hello_deadlines_[fd] = MonotonicNow() + kHelloTimeout;
  UpdateWatch(*session);
  sessions_.emplace(fd, std::move(session));
}

void SessionTable::OnEvent(int fd, uint32_t events) {
  const auto it = sessions_.find(fd);
  if (it == sessions_.end()) return;
  Session& session = *it->second;
  // Reading comes first: what a peer said before it died still counts.
  absl::Status status = OnMessages(session);
  if (status.ok() && (events & EPOLLOUT) != 0) {
    status = session.connection().Flush();
    // The peer reads again: what was held back meanwhile is due.
    if (status.ok() && session.established()) status = session.CatchUp();
    if (status.ok() && session.established()) status = session.TellObserver();
  }
  if (!status.ok()) DropLater(session, status);
  UpdateWatch(session);
}

void SessionTable::DropOverdue(int64_t now) {
  std::vector<int> overdue;
  for (const auto& [fd, deadline] : hello_deadlines_) {
    if (now >= deadline && !failed_.contains(fd)) overdue.push_back(fd);
  }
  for (const int fd : overdue) {
    // On a busy machine it may be this thread that was late: reading comes first.
    Session& session = *sessions_.at(fd);
    absl::Status status = OnMessages(session);
    if (status.ok() && hello_deadlines_.contains(fd)) {
      ++host_.stats().handshake_timeouts;
      status = absl::DeadlineExceededError("it never said who it is");
      // Or the caller was, and has no reason to call again: look for it.
      host_.RetryLater();
    }
    if (!status.ok()) DropLater(session, status);
    UpdateWatch(session);
  }
}

int64_t SessionTable::next_deadline() const {
  int64_t next = INT64_MAX;
  for (const auto& [fd, deadline] : hello_deadlines_) next = std::min(next, deadline);
  return next;
}

std::ptrdiff_t SessionTable::CountCalls(pid_t pid) const {
  return std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& entry) {
    return entry.second->initiated() && entry.second->peer().pid == pid;
  });
}

size_t SessionTable::CountEstablished() const {
  return static_cast<size_t>(
      std::count_if(sessions_.begin(), sessions_.end(),
                    [](const auto& entry) { return entry.second->established(); }));
}

void SessionTable::ForEachCalled(const std::function<void(const Session&)>& visit) const {
  for (const auto& [fd, session] : sessions_) {
    if (session->initiated() && !session->established() && !failed_.contains(fd)) visit(*session);
  }
}

void SessionTable::ForEachEstablished(const Visit& visit) {
  for (const auto& [fd, session] : sessions_) {
    if (!session->established() || failed_.contains(fd)) continue;
    const absl::Status status = visit(*session);
    if (!status.ok()) DropLater(*session, status);
    UpdateWatch(*session);
  }
}

void SessionTable::VisitEstablished(const wire::NodeId& id, const Visit& visit) {
  Session* session = FindEstablished(id);
  if (session == nullptr) return;
  const absl::Status status = visit(*session);
  if (!status.ok()) DropLater(*session, status);
  UpdateWatch(*session);
}

void SessionTable::SendTopics() {
  for (const auto& [fd, session] : sessions_) {
    // Where the peer's hello is still to come, this goes right after the own one.
    if (failed_.contains(fd) || (!session->established() && !session->initiated())) continue;
    const absl::Status status = session->SendTopics();
    if (!status.ok()) DropLater(*session, status);
    UpdateWatch(*session);
  }
}

void SessionTable::Retry() {
  LookAtContested();
  ForEachEstablished([](Session& session) {
    const absl::Status flushed = session.connection().Flush();
    return flushed.ok() ? session.Retry() : flushed;
  });
}

absl::Status SessionTable::OnMessages(Session& session) {
  for (int i = 0; i < kMessagesAtOnce; ++i) {
    absl::StatusOr<ReceivedCard> card = session.connection().Receive(buffer_.get());
    if (absl::IsUnavailable(card.status())) return absl::OkStatus();
    if (absl::IsResourceExhausted(card.status())) {
      // The fds are lost, the connection is not: other matches go on.
      ++host_.stats().exhausted;
      ++host_.stats().refused_endpoints;
      host_.LogOnce(LogSeverity::kError, std::string(card.status().message()));
      if (!session.established()) continue;
      const absl::Status sent = session.OnLostFds(card.status());
      if (!sent.ok()) return sent;
      continue;
    }
    if (!card.ok()) return card.status();
    const bool is_hello = card->envelope.message.type == wire::Message_Hello;
    if (!session.established() && !is_hello) {
      return absl::InvalidArgumentError("a card before the hello");
    }
    absl::Status status = !session.established()
                              ? OnHello(session, *card->envelope.message.AsHello())
                              : OnCard(session, std::move(*card));
    if (!status.ok()) return status;
    if (IsFailed(session)) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status SessionTable::OnCard(Session& session, ReceivedCard card) {
  if (card.envelope.message.type == wire::Message_Observe && !session.is_observed()) {
    const auto observers = std::count_if(sessions_.begin(), sessions_.end(),
                                         [](const auto& s) { return s.second->is_observed(); });
    if (observers >= kMostObservers) {
      return session.RefuseObserver(card.envelope.message.AsObserve()->look);
    }
  }
  return session.OnCard(std::move(card));
}

absl::Status SessionTable::OnHello(Session& session, const wire::HelloT& hello) {
  absl::Status status = session.OnHello(hello);
  if (!status.ok()) return status;
  hello_deadlines_.erase(session.connection().fd());
  const wire::NodeId& id = session.peer_id();
  const auto same_process = std::count_if(sessions_.begin(), sessions_.end(), [&](const auto& s) {
    return s.second->established() && s.second->peer().pid == session.peer().pid;
  });
  // Pid 0: a process of another pid namespace, of which there may be many.
  if (session.peer().pid != 0 && same_process >= kMostPerProcess) {
    return absl::InvalidArgumentError("more nodes than any process has");
  }
  if (Session* before = FindEstablished(id)) {
    status = EndFormer(*before, session);
    if (!status.ok()) return status;
  }
  if (Session* calling = FindCalling(id); calling != nullptr && calling != &session) {
    // Both called each other at once: the call of the smaller id stays, on both sides.
    if (host_.self().id < id) return absl::AbortedError("the other connection stays");
    DropLater(*calling, absl::AbortedError("the other connection stays"));
  }
  if (!session.initiated()) {
    status = session.SendHello();
    if (!status.ok()) return status;
    // The caller reads that as well, and hangs up. It may have lied about its id; but of this user
    // anybody may do worse.
    if (!session.HasCommonTopics() && session.peer().uid == host_.self().uid) met_.MetInVain(id);
  } else if (!session.HasCommonTopics()) {
    met_.MetInVain(id);
    return absl::AbortedError("nothing in common");
  }
  return session.Establish();
}

// `session` gave the id of `before`: ends that one, or says why it stays.
absl::Status SessionTable::EndFormer(Session& before, const Session& session) {
  if (before.peer().pid != session.peer().pid) {
    // One of them is an impostor; the kernel knows who listens at the address of that id.
    switch (OwnershipOf(session)) {
      case Ownership::kOwner:
        break;
      case Ownership::kImpostor:
        return absl::InvalidArgumentError("a hello with the id of another node");
      case Ownership::kUnknown:
        contested_.insert(before.connection().fd());
        host_.RetryLater();
        return absl::AbortedError("whose id it is cannot be told now");
    }
    before.Close();
    DropLater(before, absl::InvalidArgumentError("it gave the id of another node"));
    return absl::OkStatus();
  }
  if (!before.connection().closed_by_peer()) {
    // Both called each other at once, and the peer has settled for the other connection already.
    return absl::AbortedError("the other connection stays");
  }
  // The peer lost the other connection and calls again. What it said there comes first, and all
  // matches made there end before new ones are made here.
  absl::Status last_words;
  while (last_words.ok() && !IsFailed(before)) last_words = OnMessages(before);
  before.Close();
  DropLater(before, last_words);
  return absl::OkStatus();
}

SessionTable::Ownership SessionTable::OwnershipOf(const Session& session) const {
  if (session.initiated()) return Ownership::kOwner;
  absl::StatusOr<UniqueFd> socket =
      Connect({host_.self().domain, session.peer().uid, session.peer_id()});
  if (absl::IsNotFound(socket.status())) return Ownership::kImpostor;
  if (!socket.ok()) return Ownership::kUnknown;  // No fds, or it has no time.
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Adopt(std::move(*socket));
  if (!connection.ok()) return Ownership::kUnknown;
  return (*connection)->peer().pid == session.peer().pid ? Ownership::kOwner : Ownership::kImpostor;
}

// Those whose id somebody else gave as well, when it could not be told which of them was right.
void SessionTable::LookAtContested() {
  for (const int fd : std::exchange(contested_, {})) {
    const auto it = sessions_.find(fd);
    if (it == sessions_.end() || failed_.contains(fd)) continue;
    switch (OwnershipOf(*it->second)) {
      case Ownership::kOwner:
        break;
      case Ownership::kImpostor:  // The owner is looked for when it is gone.
        DropLater(*it->second, absl::InvalidArgumentError("it gave the id of another node"));
        break;
      case Ownership::kUnknown:
        contested_.insert(fd);
        host_.RetryLater();
        break;
    }
  }
}

Session* SessionTable::FindEstablished(const wire::NodeId& id) const {
  for (const auto& [fd, session] : sessions_) {
    if (session->established() && session->peer_id() == id && !failed_.contains(fd)) {
      return session.get();
    }
  }
  return nullptr;
}

Session* SessionTable::FindCalling(const wire::NodeId& id) const {
  for (const auto& [fd, session] : sessions_) {
    if (!session->established() && session->expected() == id && !failed_.contains(fd)) {
      return session.get();
    }
  }
  return nullptr;
}

void SessionTable::UpdateWatch(Session& session) {
  Connection& connection = session.connection();
  if (connection.held()) host_.RetryLater();
  if (connection.wants_to_write() == connection.watched_for_writing) return;
  connection.watched_for_writing = connection.wants_to_write();
  poll_.Change(connection.fd(), connection.wants_to_write() ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void SessionTable::DropLater(Session& session, const absl::Status& why) {
  if (!failed_.insert(session.connection().fd()).second || absl::IsAborted(why)) return;
  if (absl::IsInvalidArgument(why)) {
    ++host_.stats().malformed;
    // An impostor must not have the owner of its name banned.
    if (session.established() && OwnershipOf(session) == Ownership::kOwner)
      met_.Ban(session.peer_id());
    if (session.initiated()) met_.Ban(*session.expected());
  }
  host_.LogOnce(LogSeverity::kWarning,
                absl::StrCat("dropped the connection to node '", session.peer().node_name,
                             "' (pid ", session.peer().pid, "): ", std::string(why.message())));
}

void SessionTable::DropFailed() {
  while (!failed_.empty()) {
    const int fd = *failed_.begin();
    const auto it = sessions_.find(fd);
    // A peer that lives may have dropped this connection, or this node may have, for a passing
    // reason: look for it again.
    if (it->second->established() && it->second->HasCommonTopics() &&
        !it->second->peer_observes()) {  // Observers come when they want something.
      if (MonotonicNow() - it->second->established_at() >= kLongLife) {
        met_.ForgetTries(it->second->peer_id());
      }
      if (const auto pause = met_.NextPause(it->second->peer_id())) host_.RetryAfter(*pause);
    }
    it->second->Close();  // May make others fail.
    hello_deadlines_.erase(fd);
    poll_.Remove(fd);
    contested_.erase(fd);
    sessions_.erase(it);
    failed_.erase(fd);
  }
}

}  // namespace holler
