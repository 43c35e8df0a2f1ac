// Copying messages into bounded tables.
#ifndef HOLLER_TABLE_COPY_H_
#define HOLLER_TABLE_COPY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "flatbuffers/flatbuffers.h"
#include "holler/table_shape.h"

namespace holler {

// Whether a copy was made; if not, which field did not fit.
//
//   if (const auto copied = loan->CopyFrom(message); !copied) {
//     Log(copied.field(), copied.length(), copied.capacity());   // "transforms[3].name", 80, 64
//   }
class CopyResult {
 public:
  explicit operator bool() const noexcept { return start_ == kNone; }

  // The path of the field that was refused, from the copied table. Of a very long one the front is
  // missing.
  std::string_view field() const noexcept {
    return start_ == kNone ? std::string_view()
                           : std::string_view(path_.data() + start_, path_.size() - start_);
  }
  // How long it was: characters, elements, or bytes of a nested FlatBuffer. For a union, what it
  // holds: a member that this program's schema does not know.
  uint32_t length() const noexcept { return length_; }
  // What it may be.
  uint32_t capacity() const noexcept { return capacity_; }

  // Makes this a refusal, whose path is then given from its end to its start.
  void Refuse(uint32_t length, uint32_t capacity) noexcept {
    length_ = length;
    capacity_ = capacity;
    start_ = static_cast<uint32_t>(path_.size());
  }
  void PrependField(std::string_view name) noexcept;
  void PrependIndex(uint32_t index) noexcept;

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  void Prepend(std::string_view text) noexcept;

  std::array<char, 116> path_{};  // From start_ on.
  uint32_t length_ = 0;
  uint32_t capacity_ = 0;
  uint32_t start_ = kNone;
};

// Makes `to` a copy of `from`, a valid table of the type that `shape` lays out. If anything is too
// long, nothing is changed.
CopyResult CopyTable(const TableShape& shape, const flatbuffers::Table& from, uint8_t* to) noexcept;

}  // namespace holler

#endif  // HOLLER_TABLE_COPY_H_
