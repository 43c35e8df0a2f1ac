// Vectors of strings, tables and unions of bounded tables, written in their rooms.
#ifndef HOLLER_STATIC_VECTORS_H_
#define HOLLER_STATIC_VECTORS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

#include "holler/static_fields.h"
#include "holler/table_shape.h"

namespace holler {

// From a writer to its table and back; for the classes here.
class TableHandle {
 protected:
  template <typename Writer>
  static Writer At(uint8_t* table) noexcept {
    Writer writer;
    static_cast<TableHandle&>(writer).table_ = table;
    return writer;
  }
  static uint8_t* Of(const TableHandle& writer) noexcept { return writer.table_; }

  uint8_t* table_ = nullptr;
};

// Goes through a vector whose elements are handles.
template <typename Field>
class HandleIterator {
 public:
  using value_type = typename Field::value_type;
  using difference_type = ptrdiff_t;

  HandleIterator(const Field& field, size_t i) : field_(field), i_(i) {}

  value_type operator*() const noexcept { return field_[i_]; }
  HandleIterator& operator++() noexcept {
    ++i_;
    return *this;
  }
  HandleIterator operator++(int) noexcept { return {field_, i_++}; }
  friend bool operator==(const HandleIterator& a, const HandleIterator& b) { return a.i_ == b.i_; }

 private:
  Field field_;
  size_t i_;
};

// A vector of strings.
//
//   auto names = loan->mutable_names();
//   names.push_back("left");
//   names[0].append("_arm");
template <uint32_t kCapacity, uint32_t kStringCapacity>
class StringVectorField {
 public:
  using value_type = StringField<kStringCapacity>;
  using iterator = HandleIterator<StringVectorField>;

  // From one string to the next: length, characters, a terminating zero.
  static constexpr uint32_t kStride = (4 + kStringCapacity + 1 + 3) / 4 * 4;

  explicit StringVectorField(uint8_t* room) noexcept : room_(room) {}

  static constexpr size_t capacity() noexcept { return kCapacity; }
  size_t size() const noexcept { return GetLength(room_); }
  bool empty() const noexcept { return size() == 0; }
  value_type operator[](size_t i) const noexcept {
    IsElement(i, size());
    return value_type(StringAt(i));
  }
  value_type front() const noexcept { return (*this)[0]; }
  value_type back() const noexcept { return (*this)[size() - 1]; }
  iterator begin() const noexcept { return {*this, 0}; }
  iterator end() const noexcept { return {*this, size()}; }

  bool push_back(std::string_view text) const noexcept {
    if (!IsWithin(text.size(), kStringCapacity)) return false;
    const auto string = emplace_back();
    return string.has_value() && string->assign(text);
  }
  // A new string, which is empty; nothing if the vector is full.
  std::optional<value_type> emplace_back() const noexcept {
    if (!resize(size() + 1)) return std::nullopt;
    return back();
  }
  void pop_back() const noexcept {
    if (IsElement(0, size())) SetSize(size() - 1);
  }
  // New strings are empty.
  bool resize(size_t length) const noexcept {
    if (!IsWithin(length, kCapacity)) return false;
    for (size_t i = size(); i < length; ++i) {
      value_type(StringAt(i)).clear();
      PutOffset(room_ + 4 + 4 * i, StringAt(i));
    }
    SetSize(length);
    return true;
  }
  // `texts`: any range of what converts to std::string_view. All of it or, if anything is too
  // long, nothing.
  template <typename Range>
  bool assign(const Range& texts) const noexcept {
    for (std::string_view text : texts) {
      if (!IsWithin(text.size(), kStringCapacity)) return false;
    }
    if (!resize(static_cast<size_t>(std::size(texts)))) return false;
    size_t i = 0;
    for (std::string_view text : texts) (*this)[i++].assign(text);
    return true;
  }
  void clear() const noexcept { SetSize(0); }

 private:
  uint8_t* StringAt(size_t i) const noexcept {
    return room_ + 4 + size_t{4} * kCapacity + i * kStride;
  }
  void SetSize(size_t length) const noexcept {
    Put<uint32_t>(room_, static_cast<uint32_t>(length));
  }

  uint8_t* room_;
};

// A vector of tables, whose elements are writers.
//
//   auto transforms = loan->mutable_transforms();
//   if (auto transform = transforms.emplace_back()) transform->set_child_frame_id("hand");
//   for (auto transform : transforms) transform.set_stamp_ns(now);
//
// Sort() permutes the offsets, so a table's place says nothing of its index. Therefore all offsets
// below the mark in front of the length are kept as a permutation of the places used so far: no two
// ever lead to one table.
template <typename Writer, uint32_t kCapacity>
class TableVectorField : private TableHandle {
 public:
  using value_type = Writer;
  using iterator = HandleIterator<TableVectorField>;

  // `room`: the vector's length. `elements`: its first table.
  TableVectorField(uint8_t* room, uint8_t* elements) noexcept : room_(room), elements_(elements) {}

  static constexpr size_t capacity() noexcept { return kCapacity; }
  size_t size() const noexcept { return GetLength(room_); }
  bool empty() const noexcept { return size() == 0; }
  Writer operator[](size_t i) const noexcept {
    IsElement(i, size());
    return At<Writer>(TableAt(i));
  }
  Writer front() const noexcept { return (*this)[0]; }
  Writer back() const noexcept { return (*this)[size() - 1]; }
  iterator begin() const noexcept { return {*this, 0}; }
  iterator end() const noexcept { return {*this, size()}; }

