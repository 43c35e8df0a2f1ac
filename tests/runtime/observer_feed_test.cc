// What a node tells an observer: in which order, how often, and how little to one that does not
// read.
#include "holler/observer_feed.h"

#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "process_support.h"
#include "session_support.h"

namespace holler {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ObserverFeedTest : public testing::Test {
 protected:
  static constexpr uint64_t kPublisher = 10;
  static constexpr uint64_t kSubscriber = 11;

  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    peer_ = std::move(*Connection::Adopt(UniqueFd(ends[0])));
    own_ = std::move(*Connection::Adopt(UniqueFd(ends[1])));
    feed_ = std::make_unique<ObserverFeed>(host_.identity, host_.endpoints, *own_);
    host_.endpoints.Add(kPublisher, &publisher_);
    host_.endpoints.Add(kSubscriber, &subscriber_);
  }

  void Match(uint64_t subscriber, uint64_t taken = 0) {
    SubscriberPeer peer{.peer = {"peer", 5, 6, "test/segment"}};
    peer.counters.taken = taken;
    publisher_.peers.emplace_back(EndpointKey{wire::NodeId(2, 2), subscriber}, peer);
  }
  // All that was told since the last call, one line each.
  Notes Told() {
    Notes told;
    while (true) {
      auto card = peer_->Receive(buffer_.get());
      if (!card.ok()) return told;
      const wire::MessageUnion& message = card->envelope.message;
      if (const auto* publisher = message.AsPublisherCard()) {
        told.push_back(
            absl::StrCat("publisher ", publisher->publisher, " with ", card->fds.size(), " fd"));
      } else if (const auto* subscriber = message.AsSubscriberReport()) {
        told.push_back(absl::StrCat("subscriber ", subscriber->subscriber, " took ",
                                    subscriber->counts->taken));
      } else if (const auto* match = message.AsMatchReport()) {
        told.push_back(absl::StrCat("match ", match->publisher, "-", match->subscriber, " took ",
                                    match->counts->taken));
      } else if (const auto* end = message.AsMatchEnd()) {
        told.push_back(absl::StrCat("end ", end->publisher, "-", end->subscriber));
      } else if (const auto* gone = message.AsGone()) {
        told.push_back(absl::StrCat("gone ", gone->endpoint));
      } else if (const auto* observed = message.AsObserved()) {
        told.push_back(absl::StrCat("look ", observed->look));
      }
    }
  }

  Notes notes_;
  FakePublisher publisher_{notes_};
  FakeSubscriber subscriber_{notes_};
  FakeHost host_;
  std::unique_ptr<Connection> peer_;
  std::unique_ptr<Connection> own_;
  std::unique_ptr<ObserverFeed> feed_;
  const std::unique_ptr<char[]> buffer_ = std::make_unique<char[]>(kMaxMessageBytes);
};

TEST_F(ObserverFeedTest, TellsAllThatThereIsOnce) {
  Match(7);
  feed_->OnLook(1);
  ASSERT_TRUE(feed_->Tell().ok());
  EXPECT_THAT(Told(), ElementsAre("publisher 10 with 1 fd", "match 10-7 took 0",
                                  "subscriber 11 took 0", "look 1"));
  ASSERT_TRUE(feed_->Tell().ok());
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(ObserverFeedTest, ALookAsksForCountersAnew) {
  Match(7);
  feed_->OnLook(1);
  ASSERT_TRUE(feed_->Tell().ok());
  Told();
  publisher_.peers[0].second.counters.taken = 3;
  subscriber_.counts.taken = 4;
  ASSERT_TRUE(feed_->Tell().ok());
  EXPECT_THAT(Told(), IsEmpty());
  feed_->OnLook(2);
  ASSERT_TRUE(feed_->Tell().ok());
  EXPECT_THAT(Told(), ElementsAre("match 10-7 took 3", "subscriber 11 took 4", "look 2"));
  feed_->OnLook(1);  // Numbers grow; this one is nonsense.
  ASSERT_TRUE(feed_->Tell().ok());
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(ObserverFeedTest, TellsUnaskedWhatComesAndGoes) {
  Match(7);
  feed_->OnLook(1);
  ASSERT_TRUE(feed_->Tell().ok());
  Told();
  publisher_.peers.clear();
  Match(8);
  ASSERT_TRUE(feed_->Tell().ok());
  EXPECT_THAT(Told(), ElementsAre("match 10-8 took 0", "end 10-7"));

  FakePublisher other(notes_);
  host_.endpoints.Add(20, &other);
  host_.endpoints.Remove(kPublisher);
  host_.endpoints.Remove(kSubscriber);
  ASSERT_TRUE(feed_->Tell().ok());
  EXPECT_THAT(Told(),
              UnorderedElementsAre("publisher 20 with 1 fd", "end 10-8", "gone 10", "gone 11"));
}

TEST_F(ObserverFeedTest, WhoDoesNotReadCostsOneMessage) {
  for (uint64_t i = 0; i < 2'000; ++i) Match(100 + i);
  feed_->OnLook(1);
  ASSERT_TRUE(feed_->Tell().ok());
  EXPECT_TRUE(own_->has_backlog());
  const int fds = CountOpenFds();
  for (uint64_t look = 2; look < 1'000; ++look) {
    feed_->OnLook(look);
    ASSERT_TRUE(feed_->Tell().ok());
  }
  EXPECT_EQ(CountOpenFds(), fds);

  // When it reads again, it is told all that is true by then.
  publisher_.peers.clear();
  Match(1, 5);
  Notes told;
  for (int i = 0; i < 10'000 && own_->has_backlog(); ++i) {
    for (std::string& line : Told()) told.push_back(std::move(line));
    ASSERT_TRUE(own_->Flush().ok());
    ASSERT_TRUE(feed_->Tell().ok());
  }
  for (int i = 0; i < 100; ++i) {
    for (std::string& line : Told()) told.push_back(std::move(line));
    ASSERT_TRUE(own_->Flush().ok());
    ASSERT_TRUE(feed_->Tell().ok());
  }
  EXPECT_THAT(told, Contains("match 10-1 took 5"));
  EXPECT_THAT(told, Contains("end 10-100"));
  EXPECT_THAT(told, Contains("look 999"));
  EXPECT_EQ(std::count(told.begin(), told.end(), "publisher 10 with 1 fd"), 1);
}

TEST(Counts, SurviveTheJourney) {
  LatencyHistogram::Buckets buckets{};
  buckets[3] = 7;
  buckets[LatencyHistogram::kBuckets - 1] = 1;
  const SubscriberCounters counters{.taken = 1,
                                    .lost = 2,
                                    .skipped = 3,
                                    .malformed = 4,
                                    .dropped = 5,
                                    .wakeups = 6,
                                    .longest_lag = 7,
                                    .latency = LatencyHistogram(buckets, 12'345)};
  EXPECT_EQ(ToCounters(ToCounts(counters)), counters);
  // Fewer and more buckets than there are.
  wire::CountsT counts;
  EXPECT_EQ(ToCounters(counts), SubscriberCounters());
  counts.latencies.assign(1'000, 1);
  EXPECT_EQ(ToCounters(counts).latency.count(), LatencyHistogram::kBuckets);
}

}  // namespace
}  // namespace holler
