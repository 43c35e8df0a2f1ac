// Calls between processes that are killed, and with peers that lie.
#include <fcntl.h>
#include <signal.h>

#include <cstdint>
#include <memory>
#include <string>

#include "call_support.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holler/call_header.h"
#include "holler/discovery.h"
#include "holler/segment.h"
#include "holler/topic.h"
#include "process_support.h"

namespace holler {
namespace {

using testing::HasSubstr;

// ---- Processes ----

// Answers as many calls as it is told to, takes one more, and says so.
int Serve(Child::Line& line, uint32_t domain) {
  auto node = Node::Create({.name = "server", .domain = domain});
  if (!node.ok()) return 1;
  auto server = DoubleServer::Create(*node);
  if (!server.ok()) return 2;
  while (line.Hear() == 'a') {
    if (!AnswerDouble(NextCall(*server))) return 3;
  }
  auto held = NextCall(*server);
  line.Tell(held ? 'h' : '?');
  line.Hear();
  return 0;
}

TEST(CallProcesses, AServerThatIsKilledEndsItsCalls) {
  const uint32_t domain = NextDomain();
  Child child([&](auto& line) { return Serve(line, domain); });
  const TestNode node("client", domain);
  auto client = Make<DoubleClient>(*node);
  ASSERT_TRUE(client->WaitForServer(kLong));
  for (uint64_t i = 0; i < 10; ++i) {
    child.Tell('a');
    auto reply = client->Call(test::Number(i));
    ASSERT_TRUE(reply) << reply.status();
    ASSERT_EQ(reply->number(), 2 * i);
  }
  const CallId held = SendNumber(*client, 1, absl::InfiniteDuration());
  child.Tell('h');
  ASSERT_EQ(child.Hear(), 'h');
  const CallId waiting = SendNumber(*client, 2, absl::InfiniteDuration());
  child.Kill(SIGKILL);
  EXPECT_EQ(client->Wait(held).end(), CallEnd::kPeerGone);
  EXPECT_EQ(client->Wait(waiting).end(), CallEnd::kPeerGone);
  ASSERT_TRUE(Await([&] { return !client->has_server(); }));
  EXPECT_EQ(client->Call(test::Number(1)).end(), CallEnd::kNoServer);
}

// Calls, and says so.
int CallOnce(Child::Line& line, uint32_t domain) {
  auto node = Node::Create({.name = "client", .domain = domain});
  if (!node.ok()) return 1;
  auto client = DoubleClient::Create(*node);
  if (!client.ok() || !client->WaitForServer(kLong)) return 2;
  line.Tell(SendNumber(*client, 5) != 0 ? 's' : '?');
  line.Hear();
  return 0;
}

TEST(CallProcesses, AClientThatIsKilledIsKnownToBeGone) {
  const uint32_t domain = NextDomain();
  Child child([&](auto& line) { return CallOnce(line, domain); });
  const TestNode node("server", domain);
  auto server = Make<DoubleServer>(*node);
  ASSERT_EQ(child.Hear(), 's');
  auto call = NextCall(*server);
  ASSERT_TRUE(call);
  EXPECT_EQ(call.caller().pid, child.pid());
  EXPECT_EQ(call.caller().node_name, "client");
  child.Kill(SIGKILL);
  ASSERT_TRUE(Await([&] { return call.is_abandoned(); }));
  EXPECT_EQ(call->number(), 5u) << "what it sent stays";
  EXPECT_FALSE(AnswerDouble(std::move(call)));
}

// ---- Liars ----

// Half of a service whose headers say what it likes.
using RawRequests = Publisher<test::SumsDoubleRequestTopic>;
using RawReplies = Publisher<test::SumsDoubleReplyTopic>;
using RawRequestTaker = Subscriber<test::SumsDoubleRequestTopic>;
using RawReplyTaker = Subscriber<test::SumsDoubleReplyTopic>;

template <typename Raw>
std::unique_ptr<Raw> MakeRaw(Node& node, const std::string& topic, uint64_t partner) {
  auto raw = Raw::CreateHalf(node, partner, {.topic = topic});
  EXPECT_TRUE(raw.ok()) << raw.status();
  return std::make_unique<Raw>(std::move(*raw));
}

// Publishes a number under any header.
template <typename Raw>
void Say(Raw& raw, const CallHeader& header, uint64_t number) {
  auto loan = raw.Loan();
  ASSERT_TRUE(loan);
  loan->set_number(number);
  WriteCallHeader(Raw::PayloadOf(loan), header);
  ASSERT_NE(raw.Publish(std::move(loan)), 0u);
}

class LyingServer : public TwoHalves {
 protected:
  void SetUp() override {
    taker_ = Make<RawRequestTaker>(a(), SubscriberOptions{.topic = "test/Sums/Double/request"});
    replies_ = MakeRaw<RawReplies>(a(), "test/Sums/Double/reply", taker_->core()->key().endpoint);
    client_ = Make<DoubleClient>(b());
    ASSERT_TRUE(client_->WaitForServer(kLong));
  }
  // Calls, and returns the header of what the client waits for.
  CallHeader AwaitedReply() {
    call_ = SendNumber(*client_, 1);
    EXPECT_NE(call_, 0u);
    EXPECT_TRUE(taker_->Wait(kLong));
    auto request = taker_->Take();
    EXPECT_TRUE(request);
    CallHeader header = ReadCallHeader(request.taken().held.payload);
    EXPECT_EQ(header.call, call_);
    EXPECT_EQ(header.to, taker_->core()->key());
    header.to = request.taken().source->partner();
    return header;
  }

