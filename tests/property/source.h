// Where decisions come from: a seed, or the bytes of a fuzzer.
#ifndef HOLLER_TESTS_PROPERTY_SOURCE_H_
#define HOLLER_TESTS_PROPERTY_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace property {

class Source {
 public:
  explicit Source(uint64_t seed) : state_(seed) {}
  // Ends with its bytes; from then on all it gives is 0.
  explicit Source(std::span<const uint8_t> bytes) : bytes_(bytes), is_of_bytes_(true) {}

  bool is_at_end() const { return is_of_bytes_ && bytes_.empty(); }

  // From 0 to `count` - 1.
  uint32_t Below(uint32_t count) {
    if (count <= 1) return 0;
    if (!is_of_bytes_) return static_cast<uint32_t>(((Next() >> 32) * count) >> 32);
    uint32_t value = Byte();
    for (uint64_t range = 256; range < count; range *= 256) value = value * 256 + Byte();
    return value % count;
  }
  bool OneIn(uint32_t count) { return Below(count) == count - 1; }
  void Fill(uint8_t* to, size_t size) {
    for (size_t i = 0; i < size; ++i) to[i] = static_cast<uint8_t>(Below(256));
  }

 private:
  uint8_t Byte() {
    if (bytes_.empty()) return 0;
    const uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  uint64_t Next() {  // SplitMix64.
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  uint64_t state_ = 0;
  std::span<const uint8_t> bytes_;
  bool is_of_bytes_ = false;
};

}  // namespace property

#endif  // HOLLER_TESTS_PROPERTY_SOURCE_H_
