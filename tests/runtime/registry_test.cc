#include "holler/registry.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holler/topic_set.h"

namespace holler {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(TopicSet, IsSortedWhateverItIsMadeOf) {
  const TopicSet set({5, 1, 3, 1});
  EXPECT_THAT(set.hashes(), ElementsAre(1, 1, 3, 5));
  EXPECT_TRUE(set.contains(1));
  EXPECT_TRUE(set.contains(5));
  EXPECT_FALSE(set.contains(4));
  EXPECT_TRUE(TopicSet().empty());
  EXPECT_FALSE(TopicSet().contains(0));
}

TEST(TopicSet, HasEachOnce) {
  TopicSet set;
  for (const uint64_t hash : {7, 3, 7, 9, 3}) set.Insert(hash);
  EXPECT_THAT(set.hashes(), ElementsAre(3, 7, 9));
  set.Erase(7);
  set.Erase(8);
  EXPECT_THAT(set.hashes(), ElementsAre(3, 9));
}

// As much of an endpoint as the registry looks at.
class NamedSubscriber : public SubscriberEndpoint {
 public:
  explicit NamedSubscriber(std::string topic) : topic_(std::move(topic)) {}
  const std::string& topic_name() const override { return topic_; }
  std::string_view type_name() const override { return ""; }
  absl::StatusOr<Offer> Propose(const EndpointKey&, const PeerInfo&,
                                std::shared_ptr<const PeerSegment>) override {
    return absl::UnimplementedError("a fake");
  }
  bool Confirm(const EndpointKey&, JoinPoint) override { return false; }
  void End(const EndpointKey&) override {}
  void Refused(const PeerInfo&, const absl::Status&) override {}
  void Stalled(const EndpointKey&, const PeerInfo&, const absl::Status&) override {}
  void TakeNoMore() override {}
  bool holds_samples() override { return false; }
  SubscriberCounters counters() const override { return {}; }

 private:
  const std::string topic_;
};

TEST(Registry, ATopicIsThereAsLongAsAnyEndpointHasIt) {
  Registry registry;
  NamedSubscriber first("a");
  NamedSubscriber second("a");
  NamedSubscriber other("b");
  registry.Add(1, &first);
  registry.Add(2, &second);
  registry.Add(3, &other);
  EXPECT_EQ(registry.subscribes().size(), 2u);
  EXPECT_TRUE(registry.Subscribes("a"));
  registry.Remove(1);
  EXPECT_TRUE(registry.Subscribes("a"));
  EXPECT_EQ(registry.subscribes().size(), 2u);
  EXPECT_EQ(registry.FindSubscriber(1), nullptr);
  registry.Remove(2);
  registry.Remove(2);
  EXPECT_FALSE(registry.Subscribes("a"));
  EXPECT_THAT(registry.subscribes(), ElementsAre(TopicHash("b")));
  EXPECT_THAT(registry.publishes(), IsEmpty());
}

}  // namespace
}  // namespace holler
