#include "holler/topic_filter.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace holler {

TopicFilter::TopicFilter(const std::vector<uint64_t>& publishes,
                         const std::vector<uint64_t>& subscribes) {
  for (const uint64_t topic : publishes) Insert(Mixed(topic));
  for (const uint64_t topic : subscribes) Insert(Mixed(topic) >> 32);
}

std::string TopicFilter::ToText() const {
  return absl::WebSafeBase64Escape(
      absl::string_view(reinterpret_cast<const char*>(bytes_.data()), bytes_.size()));
}

std::optional<TopicFilter> TopicFilter::Parse(std::string_view text) {
  std::string bytes;
  if (text.size() != kTextLength ||
      !absl::WebSafeBase64Unescape(absl::string_view(text.data(), text.size()), &bytes) ||
      bytes.size() != kBytes) {
    return std::nullopt;
  }
  TopicFilter filter;
  std::copy(bytes.begin(), bytes.end(), filter.bytes_.begin());
  return filter;
}

void TopicFilter::Merge(const TopicFilter& other) {
  for (size_t i = 0; i < kBytes; ++i) bytes_[i] |= other.bytes_[i];
}

// The finalizer of MurmurHash3, by Austin Appleby (public domain): every bit of a topic's hash
// counts in every bit.
uint64_t TopicFilter::Mixed(uint64_t topic) {
  topic = (topic ^ (topic >> 33)) * 0xff51afd7ed558ccd;
  topic = (topic ^ (topic >> 33)) * 0xc4ceb9fe1a85ec53;
  return topic ^ (topic >> 33);
}

void TopicFilter::Insert(uint64_t bits) {
  for (int i = 0; i < kBitsPerTopic; ++i, bits >>= 8) {
    bytes_[(bits & 0xff) / 8] |= static_cast<uint8_t>(1u << (bits % 8));
  }
}

bool TopicFilter::Has(uint64_t bits) const {
  for (int i = 0; i < kBitsPerTopic; ++i, bits >>= 8) {
    if ((bytes_[(bits & 0xff) / 8] >> (bits % 8) & 1) == 0) return false;
  }
  return true;
}

}  // namespace holler
