// The endpoints of one node.
#ifndef HOLLER_REGISTRY_H_
#define HOLLER_REGISTRY_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "holler/endpoint.h"
#include "holler/name_card.h"
#include "holler/topic_set.h"

namespace holler {

// Thread safety: thread-compatible; discovery holds its lock.
class Registry {
 public:
  void Add(uint64_t id, PublisherEndpoint* publisher) {
    publishers_.emplace(id, publisher);
    published_.Add(id, publisher->topic_name());
  }
  void Add(uint64_t id, SubscriberEndpoint* subscriber) {
    subscribers_.emplace(id, subscriber);
    subscribed_.Add(id, subscriber->topic_name());
  }
  void Remove(uint64_t id) {
    if (publishers_.erase(id) > 0) published_.Remove(id);
    if (subscribers_.erase(id) > 0) subscribed_.Remove(id);
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
  bool Subscribes(std::string_view topic) const { return subscribed_.names.contains(topic); }
  // The hash of the topic of a publisher that there is.
  uint64_t TopicOfPublisher(uint64_t id) const { return published_.topics.at(id).hash; }

  // Hashes of the topics, each once, sorted.
  const std::vector<uint64_t>& publishes() const { return published_.set.hashes(); }
  const std::vector<uint64_t>& subscribes() const { return subscribed_.set.hashes(); }

  // Whether there may be samples for a peer, or from it: `may_subscribe(hash)` and
  // `may_publish(hash)` say what it does with a topic.
  template <typename MaySubscribe, typename MayPublish>
  bool HasCommonTopics(MaySubscribe&& may_subscribe, MayPublish&& may_publish) const {
    return std::any_of(publishes().begin(), publishes().end(), may_subscribe) ||
           std::any_of(subscribes().begin(), subscribes().end(), may_publish);
  }

 private:
  // The topics of one kind of endpoints. All is kept, for to work it out anew with each endpoint
  // takes seconds where there are thousands.
  struct Topics {
    struct Topic {
      std::string name;
      uint64_t hash;
    };

    void Add(uint64_t id, const std::string& name) {
      const uint64_t hash = TopicHash(name);
      topics.emplace(id, Topic{name, hash});
      ++names[name];
      ++hashes[hash];
      set.Insert(hash);
    }
    void Remove(uint64_t id) {
      const auto topic = topics.find(id);
      const auto name = names.find(topic->second.name);
      if (--name->second == 0) names.erase(name);
      const auto hash = hashes.find(topic->second.hash);
      if (--hash->second == 0) {
        set.Erase(hash->first);
        hashes.erase(hash);
      }
      topics.erase(topic);
    }

    std::map<uint64_t, Topic> topics;                  // By endpoint.
    std::map<std::string, size_t, std::less<>> names;  // How many endpoints have it.
    std::map<uint64_t, size_t> hashes;                 // Likewise: names may share one.
    TopicSet set;
  };

  std::map<uint64_t, PublisherEndpoint*> publishers_;
  std::map<uint64_t, SubscriberEndpoint*> subscribers_;
  Topics published_;
  Topics subscribed_;
};

}  // namespace holler

#endif  // HOLLER_REGISTRY_H_
