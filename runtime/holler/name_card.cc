#include "holler/name_card.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "flatbuffers/hash.h"
#include "holler/latency_histogram.h"
#include "holler/layout.h"

namespace holler {
namespace {

constexpr char kHollerIdentifier[] = "HLR1";

// Nothing here nests deeper, or has more tables, than an envelope and its message.
constexpr flatbuffers::uoffset_t kMaxDepth = 4;
constexpr flatbuffers::uoffset_t kMaxTables = 8;

template <typename Table>
bool Verify(std::string_view bytes, const char* identifier) {
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
                                 kMaxDepth, kMaxTables);
  return bytes.size() <= kMaxMessageBytes && verifier.VerifyBuffer<Table>(identifier);
}

// The verifier checks that a vector's length is aligned, not that its elements are.
bool IsAligned(const flatbuffers::Vector<uint64_t>* list) {
  return list == nullptr || reinterpret_cast<uintptr_t>(list->Data()) % alignof(uint64_t) == 0;
}

template <typename Lists>
bool AreAligned(const Lists* lists) {
  return IsAligned(lists->publishes()) && IsAligned(lists->subscribes());
}

bool AreAligned(const wire::Envelope* envelope) {
  if (const wire::Hello* hello = envelope->message_as_Hello()) return AreAligned(hello);
  if (const wire::Topics* topics = envelope->message_as_Topics()) return AreAligned(topics);
  if (const wire::SubscriberReport* report = envelope->message_as_SubscriberReport()) {
    return IsAligned(report->counts()->latencies());
  }
  if (const wire::MatchReport* report = envelope->message_as_MatchReport()) {
    return IsAligned(report->counts()->latencies());
  }
  return true;
}

std::string Bytes(const flatbuffers::FlatBufferBuilder& builder) {
  return std::string(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
}

absl::Status TooLong(const char* what) {
  return absl::InvalidArgumentError(absl::StrCat(what, " is longer than allowed"));
}

template <typename Lists>
absl::Status CheckLists(const Lists& lists) {
  if (lists.publishes.size() > kMaxTopicsPerList || lists.subscribes.size() > kMaxTopicsPerList) {
    return TooLong("a list of topics");
  }
  return absl::OkStatus();
}

absl::Status CheckCounts(const wire::CountsT& counts) {
  if (counts.latencies.size() > LatencyHistogram::kBuckets) return TooLong("a list of latencies");
  return absl::OkStatus();
}

absl::Status CheckBounds(const wire::EnvelopeT& envelope) {
  switch (envelope.message.type) {
    case wire::Message_Hello: {
      const wire::HelloT& hello = *envelope.message.AsHello();
      if (hello.node_name.size() > kNodeNameMax) return TooLong("a node's name");
      return CheckLists(hello);
    }
    case wire::Message_Topics:
      return CheckLists(*envelope.message.AsTopics());
    case wire::Message_PublisherCard: {
      const wire::PublisherCardT& card = *envelope.message.AsPublisherCard();
      if (card.type_name.size() > kTypeNameMax) return TooLong("a type's name");
      return CheckTopicName(card.topic);
    }
    case wire::Message_Refusal:
      if (envelope.message.AsRefusal()->reason.size() > kReasonMax) return TooLong("a reason");
      return absl::OkStatus();
    case wire::Message_SubscriberReport: {
      const wire::SubscriberReportT& report = *envelope.message.AsSubscriberReport();
      if (report.type_name.size() > kTypeNameMax) return TooLong("a type's name");
      if (absl::Status topic = CheckTopicName(report.topic); !topic.ok()) return topic;
      return CheckCounts(*report.counts);
    }
    case wire::Message_MatchReport: {
      const wire::MatchReportT& report = *envelope.message.AsMatchReport();
      if (report.node_name.size() > kNodeNameMax) return TooLong("a node's name");
      return CheckCounts(*report.counts);
    }
    case wire::Message_Observed:
      if (envelope.message.AsObserved()->program.size() > kNodeNameMax) {
        return TooLong("a program's name");
      }
      return absl::OkStatus();
    case wire::Message_SubscriberCard:
    case wire::Message_Confirmation:
    case wire::Message_Gone:
    case wire::Message_Observe:
    case wire::Message_MatchEnd:
      return absl::OkStatus();
    case wire::Message_NONE:
      break;
  }
  return absl::InvalidArgumentError("a message of unknown type");
}

}  // namespace

uint64_t TopicHash(std::string_view topic) {
  // FNV-1a with FlatBuffers' own constants.
  uint64_t hash = flatbuffers::FnvTraits<uint64_t>::kOffsetBasis;
  for (const char c : topic) {
    hash ^= static_cast<unsigned char>(c);
    hash *= flatbuffers::FnvTraits<uint64_t>::kFnvPrime;
  }
  return hash;
}

std::string ToString(const wire::NodeId& id) {
  return absl::StrCat(absl::Hex(id.high(), absl::kZeroPad16),
                      absl::Hex(id.low(), absl::kZeroPad16));
}

bool ParseNodeId(std::string_view text, wire::NodeId* id) {
  if (text.size() != 32) return false;
  uint64_t halves[2] = {0, 0};
  for (size_t i = 0; i < 32; ++i) {
    const char c = text[i];
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'a' && c <= 'f')) return false;
    halves[i / 16] = halves[i / 16] * 16 + static_cast<uint64_t>(digit ? c - '0' : c - 'a' + 10);
  }
  *id = wire::NodeId(halves[0], halves[1]);
  return true;
}

