// Endpoints and a host that note what a session asks of them, for tests.
#ifndef HOLLER_TESTS_RUNTIME_SESSION_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_SESSION_SUPPORT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "holler/doorbell.h"
#include "holler/session.h"
#include "segment_support.h"

namespace holler {

using Notes = std::vector<std::string>;

class FakePublisher final : public PublisherEndpoint {
 public:
  explicit FakePublisher(Notes& notes) : notes_(notes) {}

  const std::string& topic_name() const override { return name_; }
  const TopicInfo& topic() const override { return topic_; }
  int segment_fd() const override { return segment_.fd(); }
  absl::StatusOr<std::optional<JoinPoint>> Admit(const EndpointKey& subscriber, const PeerInfo&,
                                                 PeerPage, UniqueFd) override {
    notes_.push_back(absl::StrCat("admit ", subscriber.endpoint));
    return answer;
  }
  void Confirmed(const EndpointKey& subscriber) override {
    notes_.push_back(absl::StrCat("confirmed ", subscriber.endpoint));
  }
  std::vector<Admitted> Dismiss(const EndpointKey& subscriber) override {
    notes_.push_back(absl::StrCat("dismiss ", subscriber.endpoint));
    return {};
  }
  std::vector<Admitted> DismissNode(const wire::NodeId&) override {
    notes_.push_back("dismiss node");
    return {};
  }
  std::vector<EndpointKey> TakeStalled() override { return {}; }
  std::vector<std::pair<EndpointKey, SubscriberPeer>> matches() const override { return peers; }
  absl::Status StalledStatus() const override { return absl::DeadlineExceededError("stalled"); }
  void Refused(const PeerInfo&, const absl::Status& why) override {
    notes_.push_back(absl::StrCat("publisher refused: ", std::string(why.message())));
  }

  absl::StatusOr<std::optional<JoinPoint>> answer = JoinPoint{.start = 41, .head = 42};
  std::vector<std::pair<EndpointKey, SubscriberPeer>> peers;

 private:
  Notes& notes_;
  const TopicInfo topic_ = TestTopic();
  const std::string name_ = std::string(topic_.name);
  const Segment segment_ = std::move(*Segment::Create(topic_));
};

class FakeSubscriber final : public SubscriberEndpoint {
 public:
  explicit FakeSubscriber(Notes& notes) : notes_(notes) {}

  const std::string& topic_name() const override { return name_; }
  std::string_view type_name() const override { return "test.Segment"; }
  SubscriberCounters counters() const override { return counts; }
  absl::StatusOr<Offer> Propose(const EndpointKey& publisher, const PeerInfo&,
                                std::shared_ptr<const PeerSegment>) override {
    notes_.push_back(absl::StrCat("propose ", publisher.endpoint));
    if (!answer.ok()) return answer;
    return Offer{page_.fd(), bell_.pull.get()};
  }
  bool Confirm(const EndpointKey& publisher, JoinPoint join) override {
    notes_.push_back(absl::StrCat("confirm ", publisher.endpoint, " at ", join.start));
    return known;
  }
  void End(const EndpointKey& publisher) override {
    notes_.push_back(absl::StrCat("end ", publisher.endpoint));
  }
  void Refused(const PeerInfo&, const absl::Status& why) override {
    notes_.push_back(absl::StrCat("subscriber refused: ", std::string(why.message())));
  }
  void Stalled(const EndpointKey& publisher, const PeerInfo&, const absl::Status& why) override {
    notes_.push_back(
        absl::StrCat("subscriber stalled ", publisher.endpoint, ": ", std::string(why.message())));
  }
  void TakeNoMore() override { notes_.push_back("take no more"); }
  bool holds_samples() override { return false; }

  absl::Status answer;
  bool known = true;
  SubscriberCounters counts;

 private:
  Notes& notes_;
  const std::string name_ = "test/segment";
  const OwnPage page_ = std::move(*OwnPage::Create(2));
  Doorbell doorbell_ = std::move(*Doorbell::Create());
  const Bell bell_ = std::move(*doorbell_.AddBell());
};

class FakeHost final : public SessionHost {
 public:
  FakeHost() {
    identity.id = wire::NodeId(1, 1);
    identity.domain = 3;
    identity.name = "host";
  }
  const NodeIdentity& self() const override { return identity; }
  const Registry& registry() const override { return endpoints; }
  NodeStats& stats() override { return counts; }
  void LogOnce(LogSeverity, const std::string& line) override { log.push_back(line); }
  MatchLog& match_log() override { return matches; }
  void LogFirst(const std::string& what, LogSeverity, const std::string& line) override {
    if (told.insert(what).second) log.push_back(line);
  }
  void RetryAfter(int64_t) override { ++soon_retries; }
  void RetryLater() override { ++retries; }
  void Announce(uint64_t, const std::vector<PublisherEndpoint::Admitted>&) override {}
  Observation* observation() override { return notes.get(); }

  NodeIdentity identity;
  Registry endpoints;
  NodeStats counts;
  Notes log;
  std::set<std::string> told{};
  Notes infos;
  MatchLog matches{[this](LogSeverity, const std::string& line) { infos.push_back(line); }};
  std::unique_ptr<Observation> notes;  // Of an observer.
  int retries = 0;
  int soon_retries = 0;
};

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_SESSION_SUPPORT_H_
