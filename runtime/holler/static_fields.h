// Strings and plain vectors of bounded tables, written in their rooms.
#ifndef HOLLER_STATIC_FIELDS_H_
#define HOLLER_STATIC_FIELDS_H_

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "holler/table_shape.h"

// Whether going past a bound stops a debug build. It is a mistake of the program's in most; a
// program that means to be told by the return value alone says 0, for all its sources.
#ifndef HOLLER_ASSERT_BOUNDS
#define HOLLER_ASSERT_BOUNDS 1
#endif

namespace holler {

// Whether a length is within its bound.
inline bool IsWithin(size_t length, size_t capacity) noexcept {
#if HOLLER_ASSERT_BOUNDS
  assert(length <= capacity && "past the bound of a field");
#endif
  return length <= capacity;
}

// Whether there is an element `i`.
inline bool IsElement(size_t i, size_t length) noexcept {
#if HOLLER_ASSERT_BOUNDS
  assert(i < length && "no such element in a field");
#endif
  return i < length;
}

// The classes here and in static_vectors.h are handles: cheap to copy, valid as long as their
// message is being written; those of a union's member as long as the union holds it. They act like
// containers of the standard library whose storage is fixed. What would exceed a capacity writes
// nothing and returns false, or nothing, and an empty field has nothing to pop; in debug builds it
// also asserts, as does an index of no element. Thread safety: thread-compatible, together with
// their message.

// A string.
//
//   auto name = loan->mutable_name();
//   name.assign("left");
//   name.append("_arm");
template <uint32_t kCapacity>
class StringField {
 public:
  using value_type = char;

  explicit StringField(uint8_t* room) noexcept : room_(room) {}

  static constexpr size_t capacity() noexcept { return kCapacity; }
  size_t size() const noexcept { return GetLength(room_); }
  bool empty() const noexcept { return size() == 0; }
  char* data() const noexcept { return reinterpret_cast<char*>(room_ + 4); }
  const char* c_str() const noexcept { return data(); }
  char& operator[](size_t i) const noexcept {
    IsElement(i, size());
    return data()[i];
  }
  char* begin() const noexcept { return data(); }
  char* end() const noexcept { return data() + size(); }
  operator std::string_view() const noexcept { return {data(), size()}; }

  bool assign(std::string_view text) const noexcept {
    if (!IsWithin(text.size(), kCapacity)) return false;
    if (!text.empty()) std::memmove(data(), text.data(), text.size());
    SetSize(text.size());
    return true;
  }
  bool append(std::string_view text) const noexcept {
    const size_t before = size();
    if (!IsWithin(before + text.size(), kCapacity)) return false;
    if (!text.empty()) std::memmove(data() + before, text.data(), text.size());
    SetSize(before + text.size());
    return true;
  }
  bool push_back(char c) const noexcept { return append({&c, 1}); }
  void pop_back() const noexcept {
    if (IsElement(0, size())) SetSize(size() - 1);
  }
  bool resize(size_t length, char fill = '\0') const noexcept {
    if (!IsWithin(length, kCapacity)) return false;
    if (length > size()) std::memset(end(), fill, length - size());
    SetSize(length);
    return true;
  }
  void clear() const noexcept { SetSize(0); }

 private:
  void SetSize(size_t length) const noexcept {
    Put<uint8_t>(room_ + 4 + length, 0);
    Put<uint32_t>(room_, static_cast<uint32_t>(length));
  }

  uint8_t* room_;
};

// A vector of scalars, enums or structs.
//
//   auto ranges = loan->mutable_ranges();
//   ranges.resize(640);
//   for (float& range : ranges) range = Measure();
template <typename T, uint32_t kCapacity>
class VectorField {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  using value_type = T;

  explicit VectorField(uint8_t* room) noexcept : room_(room) {}

  static constexpr size_t capacity() noexcept { return kCapacity; }
  size_t size() const noexcept { return GetLength(room_); }
  bool empty() const noexcept { return size() == 0; }
  T* data() const noexcept { return reinterpret_cast<T*>(room_ + 4); }
  T& operator[](size_t i) const noexcept {
    IsElement(i, size());
    return data()[i];
  }
  T& front() const noexcept { return (*this)[0]; }
  T& back() const noexcept { return (*this)[size() - 1]; }
  T* begin() const noexcept { return data(); }
  T* end() const noexcept { return data() + size(); }
  operator std::span<T>() const noexcept { return {data(), size()}; }

  bool assign(std::span<const T> values) const noexcept {
    if (!IsWithin(values.size(), kCapacity)) return false;
    if (!values.empty()) std::memmove(data(), values.data(), values.size_bytes());
    SetSize(values.size());
    return true;
  }
  bool append(std::span<const T> values) const noexcept {
    const size_t before = size();
    if (!IsWithin(before + values.size(), kCapacity)) return false;
    if (!values.empty()) std::memmove(data() + before, values.data(), values.size_bytes());
    SetSize(before + values.size());
    return true;
  }
  bool push_back(const T& value) const noexcept { return append({&value, 1}); }
  void pop_back() const noexcept {
    if (IsElement(0, size())) SetSize(size() - 1);
  }
  // New elements are zero.
  bool resize(size_t length) const noexcept {
    if (!IsWithin(length, kCapacity)) return false;
    if (length > size()) {
      std::memset(static_cast<void*>(end()), 0, (length - size()) * sizeof(T));
    }
    SetSize(length);
    return true;
  }
  bool resize(size_t length, const T& fill) const noexcept {
    if (!IsWithin(length, kCapacity)) return false;
    if (length > size()) std::fill(end(), data() + length, fill);
    SetSize(length);
    return true;
  }
  // For large vectors that are written whole, in the span that is returned: no element is touched.
  // Those that are not written then hold bytes of this publisher's earlier samples. Empty if
  // `length` is past the capacity.
  std::span<T> resize_uninitialized(size_t length) const noexcept {
    if (!IsWithin(length, kCapacity)) return {};
    SetSize(length);
    return {data(), length};
  }
  void clear() const noexcept { SetSize(0); }

  // Sorts structs by their `key`, so that readers can use LookupByKey.
  void Sort() const noexcept requires requires(const T& a) { a.KeyCompareLessThan(&a); }
  {
    std::sort(begin(), end(), [](const T& a, const T& b) { return a.KeyCompareLessThan(&b); });
  }

 private:
  void SetSize(size_t length) const noexcept {
    Put<uint32_t>(room_, static_cast<uint32_t>(length));
  }

  uint8_t* room_;
};

}  // namespace holler

#endif  // HOLLER_STATIC_FIELDS_H_
