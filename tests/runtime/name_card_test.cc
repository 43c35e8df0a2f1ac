#include "holler/name_card.h"

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "flatbuffers/flatbuffers.h"
#include "gtest/gtest.h"
#include "holler/latency_histogram.h"
#include "holler/layout.h"

namespace holler {
namespace {

// Decodes a copy that ends where the heap block ends, so that sanitizers see any read beyond.
template <typename Decode>
auto Exactly(std::string_view bytes, Decode&& decode) {
  const std::unique_ptr<char[]> copy(new char[bytes.size()]);
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  return decode(std::string_view(copy.get(), bytes.size()));
}
absl::StatusOr<wire::EnvelopeT> DecodeExactly(std::string_view bytes) {
  return Exactly(bytes, DecodeCard);
}

wire::HelloT SomeHello() {
  wire::HelloT hello;
  hello.abi_version = 1;
  hello.domain = 7;
  hello.node = std::make_unique<wire::NodeId>(3, 4);
  hello.node_name = "driver";
  hello.pid = 99;
  hello.publishes = {1, 2, UINT64_MAX};
  hello.subscribes = {5};
  return hello;
}

wire::HollerT SomeHoller() {
  wire::HollerT holler;
  holler.abi_version = 1;
  holler.domain = 7;
  holler.uid = 1'000;
  holler.node = std::make_unique<wire::NodeId>(3, 4);
  holler.publishes = {1, 2};
  holler.subscribes = {3};
  return holler;
}

wire::PublisherCardT SomePublisherCard() {
  wire::PublisherCardT card;
  card.publisher = 5;
  card.topic = "sensors/imu";
  card.type_name = "sensors.Imu";
  card.fingerprint = 6;
  return card;
}

wire::RefusalT SomeRefusal() {
  wire::RefusalT refusal;
  refusal.by_publisher = true;
  refusal.publisher = 1;
  refusal.subscriber = 2;
  refusal.code = wire::RefusalCode_Full;
  refusal.reason = "full";
  return refusal;
}

wire::SubscriberReportT SomeSubscriberReport() {
  wire::SubscriberReportT report;
  report.subscriber = 6;
  report.topic = "sensors/imu";
  report.type_name = "sensors.Imu";
  report.counts = std::make_unique<wire::CountsT>();
  report.counts->lost = 7;
  report.counts->latencies = {1, 2, UINT64_MAX};
  return report;
}

wire::MatchReportT SomeMatchReport() {
  wire::MatchReportT report;
  report.publisher = 5;
  report.node = std::make_unique<wire::NodeId>(3, 4);
  report.node_name = "listener";
  report.counts = std::make_unique<wire::CountsT>();
  report.counts->latencies = {9};
  return report;
}

// One encoded card of each type.
std::vector<std::string> EachCard() {
  wire::TopicsT topics;
  topics.publishes = {8, 9};
  wire::SubscriberCardT subscriber;
  subscriber.subscriber = 1;
  subscriber.publisher = 2;
  wire::ConfirmationT confirmation;
  confirmation.start = 77;
  wire::GoneT gone;
  gone.endpoint = 3;
  wire::ObserveT observe;
  observe.look = 4;
  wire::MatchEndT end;
  end.node = std::make_unique<wire::NodeId>(3, 4);
  wire::ObservedT observed;
  observed.program = "driver";
  return {EncodeCard(SomeHello()),
          EncodeCard(std::move(topics)),
          EncodeCard(SomePublisherCard()),
          EncodeCard(subscriber),
          EncodeCard(confirmation),
          EncodeCard(SomeRefusal()),
          EncodeCard(gone),
          EncodeCard(observe),
          EncodeCard(SomeSubscriberReport()),
          EncodeCard(SomeMatchReport()),
          EncodeCard(std::move(end)),
          EncodeCard(std::move(observed))};
}

TEST(Holler, ComesBackAsItWas) {
  const wire::HollerT holler = SomeHoller();
  auto decoded = Exactly(EncodeHoller(holler), DecodeHoller);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->abi_version, holler.abi_version);
  EXPECT_EQ(decoded->domain, holler.domain);
  EXPECT_EQ(decoded->uid, holler.uid);
  EXPECT_EQ(*decoded->node, *holler.node);
  EXPECT_EQ(decoded->publishes, holler.publishes);
  EXPECT_EQ(decoded->subscribes, holler.subscribes);
}

TEST(Card, HelloComesBackAsItWas) {
  const wire::HelloT hello = SomeHello();
  auto card = DecodeExactly(EncodeCard(SomeHello()));
  ASSERT_TRUE(card.ok()) << card.status();
  ASSERT_EQ(card->message.type, wire::Message_Hello);
  const wire::HelloT& decoded = *card->message.AsHello();
  EXPECT_EQ(decoded.abi_version, hello.abi_version);
  EXPECT_EQ(decoded.domain, hello.domain);
  EXPECT_EQ(*decoded.node, *hello.node);
  EXPECT_EQ(decoded.node_name, hello.node_name);
  EXPECT_EQ(decoded.pid, hello.pid);
  EXPECT_EQ(decoded.publishes, hello.publishes);
  EXPECT_EQ(decoded.subscribes, hello.subscribes);
}

TEST(Card, EachTypeComesBack) {
  const auto cards = EachCard();
  for (size_t i = 0; i < cards.size(); ++i) {
    auto card = DecodeExactly(cards[i]);
    ASSERT_TRUE(card.ok()) << i << ": " << card.status();
    EXPECT_EQ(card->message.type, static_cast<wire::Message>(i + 1));
  }
  EXPECT_EQ(DecodeExactly(cards[4])->message.AsConfirmation()->start, 77u);
  EXPECT_EQ(DecodeExactly(cards[5])->message.AsRefusal()->reason, "full");
  EXPECT_EQ(DecodeExactly(cards[2])->message.AsPublisherCard()->topic, "sensors/imu");
}

TEST(Card, CarriesAsManyFdsAsItsTypeSays) {
  EXPECT_EQ(FdsOf(wire::Message_PublisherCard), 1);
  EXPECT_EQ(FdsOf(wire::Message_SubscriberCard), 2);
  for (const auto type : {wire::Message_NONE, wire::Message_Hello, wire::Message_Topics,
                          wire::Message_Confirmation, wire::Message_Refusal, wire::Message_Gone}) {
    EXPECT_EQ(FdsOf(type), 0);
  }
}

// What is accepted keeps the bounds, whatever the bytes were.
void ExpectBounded(const absl::StatusOr<wire::EnvelopeT>& card) {
  if (!card.ok()) return;
  const auto lists = [](const auto& m) {
    EXPECT_LE(m.publishes.size(), kMaxTopicsPerList);
    EXPECT_LE(m.subscribes.size(), kMaxTopicsPerList);
  };
  EXPECT_NE(card->message.value, nullptr);
  if (const auto* hello = card->message.AsHello()) {
    EXPECT_NE(hello->node, nullptr);
    EXPECT_LE(hello->node_name.size(), kNodeNameMax);
    lists(*hello);
  }
  if (const auto* topics = card->message.AsTopics()) lists(*topics);
  if (const auto* publisher = card->message.AsPublisherCard()) {
    EXPECT_TRUE(CheckTopicName(publisher->topic).ok());
    EXPECT_LE(publisher->type_name.size(), kTypeNameMax);
  }
  if (const auto* refusal = card->message.AsRefusal()) {
    EXPECT_LE(refusal->reason.size(), kReasonMax);
  }
  const auto counts = [](const std::unique_ptr<wire::CountsT>& m) {
    ASSERT_NE(m, nullptr);
    EXPECT_LE(m->latencies.size(), LatencyHistogram::kBuckets);
  };
  if (const auto* report = card->message.AsSubscriberReport()) {
    EXPECT_TRUE(CheckTopicName(report->topic).ok());
    EXPECT_LE(report->type_name.size(), kTypeNameMax);
    counts(report->counts);
  }
  if (const auto* report = card->message.AsMatchReport()) {
    EXPECT_NE(report->node, nullptr);
    EXPECT_LE(report->node_name.size(), kNodeNameMax);
    counts(report->counts);
  }
  if (const auto* end = card->message.AsMatchEnd()) {
    EXPECT_NE(end->node, nullptr);
  }
  if (const auto* observed = card->message.AsObserved()) {
    EXPECT_LE(observed->program.size(), kNodeNameMax);
  }
}

TEST(Malformed, EveryTruncationIsSafe) {
  for (const std::string& card : EachCard()) {
    for (size_t size = 0; size < card.size(); ++size) {
      ExpectBounded(DecodeExactly(std::string_view(card).substr(0, size)));
    }
    EXPECT_FALSE(DecodeExactly(std::string_view(card).substr(0, card.size() / 2)).ok());
  }
  const std::string holler = EncodeHoller(SomeHoller());
  for (size_t size = 0; size < holler.size(); ++size) {
    (void)Exactly(std::string_view(holler).substr(0, size), DecodeHoller);
  }
}

TEST(Malformed, EverySingleBitFlipIsSafe) {
  for (std::string card : EachCard()) {
    for (size_t bit = 0; bit < 8 * card.size(); ++bit) {
      card[bit / 8] = static_cast<char>(card[bit / 8] ^ (1 << bit % 8));
      ExpectBounded(DecodeExactly(card));
      card[bit / 8] = static_cast<char>(card[bit / 8] ^ (1 << bit % 8));
    }
  }
}

TEST(Malformed, RandomBitFlipsAreSafe) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto cards = EachCard();
  const std::string holler = EncodeHoller(SomeHoller());
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = round % 8 == 7 ? holler : cards[random() % cards.size()];
    for (uint32_t flips = 1 + random() % 12; flips > 0; --flips) {
      char& c = bytes[random() % bytes.size()];
      c = static_cast<char>(c ^ (1 << random() % 8));
    }
    if (round % 8 == 7) {
      (void)Exactly(bytes, DecodeHoller);
    } else {
      ExpectBounded(DecodeExactly(bytes));
    }
  }
}

