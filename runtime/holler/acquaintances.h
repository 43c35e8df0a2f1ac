// What a node remembers of others that it need not call.
#ifndef HOLLER_ACQUAINTANCES_H_
#define HOLLER_ACQUAINTANCES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "holler/clock.h"
#include "holler/name_card.h"

namespace holler {

// Thread safety: thread-compatible; discovery holds its lock.
class Acquaintances {
 public:
  // The node sent nonsense: it is not called any more.
  void Ban(const wire::NodeId& id) {
    banned_.insert(id);
    // Nobody has so many neighbours: better to be lied to again than to run out of memory.
    if (banned_.size() > kMostBanned) banned_.clear();
  }
  bool IsBanned(const wire::NodeId& id) const { return banned_.contains(id); }

  // The node and this one have no topic in common. It need not be called until this node's topics
  // change; if its own do, it calls.
  void MetInVain(const wire::NodeId& id) {
    in_vain_[id] = topics_version_;
    if (in_vain_.size() > kMostBanned) in_vain_.clear();  // As above: then some call in vain.
  }
  bool IsInVain(const wire::NodeId& id) const {
    const auto met = in_vain_.find(id);
    return met != in_vain_.end() && met->second == topics_version_;
  }
  void OnOwnTopicsChanged() { ++topics_version_; }

  // How long to wait before a node is called again that had no time, or was lost: longer each time.
  // Empty: it had its chances, and calls when it wants something; or is heard of again.
  std::optional<int64_t> NextPause(const wire::NodeId& id) {
    if (tries_.size() > kMostBanned) tries_.clear();
    const int tries = tries_[id]++;
    if (tries >= kMostTries) return std::nullopt;
    return kFirstPause << tries;
  }
  // It was heard of again, or a connection with it has lasted.
  void ForgetTries(const wire::NodeId& id) { tries_.erase(id); }

  // Forgets those that are not there any more.
  void KeepOnly(const std::set<wire::NodeId>& present) {
    std::erase_if(banned_, [&](const wire::NodeId& id) { return !present.contains(id); });
    std::erase_if(tries_, [&](const auto& entry) { return !present.contains(entry.first); });
    std::erase_if(in_vain_, [&](const auto& entry) {
      return entry.second != topics_version_ || !present.contains(entry.first);
    });
  }

  // How many it remembers.
  size_t size() const { return banned_.size() + in_vain_.size() + tries_.size(); }

 private:
  static constexpr size_t kMostBanned = 1'000;
  static constexpr int kMostTries = 10;  // Some three minutes in all.
  static constexpr int64_t kFirstPause = 200 * kMillisecond;

  uint64_t topics_version_ = 0;               // Counts changes of this node's topics.
  std::map<wire::NodeId, uint64_t> in_vain_;  // At which version they were met.
  std::set<wire::NodeId> banned_;
  std::map<wire::NodeId, int> tries_;  // Of nodes that had no time, or were lost.
};

}  // namespace holler

#endif  // HOLLER_ACQUAINTANCES_H_