  std::unique_ptr<RawRequestTaker> taker_;
  std::unique_ptr<RawReplies> replies_;
  std::unique_ptr<DoubleClient> client_;
  CallId call_ = 0;
};
INSTANTIATE_TEST_SUITE_P(, LyingServer, testing::Bool(),
                         [](const auto& info) { return info.param ? "TwoNodes" : "OneNode"; });

TEST_P(LyingServer, OnlyWhatWasAskedForIsAReply) {
  const CallHeader good = AwaitedReply();
  CallHeader bad = good;
  bad.to.endpoint += 1;
  Say(*replies_, bad, 66);
  bad = good;
  bad.to.node = wire::NodeId(~uint64_t{0}, ~uint64_t{0});
  Say(*replies_, bad, 66);
  for (const uint64_t call : {uint64_t{0}, good.call + 1, ~uint64_t{0}}) {
    bad = good;
    bad.call = call;
    Say(*replies_, bad, 66);
  }
  EXPECT_EQ(client_->Take().end(), CallEnd::kUnknown);
  EXPECT_EQ(client_->pending(), 1u);
  Say(*replies_, good, 7);
  Say(*replies_, good, 66);  // Twice.
  EXPECT_EQ(client_->Wait(call_)->number(), 7u);
  EXPECT_EQ(client_->Take().end(), CallEnd::kUnknown);
  EXPECT_EQ(client_->late(), 4u);
}

TEST_P(LyingServer, AnyStatusAndAnyDeadlineWillDo) {
  for (const uint32_t status : {1u, 16u, 17u, 0x8000'0000u, ~0u}) {
    CallHeader header = AwaitedReply();
    header.status = status;
    header.deadline = INT64_MIN;
    header.reserved = ~0u;
    Say(*replies_, header, 66);
    auto reply = client_->Wait(call_);
    EXPECT_FALSE(reply);
    EXPECT_EQ(reply.end(), CallEnd::kFailed);
    EXPECT_LE(static_cast<int>(reply.code()), 16);
    EXPECT_NE(reply.code(), absl::StatusCode::kOk);
  }
}

TEST_P(LyingServer, AReplyThatIsNoMessageIsDataLoss) {
  const CallHeader header = AwaitedReply();
  auto& core = replies_->core();
  ASSERT_TRUE(core.AwaitRoom(kLong));
  const uint32_t slot = core.Acquire();
  WriteCallHeader(core.payload(slot), header);
  core.Publish(slot, 3);
  EXPECT_EQ(client_->Wait(call_).code(), absl::StatusCode::kDataLoss);
}

// Its segment names a partner that does not exist.
TEST_P(LyingServer, AServerThatCannotBeReachedIsNone) {
  replies_ = MakeRaw<RawReplies>(a(), "test/Sums/Double/reply", ~uint64_t{0});
  ASSERT_TRUE(Await([&] { return replies_->has_subscribers() && !client_->has_server(); }));
  EXPECT_EQ(client_->Loan().why(), CallEnd::kNoServer);
}

// Of another server, which was not asked.
TEST_P(LyingServer, ServersCannotAnswerForEachOther) {
  auto other = Make<RawRequestTaker>(a(), SubscriberOptions{.topic = "test/Sums/Double/request"});
  auto forger = MakeRaw<RawReplies>(a(), "test/Sums/Double/reply", other->core()->key().endpoint);
  ASSERT_TRUE(forger->WaitForSubscriber(kLong));
  const CallHeader header = AwaitedReply();
  Say(*forger, header, 66);
  ASSERT_TRUE(Await([&] {
    EXPECT_EQ(client_->Take().end(), CallEnd::kUnknown);
    return client_->late() == 1;
  }));
  Say(*replies_, header, 7);
  EXPECT_EQ(client_->Wait(call_)->number(), 7u);
}

// Replies to others, older than all others, and more of them than are passed over in one go.
class Flood {
 public:
  Flood(Node& node, SubscriberCore& replies) {
    const SegmentView<std::byte> view(segment_.data(), segment_.layout());
    for (uint32_t n = 1; n <= kSamples; ++n) {
      SlotHeader& header = view.slot(n);
      header.publish_time.store(1);
      header.size.store(sizeof(test::Number));
      header.sequence.store(n);
      view.ring(n % kSamples).store(n);
    }
    view.head().store(kSamples);
    auto mapped = PeerSegment::Map(UniqueFd(::fcntl(segment_.fd(), F_DUPFD_CLOEXEC, 0)));
    EXPECT_TRUE(mapped.ok()) << mapped.status();
    const EndpointKey key{wire::NodeId(9, 9), 1};
    node.discovery()->WithLock([&] {
      EXPECT_TRUE(replies.Propose(key, {"flood", 1, 1, "flood"}, std::move(*mapped)).ok());
      EXPECT_TRUE(replies.Confirm(key, {.start = 0, .head = 0}));
    });
  }

 private:
  static constexpr uint32_t kSamples = 5'000;

  static TopicInfo Topic() {
    TopicInfo topic = InfoOf<test::SumsDoubleReplyTopic>();
    SegmentLayout& l = topic.layout;
    l.depth = kSamples;
    l.slot_count = l.depth + l.max_loans + l.max_subscribers * l.max_samples;
    l.slots_offset = static_cast<uint32_t>(AlignUp(l.ring_offset + 4 * l.depth, kCacheLine));
    l.segment_bytes = AlignUp(l.slots_offset + uint64_t{l.slot_count} * l.slot_stride, kPageBytes);
    return topic;
  }

  const Segment segment_ = std::move(*Segment::Create(Topic()));
};

TEST_P(LyingServer, ItsEndIsToldThroughAFloodOfOtherReplies) {
  AwaitedReply();
  SubscriberCore& replies = *client_->core()->replies();
  const Flood flood(b(), replies);
  replies_.reset();
  ASSERT_TRUE(Await([&] { return replies.publisher_count() == 1; }));
  EXPECT_EQ(client_->Take().end(), CallEnd::kPeerGone);
}

TEST_P(LyingServer, AReplyInTimeCountsThoughItIsBehindAFlood) {
  const CallHeader header = AwaitedReply();
  const Flood flood(b(), *client_->core()->replies());
  Say(*replies_, header, 7);
  clock_.Advance(61 * kSecond);
  auto reply = client_->Wait(call_);
  ASSERT_EQ(reply.end(), CallEnd::kReply);
  EXPECT_EQ(reply->number(), 7u);
}

TEST_P(LyingServer, AReplyTooLateDoesNotCountBehindAFlood) {
  const CallHeader header = AwaitedReply();
  const Flood flood(b(), *client_->core()->replies());
  clock_.Advance(61 * kSecond);
  Say(*replies_, header, 7);
  EXPECT_EQ(client_->Wait(call_).end(), CallEnd::kDeadline);
}

class LyingClient : public TwoHalves {};
INSTANTIATE_TEST_SUITE_P(, LyingClient, testing::Bool(),
                         [](const auto& info) { return info.param ? "TwoNodes" : "OneNode"; });

TEST_P(LyingClient, CannotStopAServer) {
  auto server = Make<DoubleServer>(a());
  auto honest = Make<DoubleClient>(b());
  ASSERT_TRUE(honest->WaitForServer(kLong));
  // It has no replies to take, and says that it has.
  auto liar = MakeRaw<RawRequests>(b(), "test/Sums/Double/request", 12'345);
  ASSERT_TRUE(liar->WaitForSubscriber(kLong));
  const EndpointKey to = server->state()->core.requests()->key();
  const CallHeader headers[] = {
      {.to = to, .call = 0, .deadline = INT64_MAX},
      {.to = to, .call = ~uint64_t{0}, .deadline = INT64_MAX, .status = ~0u},
      {.to = to, .call = 1, .deadline = INT64_MIN},                  // Long over.
      {.to = {to.node, to.endpoint + 1}, .call = 1, .deadline = 0},  // Somebody else's.
      {.to = {{~uint64_t{0}, 0}, to.endpoint}, .call = 1, .deadline = 0}};
  for (int round = 0; round < 20; ++round) {
    for (const CallHeader& header : headers) {
      Say(*liar, header, 3);
      if (header.to == to && header.deadline == INT64_MAX) AnswerDouble(NextCall(*server));
      EXPECT_FALSE(server->Take());
    }
    const CallId call = SendNumber(*honest, 9);
    AnswerDouble(NextCall(*server));
    ASSERT_EQ(honest->Wait(call)->number(), 18u);
  }
  EXPECT_EQ(honest->late(), 0u);
}

// With the endpoint of an honest client as its own.
TEST_P(LyingClient, CannotMakeOthersBelieveItsReplies) {
  auto server = Make<DoubleServer>(a());
  auto honest = Make<DoubleClient>(b());
  ASSERT_TRUE(honest->WaitForServer(kLong));
  auto liar = MakeRaw<RawRequests>(b(), "test/Sums/Double/request",
                                   honest->core()->replies()->key().endpoint);
  ASSERT_TRUE(liar->WaitForSubscriber(kLong));
  Say(*liar, {.to = server->state()->core.requests()->key(), .call = 77, .deadline = INT64_MAX}, 3);
  AnswerDouble(NextCall(*server));
  const CallId call = SendNumber(*honest, 9);
  AnswerDouble(NextCall(*server));
  EXPECT_EQ(honest->Wait(call)->number(), 18u);
  EXPECT_EQ(honest->late(), 1u);
}

TEST(CallsAndTopics, DoNotMatch) {
  const uint32_t domain = NextDomain();
  const TestNode a("a", domain);
  const TestNode b("b", domain);
  auto client = Make<DoubleClient>(*a);
  Lines refusals;
  auto subscriber = Make<test::NumbersSubscriber>(
      *b, SubscriberOptions{.topic = "test/Sums/Double/request",
                            .on_refused = [&](const PeerInfo&, const absl::Status& why) {
                              refusals.Add(std::string(why.ToString()));
                            }});
  ASSERT_TRUE(Await([&] { return refusals.size() > 0; }));
  EXPECT_THAT(refusals.all().front(), HasSubstr("one side has a service"));
  EXPECT_FALSE(subscriber->has_publishers());
}

}  // namespace
}  // namespace holler