  // A new table, which is blank; nothing if the vector is full.
  std::optional<Writer> emplace_back() const noexcept {
    if (!resize(size() + 1)) return std::nullopt;
    return back();
  }
  void pop_back() const noexcept {
    if (IsElement(0, size())) SetSize(size() - 1);
  }
  // New tables are blank.
  bool resize(size_t length) const noexcept {
    if (!IsWithin(length, kCapacity)) return false;
    for (size_t i = size(); i < length; ++i) {
      if (i >= GetLength(room_ - 4)) {
        PutOffset(OffsetAt(i), elements_ + i * Writer::shape().stride);
        Put<uint32_t>(room_ - 4, static_cast<uint32_t>(i + 1));
      }
      Blank<Writer::shape()>(TableAt(i));
    }
    SetSize(length);
    return true;
  }
  void clear() const noexcept { SetSize(0); }

  // Sorts by the `key` of the tables, so that readers can use LookupByKey.
  void Sort() const noexcept requires requires(const typename Writer::Message& a) {
    a.KeyCompareLessThan(&a);
  }
  {
    // Offsets are counted from where they stand; while they are moved, from the first of all.
    auto* offsets = reinterpret_cast<uint32_t*>(OffsetAt(0));
    const size_t count = size();
    for (uint32_t i = 0; i < count; ++i) offsets[i] += 4 * i;
    using Message = typename Writer::Message;
    const auto at = [this](uint32_t offset) {
      return reinterpret_cast<const Message*>(OffsetAt(0) + offset);
    };
    std::sort(offsets, offsets + count,
              [&at](uint32_t a, uint32_t b) { return at(a)->KeyCompareLessThan(at(b)); });
    for (uint32_t i = 0; i < count; ++i) offsets[i] -= 4 * i;
  }

 private:
  uint8_t* OffsetAt(size_t i) const noexcept { return room_ + 4 + 4 * i; }
  uint8_t* TableAt(size_t i) const noexcept { return OffsetAt(i) + GetLength(OffsetAt(i)); }
  void SetSize(size_t length) const noexcept {
    Put<uint32_t>(room_, static_cast<uint32_t>(length));
  }

  uint8_t* room_;
  uint8_t* elements_;
};

// A vector of unions: base of emitted classes, which add typed access to the members.
//
//   auto shapes = loan->mutable_shapes();
//   if (auto circle = shapes.emplace_back_as_Circle()) circle->set_radius(1);
//   shapes.mutable_as_Circle(0).set_radius(2);
//
// A handle to a member ends when its union is made to hold another, as it does when it is popped:
// both lie in one room, and what is written with the old handle would spoil the new member.
template <const TableShape& kShape, size_t kId>
class UnionVectorField : public TableHandle {
 public:
  explicit UnionVectorField(uint8_t* table) noexcept { table_ = table; }

  static constexpr size_t capacity() noexcept { return kField.capacity; }
  size_t size() const noexcept { return GetLength(values()); }
  bool empty() const noexcept { return size() == 0; }
  // What the union holds: a value of its enum.
  uint8_t type(size_t i) const noexcept {
    IsElement(i, size());
    return types()[4 + i];
  }
  void pop_back() const noexcept {
    if (IsElement(0, size())) SetSize(size() - 1);
  }
  void clear() const noexcept { SetSize(0); }

 protected:
  static constexpr const FieldShape& kField = kShape.fields[kId];

  template <size_t kMember>
  uint8_t* EmplaceBack() const noexcept {
    const size_t i = size();
    if (!IsWithin(i + 1, kField.capacity)) return nullptr;
    uint8_t* member = BlankAt<kMember>(i);
    SetSize(i + 1);
    return member;
  }
  // The member at `i`; made blank if the union holds another.
  template <size_t kMember>
  uint8_t* Mutable(size_t i) const noexcept {
    constexpr const MemberShape& member = kField.members[kMember];
    if (type(i) != member.type) return BlankAt<kMember>(i);
    return RoomAt(i) + member.at;
  }

  template <typename Writer, size_t kMember>
  std::optional<Writer> EmplaceTable() const noexcept {
    uint8_t* table = EmplaceBack<kMember>();
    if (table == nullptr) return std::nullopt;
    return At<Writer>(table);
  }
  template <typename Writer, size_t kMember>
  Writer MutableTable(size_t i) const noexcept {
    return At<Writer>(Mutable<kMember>(i));
  }
  template <typename T, size_t kMember>
  T* EmplaceStruct() const noexcept {
    return reinterpret_cast<T*>(EmplaceBack<kMember>());
  }
  template <typename T, size_t kMember>
  T& MutableStruct(size_t i) const noexcept {
    return *reinterpret_cast<T*>(Mutable<kMember>(i));
  }
  template <size_t kMember>
  auto EmplaceString() const noexcept {
    using String = StringField<kField.members[kMember].capacity>;
    uint8_t* room = EmplaceBack<kMember>();
    return room == nullptr ? std::optional<String>() : std::optional<String>(room);
  }
  template <size_t kMember>
  auto MutableString(size_t i) const noexcept {
    return StringField<kField.members[kMember].capacity>(Mutable<kMember>(i));
  }

 private:
  uint8_t* types() const noexcept { return table_ + kShape.fields[kId - 1].room; }
  uint8_t* values() const noexcept { return table_ + kField.room; }
  uint8_t* RoomAt(size_t i) const noexcept { return table_ + kField.elements + i * kField.stride; }

  template <size_t kMember>
  uint8_t* BlankAt(size_t i) const noexcept {
    constexpr const MemberShape& member = kField.members[kMember];
    BlankUnion(member, RoomAt(i), values() + 4 + 4 * i, types() + 4 + i);
    return RoomAt(i) + member.at;
  }
  void SetSize(size_t length) const noexcept {
    Put<uint32_t>(types(), static_cast<uint32_t>(length));
    Put<uint32_t>(values(), static_cast<uint32_t>(length));
  }
};

}  // namespace holler

#endif  // HOLLER_STATIC_VECTORS_H_