absl::Status CheckTopicName(std::string_view name) {
  // Never quotes more of a bad name than a log line can bear, nor bytes a terminal obeys.
  if (name.empty()) return absl::InvalidArgumentError("a topic name is empty");
  if (name.size() > kTopicNameMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a topic name has ", name.size(), " bytes; at most ", kTopicNameMax, " are allowed"));
  }
  const auto error = [&](size_t at, std::string_view what) {
    std::string shown(name);
    for (char& c : shown) {
      if (c < 0x20 || c > 0x7E || c == '"') c = '?';
    }
    return absl::InvalidArgumentError(absl::StrFormat(
        "topic name \"%s\" has %s at position %d: use parts of letters, digits, '_', "
        "'.' and '-', joined by single '/', as in sensors/imu",
        shown, what, at));
  };
  char before = '/';
  for (size_t at = 0; at < name.size(); ++at) {
    const char c = name[at];
    const bool word =
        std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
    if (!word && (c != '/' || before == '/')) {
      if (c > 0x20 && c < 0x7F) return error(at, absl::StrFormat("'%c'", c));
      return error(at, absl::StrFormat("byte 0x%02x", static_cast<unsigned char>(c)));
    }
    before = c;
  }
  if (before == '/') return error(name.size() - 1, "'/', its end,");
  return absl::OkStatus();
}

std::string EncodeHoller(const wire::HollerT& holler) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::Holler::Pack(builder, &holler), kHollerIdentifier);
  return Bytes(builder);
}

absl::StatusOr<wire::HollerT> DecodeHoller(std::string_view bytes) {
  if (!Verify<wire::Holler>(bytes, kHollerIdentifier) ||
      !AreAligned(flatbuffers::GetRoot<wire::Holler>(bytes.data()))) {
    return absl::InvalidArgumentError("a datagram that is no holler");
  }
  wire::HollerT holler;
  flatbuffers::GetRoot<wire::Holler>(bytes.data())->UnPackTo(&holler);
  if (absl::Status status = CheckLists(holler); !status.ok()) return status;
  return holler;
}

std::string EncodeEnvelope(const wire::EnvelopeT& envelope) {
  flatbuffers::FlatBufferBuilder builder;
  wire::FinishEnvelopeBuffer(builder, wire::Envelope::Pack(builder, &envelope));
  return Bytes(builder);
}

absl::StatusOr<wire::EnvelopeT> DecodeCard(std::string_view bytes) {
  if (!Verify<wire::Envelope>(bytes, wire::EnvelopeIdentifier()) ||
      !AreAligned(wire::GetEnvelope(bytes.data()))) {
    return absl::InvalidArgumentError("a message that is no name card");
  }
  // The verifier lets unknown union members pass; UnPack leaves those without a value.
  wire::EnvelopeT envelope;
  wire::GetEnvelope(bytes.data())->UnPackTo(&envelope);
  if (envelope.message.value == nullptr) envelope.message.type = wire::Message_NONE;
  if (absl::Status status = CheckBounds(envelope); !status.ok()) return status;
  return envelope;
}

int FdsOf(wire::Message type) {
  if (type == wire::Message_PublisherCard) return 1;
  if (type == wire::Message_SubscriberCard) return 2;
  return 0;
}

}  // namespace holler
