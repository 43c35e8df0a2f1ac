// The topics of a node in so few bits that they fit into the name of a socket.
#ifndef HOLLER_TOPIC_FILTER_H_
#define HOLLER_TOPIC_FILTER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holler {

// A Bloom filter (B. H. Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970):
// it knows every topic that was put in, and takes a few others for known. Of ten topics, one in a
// thousand; where there are hundreds, all.
//
//   TopicFilter topics(publishes, subscribes);
//   const std::string text = topics.ToText();
//   TopicFilter::Parse(text)->MayPublish(publishes[0]);  // true
//
// Thread safety: thread-compatible.
class TopicFilter {
 public:
  static constexpr size_t kTextLength = 43;

  TopicFilter() = default;
  // Of hashes of topics.
  TopicFilter(const std::vector<uint64_t>& publishes, const std::vector<uint64_t>& subscribes);

  // kTextLength letters, digits, '-' and '_'.
  std::string ToText() const;
  // The inverse. Empty if `text` is not of that kind.
  static std::optional<TopicFilter> Parse(std::string_view text);

  // False: it does not.
  bool MayPublish(uint64_t topic) const { return Has(Mixed(topic)); }
  bool MaySubscribe(uint64_t topic) const { return Has(Mixed(topic) >> 32); }

  // Has it take a few topics more for known, which the number decides.
  void Blur(uint64_t number) { Insert(number); }

  // From now on it knows the other's topics as well.
  void Merge(const TopicFilter& other);

  bool operator==(const TopicFilter& other) const = default;

 private:
  static constexpr size_t kBytes = 32;
  static constexpr int kBitsPerTopic = 4;

  // Bits for publishers in its lower half, for subscribers in the upper.
  static uint64_t Mixed(uint64_t topic);
  void Insert(uint64_t bits);
  bool Has(uint64_t bits) const;

  std::array<uint8_t, kBytes> bytes_{};
};

}  // namespace holler

#endif  // HOLLER_TOPIC_FILTER_H_