TEST(Malformed, NoCardAtAll) {
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string(8, '\0'), std::string(1'000, '\xFF'),
        std::string("\x08\0\0\0HLC1", 8), EncodeHoller(SomeHoller())}) {
    EXPECT_TRUE(absl::IsInvalidArgument(DecodeExactly(bytes).status()));
  }
  EXPECT_FALSE(DecodeHoller(EncodeCard(SomeHello())).ok());
  EXPECT_FALSE(DecodeHoller("").ok());
}

TEST(Malformed, TooLongFields) {
  wire::HelloT hello = SomeHello();
  hello.node_name.assign(kNodeNameMax, 'n');
  EXPECT_TRUE(DecodeCard(EncodeCard(std::move(hello))).ok());
  hello = SomeHello();
  hello.node_name.assign(kNodeNameMax + 1, 'n');
  EXPECT_FALSE(DecodeCard(EncodeCard(std::move(hello))).ok());

  wire::PublisherCardT card = SomePublisherCard();
  card.type_name.assign(kTypeNameMax, 't');
  EXPECT_TRUE(DecodeCard(EncodeCard(card)).ok());
  card.type_name.assign(kTypeNameMax + 1, 't');
  EXPECT_FALSE(DecodeCard(EncodeCard(card)).ok());
  card = SomePublisherCard();
  card.topic.assign(kTopicNameMax + 1, 't');
  EXPECT_FALSE(DecodeCard(EncodeCard(card)).ok());

  wire::RefusalT refusal = SomeRefusal();
  refusal.reason.assign(kReasonMax, 'r');
  EXPECT_TRUE(DecodeCard(EncodeCard(refusal)).ok());
  refusal.reason.assign(kReasonMax + 1, 'r');
  EXPECT_FALSE(DecodeCard(EncodeCard(refusal)).ok());

  wire::SubscriberReportT subscriber = SomeSubscriberReport();
  subscriber.counts->latencies.assign(LatencyHistogram::kBuckets, 1);
  EXPECT_TRUE(DecodeCard(EncodeCard(std::move(subscriber))).ok());
  subscriber = SomeSubscriberReport();
  subscriber.counts->latencies.assign(LatencyHistogram::kBuckets + 1, 1);
  EXPECT_FALSE(DecodeCard(EncodeCard(std::move(subscriber))).ok());
  wire::MatchReportT match = SomeMatchReport();
  match.node_name.assign(kNodeNameMax + 1, 'n');
  EXPECT_FALSE(DecodeCard(EncodeCard(std::move(match))).ok());
  wire::ObservedT observed;
  observed.program.assign(kNodeNameMax + 1, 'p');
  EXPECT_FALSE(DecodeCard(EncodeCard(std::move(observed))).ok());
}

