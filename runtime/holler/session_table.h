// The conversations of a node: one session for each connection, from the call or the accept until
// it is dropped.
#ifndef HOLLER_SESSION_TABLE_H_
#define HOLLER_SESSION_TABLE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "absl/status/status.h"
#include "holler/acquaintances.h"
#include "holler/connection.h"
#include "holler/event_poll.h"
#include "holler/name_card.h"
#include "holler/session.h"

namespace holler {

// Nodes of one other process; keeps it from taking all of this one's fds.
inline constexpr std::ptrdiff_t kMostPerProcess = 256;

// Thread safety: thread-compatible; discovery holds its lock.
//
// A session that failed is only marked, since others up the stack may still use it: DropFailed ends
// its matches and drops it. Discovery calls that after each event, and after each change of its
// own endpoints.
class SessionTable {
 public:
  // All of them must outlive it.
  SessionTable(SessionHost& host, Acquaintances& met, EventPoll& poll)
      : host_(host), met_(met), poll_(poll) {}

  // Begins a conversation: `expected` is the node that was called; empty if it called.
  void Add(std::unique_ptr<Connection> connection, std::optional<wire::NodeId> expected);
  // Whether Add may take another caller. There is a limit to those that have not said who they are.
  bool has_room_for_callers() const { return hello_deadlines_.size() < kMostUnknown; }

  // Something happened to `fd`, which may be a session's.
  void OnEvent(int fd, uint32_t events);

  // Drops callers that have been silent for too long at `now`.
  void DropOverdue(int64_t now);
  // When DropOverdue is due; INT64_MAX: never.
  int64_t next_deadline() const;

  // Ends the matches of sessions that failed, and drops them.
  void DropFailed();

  // Whether this node is connected with node `id`, or calls it now.
  bool IsConnectedOrCalling(const wire::NodeId& id) const {
    return FindEstablished(id) != nullptr || FindCalling(id) != nullptr;
  }
  // How many nodes of a process this one has called.
  std::ptrdiff_t CountCalls(pid_t pid) const;
  // Nodes connected at present.
  size_t CountEstablished() const;
  // Visits each node that was called and has not answered.
  void ForEachCalled(const std::function<void(const Session&)>& visit) const;

  // Visits each session that is past its hellos; one for which `visit` returns an error fails.
  using Visit = std::function<absl::Status(Session&)>;
  void ForEachEstablished(const Visit& visit);
  // Visits the session with node `id`, if there is one.
  void VisitEstablished(const wire::NodeId& id, const Visit& visit);

  // Tells every peer the topics of this node.
  void SendTopics();
  // Does again what failed for want of something that may be there now.
  void Retry();

 private:
  static constexpr size_t kMostUnknown = 512;

  absl::Status OnMessages(Session& session);
  // Whether the process of a session listens at the address of the id it gave.
  enum class Ownership { kOwner, kImpostor, kUnknown };

  void LookAtContested();
  absl::Status OnCard(Session& session, ReceivedCard card);
  absl::Status OnHello(Session& session, const wire::HelloT& hello);
  absl::Status EndFormer(Session& before, const Session& session);
  Ownership OwnershipOf(const Session& session) const;
  Session* FindEstablished(const wire::NodeId& id) const;
  Session* FindCalling(const wire::NodeId& id) const;
  bool IsFailed(Session& session) const { return failed_.contains(session.connection().fd()); }
  void DropLater(Session& session, const absl::Status& why);
  void UpdateWatch(Session& session);

  SessionHost& host_;
  Acquaintances& met_;
  EventPoll& poll_;
  std::map<int, std::unique_ptr<Session>> sessions_;  // By fd.
  std::set<int> failed_;                              // Sessions to drop.
  std::set<int> contested_;                           // For LookAtContested.
  std::map<int, int64_t> hello_deadlines_;  // Accepted connections that have not said hello.
  // For whatever arrives; not zeroed, so only what is used costs memory.
  const std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kMaxMessageBytes);
};

}  // namespace holler

#endif  // HOLLER_SESSION_TABLE_H_
