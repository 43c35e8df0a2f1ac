// Encoding, decoding and bounding of what nodes say to each other (name_card.fbs,
// docs/discovery.md). Every byte from a peer passes through Decode before anything looks at it.
#ifndef HOLLER_NAME_CARD_H_
#define HOLLER_NAME_CARD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holler/name_card_generated.h"

namespace holler::wire {

// Here, so that argument-dependent lookup finds them.
inline bool operator<(const NodeId& a, const NodeId& b) {
  return a.high() != b.high() ? a.high() < b.high() : a.low() < b.low();
}
inline bool operator==(const NodeId& a, const NodeId& b) {
  return a.high() == b.high() && a.low() == b.low();
}

}  // namespace holler::wire

namespace holler {

// Bounds of what is accepted, and so of what is sent.
inline constexpr size_t kMaxMessageBytes = 64 * 1024;  // Holler or card.
inline constexpr size_t kMaxTopicsPerList = 3'800;     // Two lists of them fit a message.
inline constexpr size_t kNodeNameMax = 255;
inline constexpr size_t kReasonMax = 2'000;
inline constexpr int kMaxFdsPerCard = 2;

// Topics meet by the hash of their name first, and by the name itself on the card.
uint64_t TopicHash(std::string_view topic);

// 32 hexadecimal digits.
std::string ToString(const wire::NodeId& id);
// The inverse; false if `text` is anything else.
bool ParseNodeId(std::string_view text, wire::NodeId* id);

// Whether `name` is a topic name: parts of [A-Za-z0-9_.-] joined by '/', at most kTopicNameMax
// bytes. The error says what is wrong with it.
absl::Status CheckTopicName(std::string_view name);

std::string EncodeHoller(const wire::HollerT& holler);
// Errors: InvalidArgument, saying what is malformed.
absl::StatusOr<wire::HollerT> DecodeHoller(std::string_view bytes);

std::string EncodeEnvelope(const wire::EnvelopeT& envelope);
// `Message` is one of the members of wire::Message, as HelloT.
template <typename Message>
std::string EncodeCard(Message message) {
  wire::EnvelopeT envelope;
  envelope.message.Set(std::move(message));
  return EncodeEnvelope(envelope);
}
// Errors: InvalidArgument, saying what is malformed. On success the envelope holds a message.
absl::StatusOr<wire::EnvelopeT> DecodeCard(std::string_view bytes);

// How many fds a card of this type carries, exactly.
int FdsOf(wire::Message type);

}  // namespace holler

#endif  // HOLLER_NAME_CARD_H_
