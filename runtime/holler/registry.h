// The endpoints of one node.
#ifndef HOLLER_REGISTRY_H_
#define HOLLER_REGISTRY_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "holler/endpoint.h"
#include "holler/name_card.h"

namespace holler {

// Thread safety: thread-compatible; discovery holds its lock.
class Registry {
 public:
  void Add(uint64_t id, PublisherEndpoint* publisher) {
    publishers_.emplace(id, publisher);
    publishes_ = Hashes(publishers_);
  }
  void Add(uint64_t id, SubscriberEndpoint* subscriber) {
    subscribers_.emplace(id, subscriber);
    subscribes_ = Hashes(subscribers_);
  }
  void Remove(uint64_t id) {
    if (publishers_.erase(id) > 0) publishes_ = Hashes(publishers_);
    if (subscribers_.erase(id) > 0) subscribes_ = Hashes(subscribers_);
  }

  const std::map<uint64_t, PublisherEndpoint*>& publishers() const { return publishers_; }
  const std::map<uint64_t, SubscriberEndpoint*>& subscribers() const { return subscribers_; }

  PublisherEndpoint* FindPublisher(uint64_t id) const {
    const auto it = publishers_.find(id);
    return it == publishers_.end() ? nullptr : it->second;
  }
  SubscriberEndpoint* FindSubscriber(uint64_t id) const {
    const auto it = subscribers_.find(id);
    return it == subscribers_.end() ? nullptr : it->second;
  }
  bool Subscribes(std::string_view topic) const {
    return std::any_of(subscribers_.begin(), subscribers_.end(),
                       [&](const auto& entry) { return entry.second->topic_name() == topic; });
  }

  // Hashes of the topics, each once, sorted.
  const std::vector<uint64_t>& publishes() const { return publishes_; }
  const std::vector<uint64_t>& subscribes() const { return subscribes_; }

 private:
  template <typename Endpoints>
  static std::vector<uint64_t> Hashes(const Endpoints& endpoints) {
    std::set<uint64_t> hashes;
    for (const auto& [id, endpoint] : endpoints) hashes.insert(TopicHash(endpoint->topic_name()));
    return {hashes.begin(), hashes.end()};
  }

  std::map<uint64_t, PublisherEndpoint*> publishers_;
  std::map<uint64_t, SubscriberEndpoint*> subscribers_;
  std::vector<uint64_t> publishes_;
  std::vector<uint64_t> subscribes_;
};

}  // namespace holler

#endif  // HOLLER_REGISTRY_H_