TEST(Malformed, TooManyTopics) {
  wire::HelloT hello = SomeHello();
  hello.publishes.assign(kMaxTopicsPerList, 1);
  hello.subscribes.assign(kMaxTopicsPerList, 2);
  hello.node_name.assign(kNodeNameMax, 'n');
  const std::string longest = EncodeCard(std::move(hello));
  EXPECT_LE(longest.size(), kMaxMessageBytes);
  EXPECT_TRUE(DecodeCard(longest).ok());
  wire::TopicsT topics;
  topics.subscribes.assign(kMaxTopicsPerList + 1, 2);
  EXPECT_FALSE(DecodeCard(EncodeCard(std::move(topics))).ok());
  wire::HollerT holler = SomeHoller();
  holler.publishes.assign(kMaxTopicsPerList + 1, 1);
  EXPECT_FALSE(DecodeHoller(EncodeHoller(holler)).ok());
}

TEST(Malformed, TooManyBytes) {
  std::string bytes = EncodeCard(SomeHello());
  bytes.resize(kMaxMessageBytes + 1);
  EXPECT_FALSE(DecodeCard(bytes).ok());
}

TEST(Malformed, BadTopicName) {
  wire::PublisherCardT card = SomePublisherCard();
  for (const std::string& topic : {std::string(), std::string("a b"), std::string("a\0b", 3)}) {
    card.topic = topic;
    EXPECT_FALSE(DecodeCard(EncodeCard(card)).ok());
  }
}

