// What a node remembers of others that it need not call.
#ifndef HOLLER_ACQUAINTANCES_H_
#define HOLLER_ACQUAINTANCES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>

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
  void MetInVain(const wire::NodeId& id) { in_vain_[id] = topics_version_; }
  bool IsInVain(const wire::NodeId& id) const {
    const auto met = in_vain_.find(id);
    return met != in_vain_.end() && met->second == topics_version_;
  }
  void OnOwnTopicsChanged() { ++topics_version_; }

  // Forgets those that are not there any more.
  void KeepOnly(const std::set<wire::NodeId>& present) {
    std::erase_if(banned_, [&](const wire::NodeId& id) { return !present.contains(id); });
    std::erase_if(in_vain_, [&](const auto& entry) {
      return entry.second != topics_version_ || !present.contains(entry.first);
    });
  }

  // How many it remembers.
  size_t size() const { return banned_.size() + in_vain_.size(); }

 private:
  static constexpr size_t kMostBanned = 1'000;

  uint64_t topics_version_ = 0;               // Counts changes of this node's topics.
  std::map<wire::NodeId, uint64_t> in_vain_;  // At which version they were met.
  std::set<wire::NodeId> banned_;
};

}  // namespace holler

#endif  // HOLLER_ACQUAINTANCES_H_
