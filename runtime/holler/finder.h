// Finds the other nodes of a domain: hollers, hears the hollers of others, sweeps, and calls whom
// it has not met yet. docs/discovery.md argues why every pair meets.
#ifndef HOLLER_FINDER_H_
#define HOLLER_FINDER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "holler/acquaintances.h"
#include "holler/announce_schedule.h"
#include "holler/event_poll.h"
#include "holler/name_card.h"
#include "holler/neighbourhood.h"
#include "holler/options.h"
#include "holler/session_table.h"

namespace holler {

// Thread safety: thread-compatible; discovery holds its lock.
class Finder {
 public:
  // All of them must outlive it.
  Finder(SessionHost& host, SessionTable& sessions, Acquaintances& met, EventPoll& poll)
      : host_(host), sessions_(sessions), met_(met), poll_(poll) {}

  // Joins the multicast group, if there is to be one and it works. Errors: invalid options, limits.
  absl::Status Open(const NodeOptions& options);

  // This node's topics changed: shows them to those that sweep. Comes before looking for others.
  void ShowTopics();
  // This node has a new endpoint: hollers, and starts the schedule of hollers and sweeps.
  void StartAnnouncing();
  // Does the steps of the schedule that are due at `now`.
  void Announce(int64_t now);
  // When Announce is due; INT64_MAX: never.
  int64_t next_step() const { return schedule_.next(); }

  // Looks for every node of the machine, and calls those it is not connected with, unless they show
  // that there is nothing in common. False: it could not look.
  bool Sweep();
  // Those that the last sweep found, but for those that need not be met.
  std::vector<wire::NodeId> Sought() const;
  // Hears the hollers that came.
  void OnDatagrams();

  // Of the multicast group; -1 without one.
  int fd() const noexcept { return group_.has_value() ? group_->fd() : -1; }

 private:
  void Holler();
  bool IsWorthwhile(const wire::HollerT& holler) const;
  bool IsWorthwhile(const SweptNode& node) const;
  void Call(const NodeAddress& address);
  void TellOfForeigner(uid_t uid);

  SessionHost& host_;
  SessionTable& sessions_;
  Acquaintances& met_;
  EventPoll& poll_;
  AnnounceSchedule schedule_;
  std::optional<MulticastGroup> group_;
  UniqueFd shown_;  // Its name tells `topics_`.
  TopicFilter topics_;
  std::set<wire::NodeId> present_;  // Those that the last sweep found.
  std::set<uid_t> foreigners_;      // Users that are not allowed, and were told of.
  // For datagrams; not zeroed, so only what is used costs memory.
  const std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kMaxMessageBytes);
};

}  // namespace holler

#endif  // HOLLER_FINDER_H_