// An envelope put together by hand, for what the encoder does not emit.
template <typename Fill>
std::string HandMade(Fill&& fill) {
  flatbuffers::FlatBufferBuilder builder;
  const auto root = fill(builder);
  builder.Finish(flatbuffers::Offset<wire::Envelope>(root), wire::EnvelopeIdentifier());
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

std::string WithMessage(uint8_t type, bool with_value) {
  return HandMade([&](flatbuffers::FlatBufferBuilder& builder) {
    const auto gone = wire::CreateGone(builder, 1);
    const auto start = builder.StartTable();
    if (with_value) builder.AddOffset(wire::Envelope::VT_MESSAGE, gone);
    builder.AddElement<uint8_t>(wire::Envelope::VT_MESSAGE_TYPE, type, 0);
    return builder.EndTable(start);
  });
}

TEST(Malformed, UnknownMessageTypes) {
  EXPECT_TRUE(DecodeExactly(WithMessage(wire::Message_Gone, true)).ok());
  for (int type = 0; type < 256; ++type) {
    if (type == wire::Message_Gone) continue;
    const auto card = DecodeExactly(WithMessage(static_cast<uint8_t>(type), true));
    // A Gone read as another table of numbers is none the worse; a type of tomorrow is refused.
    if (type == 0 || type > wire::Message_MAX) {
      EXPECT_TRUE(absl::IsInvalidArgument(card.status())) << type;
    }
    ExpectBounded(card);
  }
}

TEST(Malformed, MissingMessage) {
  EXPECT_FALSE(DecodeExactly(WithMessage(wire::Message_Gone, false)).ok());
  EXPECT_FALSE(DecodeExactly(WithMessage(wire::Message_NONE, false)).ok());
}

TEST(Malformed, HelloWithoutNode) {
  const std::string bytes = HandMade([](flatbuffers::FlatBufferBuilder& builder) {
    const auto start_hello = builder.StartTable();
    builder.AddElement<uint32_t>(wire::Hello::VT_ABI_VERSION, 1, 0);
    const flatbuffers::Offset<void> hello(builder.EndTable(start_hello));
    const auto start = builder.StartTable();
    builder.AddOffset(wire::Envelope::VT_MESSAGE, hello);
    builder.AddElement<uint8_t>(wire::Envelope::VT_MESSAGE_TYPE, wire::Message_Hello, 0);
    return builder.EndTable(start);
  });
  EXPECT_FALSE(DecodeExactly(bytes).ok());
}

// ---- Names ----

TEST(NodeId, TextComesBack) {
  const wire::NodeId id(0x0123'4567'89AB'CDEF, 0xFEDC'BA98'7654'3210);
  EXPECT_EQ(ToString(id), "0123456789abcdeffedcba9876543210");
  wire::NodeId parsed;
  EXPECT_TRUE(ParseNodeId(ToString(id), &parsed));
  EXPECT_EQ(parsed, id);
  EXPECT_EQ(ToString(wire::NodeId(0, 0)), std::string(32, '0'));
}

TEST(NodeId, OtherTextIsRefused) {
  wire::NodeId id;
  for (const std::string& text :
       {std::string(), std::string(31, '0'), std::string(33, '0'), std::string(31, '0') + "g",
        std::string(31, '0') + "A", std::string(32, ' '), "0x" + std::string(30, '0'),
        std::string(32, '\0')}) {
    EXPECT_FALSE(ParseNodeId(text, &id)) << text;
  }
}

TEST(NodeId, IsOrdered) {
  EXPECT_TRUE(wire::NodeId(1, 9) < wire::NodeId(2, 0));
  EXPECT_TRUE(wire::NodeId(1, 1) < wire::NodeId(1, 2));
  EXPECT_FALSE(wire::NodeId(1, 1) < wire::NodeId(1, 1));
}

// Nodes of other builds must get the same.
TEST(TopicHash, IsThatOfEveryBuild) {
  EXPECT_EQ(TopicHash(""), 0xCBF2'9CE4'8422'2645u);
  EXPECT_EQ(TopicHash("a"), 0xAF66'BC4C'8606'CF2Cu);
  EXPECT_EQ(TopicHash("sensors/imu"), 0xBE0D'4ECE'1A7E'236Au);
}

TEST(TopicName, Accepted) {
  for (const std::string& name : {std::string("a"), std::string("sensors/imu"),
                                  std::string("A-1/b_2/c.3"), std::string(kTopicNameMax, 'x')}) {
    EXPECT_TRUE(CheckTopicName(name).ok()) << name;
  }
}

TEST(TopicName, Refused) {
  for (const std::string& name :
       {std::string(), std::string("/"), std::string("/a"), std::string("a/"), std::string("a//b"),
        std::string("a b"), std::string("a\nb"), std::string("\xC3\xA4"), std::string("a\0", 2),
        std::string("a:b"), std::string(kTopicNameMax + 1, 'x')}) {
    const absl::Status status = CheckTopicName(name);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << name;
    for (const char c : status.message()) EXPECT_GE(c, 0x20) << "bytes a terminal obeys";
  }
  const auto text = [](const char* name) { return std::string(CheckTopicName(name).message()); };
  EXPECT_NE(text("a/b c").find("topic name \"a/b c\" has byte 0x20 at position 3"),
            std::string::npos)
      << text("a/b c");
  EXPECT_NE(text("a//b").find("'/' at position 2"), std::string::npos) << text("a//b");
  EXPECT_NE(text("ab/").find("'/', its end, at position 2"), std::string::npos) << text("ab/");
  EXPECT_NE(text("a\nb").find("\"a?b\""), std::string::npos) << text("a\nb");
}

}  // namespace
}  // namespace holler
