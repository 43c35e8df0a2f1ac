// The topics of a node, by their hashes.
#ifndef HOLLER_TOPIC_SET_H_
#define HOLLER_TOPIC_SET_H_

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace holler {

// A sorted list: nodes with a thousand topics tell each other of all of them whenever one is added,
// so it must cost little to make one of what a peer sent, which is sorted as a rule.
// Thread safety: thread-compatible.
class TopicSet {
 public:
  TopicSet() = default;
  explicit TopicSet(std::vector<uint64_t> hashes) : hashes_(std::move(hashes)) {
    if (!std::is_sorted(hashes_.begin(), hashes_.end())) std::sort(hashes_.begin(), hashes_.end());
  }

  void Insert(uint64_t hash) {
    const auto at = std::lower_bound(hashes_.begin(), hashes_.end(), hash);
    if (at == hashes_.end() || *at != hash) hashes_.insert(at, hash);
  }
  void Erase(uint64_t hash) {
    const auto [first, last] = std::equal_range(hashes_.begin(), hashes_.end(), hash);
    hashes_.erase(first, last);
  }
  bool contains(uint64_t hash) const {
    return std::binary_search(hashes_.begin(), hashes_.end(), hash);
  }
  bool empty() const { return hashes_.empty(); }
  const std::vector<uint64_t>& hashes() const { return hashes_; }

 private:
  std::vector<uint64_t> hashes_;
};

}  // namespace holler

#endif  // HOLLER_TOPIC_SET_H_
