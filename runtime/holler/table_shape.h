// What emitted code says of a bounded table: where its fields are, and how much they may hold.
// docs/static_table.md draws it.
#ifndef HOLLER_TABLE_SHAPE_H_
#define HOLLER_TABLE_SHAPE_H_

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <type_traits>
#include <utility>

#include "flatbuffers/flatbuffers.h"

namespace holler {

static_assert(FLATBUFFERS_LITTLEENDIAN, "tables are written as they lie in memory");

enum class FieldKind : uint8_t {
  kGap,            // Deprecated: takes no room and is never there.
  kScalar,         // A number, bool or enum, in the table.
  kStruct,         // In the table.
  kString,         //
  kElements,       // A vector of scalars or structs.
  kStrings,        // A vector of strings.
  kTable,          //
  kTables,         // A vector of tables.
  kUnionType,      // What the union in the next row holds.
  kUnion,          //
  kUnionTypes,     // What each union of the vector in the next row holds.
  kUnions,         // A vector of unions.
  kNestedMessage,  // A nested_flatbuffer whose parts have places, too.
  kNestedBytes,    // A nested_flatbuffer that is set as a whole.
};

// The bytes of a scalar's default.
struct Initial {
  constexpr Initial() = default;
  template <std::integral T>
  constexpr Initial(T value) : bits(static_cast<uint64_t>(value)) {}
  constexpr Initial(float value) : bits(std::bit_cast<uint32_t>(value)) {}
  constexpr Initial(double value) : bits(std::bit_cast<uint64_t>(value)) {}

  uint64_t bits = 0;
};

struct TableShape;

// One of the things that a union may hold.
struct MemberShape {
  const char* name = nullptr;
  uint8_t type = 0;                  // Its value in the union's enum.
  FieldKind kind = FieldKind::kGap;  // kTable, kStruct or kString.
  uint32_t at = 0;                   // From the union's room.
  uint32_t size = 0;                 // Of a struct.
  uint32_t align = 0;                // Likewise.
  uint32_t capacity = 0;             // Of a string: characters.
  const TableShape* child = nullptr;
};

// One field; its row is its id. All places are counted from the table.
struct FieldShape {
  const char* name = nullptr;
  FieldKind kind = FieldKind::kGap;
  bool optional = false;         // A scalar that may be absent.
  bool required = false;         // There from the start, and for good.
  uint16_t at = 0;               // The scalar, the struct, or the offset of whatever else it is.
  uint32_t room = 0;             // What the offset leads to when the field is there.
  uint32_t size = 0;             // Of a scalar, a struct, an element, a nested message.
  uint32_t align = 0;            // Of a struct or an element; 0: its size.
  uint32_t capacity = 0;         // Characters or elements.
  uint32_t string_capacity = 0;  // Characters of each string.
  uint32_t elements = 0;         // The first string, table or union of a vector.
  uint32_t stride = 0;           // From there to the next; of tables, see their shape.
  uint32_t head = 0;             // The root in a nested message.
  Initial initial = {};          // A scalar's default.
  const TableShape* child = nullptr;
  std::span<const MemberShape> members = {};

  // Whether it lies in the table, not in a room that an offset leads to.
  constexpr bool is_inline() const noexcept {
    return kind == FieldKind::kScalar || kind == FieldKind::kStruct ||
           kind == FieldKind::kUnionType;
  }
  constexpr bool is_present_at_start() const noexcept {
    return required || (kind == FieldKind::kScalar && !optional) || kind == FieldKind::kUnionType;
  }
  constexpr uint32_t alignment() const noexcept { return align != 0 ? align : size; }
};

struct TableShape {
  std::span<const FieldShape> fields;
  std::span<const uint8_t> blank;  // The vtable and, right behind it, the table, with nothing set.
  uint16_t vtable_bytes;
  uint16_t table_bytes;
  uint32_t stride;    // From one to the next in a vector.
  bool has_required;  // Whether any field is.
};

constexpr uint16_t VtableEntry(size_t id) { return static_cast<uint16_t>(4 + 2 * id); }

// The blank image of a table. Its offsets are set for good: whether a field is there is decided by
// its entry in the vtable alone.
template <const auto& kFields, uint16_t kVtableBytes, uint16_t kTableBytes>
constexpr std::array<uint8_t, kVtableBytes + kTableBytes> MakeBlankImage() {
  std::array<uint8_t, kVtableBytes + kTableBytes> image{};
  const auto put = [&image](size_t at, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes && i < sizeof(value); ++i) {
      image[at + i] = static_cast<uint8_t>(value >> (8 * i));
    }
  };
  put(0, kVtableBytes, 2);
  put(2, kTableBytes, 2);
  put(kVtableBytes, kVtableBytes, 4);  // From the table back to its vtable.
  size_t id = 0;
  for (const FieldShape& field : kFields) {
    if (field.is_present_at_start()) put(VtableEntry(id), field.at, 2);
    if (field.kind == FieldKind::kScalar) {
      put(kVtableBytes + field.at, field.initial.bits, field.size);
    } else if (field.kind != FieldKind::kGap && !field.is_inline()) {
      put(kVtableBytes + field.at, field.room - field.at, 4);
    }
    ++id;
  }
  return image;
}

template <const auto& kFields, uint16_t kVtableBytes, uint16_t kTableBytes>
inline constexpr auto kBlankImage = MakeBlankImage<kFields, kVtableBytes, kTableBytes>();

template <const auto& kFields, uint16_t kVtableBytes, uint16_t kTableBytes>
constexpr TableShape MakeTableShape(uint32_t stride) {
  static_assert(kVtableBytes == VtableEntry(std::size(kFields)));
  return {.fields = kFields,
          .blank = kBlankImage<kFields, kVtableBytes, kTableBytes>,
          .vtable_bytes = kVtableBytes,
          .table_bytes = kTableBytes,
          .stride = stride,
          .has_required = std::any_of(std::begin(kFields), std::end(kFields),
                                      [](const FieldShape& field) { return field.required; })};
}

// Writing. What is written is what FlatBuffers' accessors read, by the same types.

// A byte that is nothing but a number: a store to it, unlike one to an unsigned char, cannot change
// a pointer, so the compiler keeps what it knows of a writer.
enum class Number8 : uint8_t {};

template <typename T>
void Put(uint8_t* at, std::type_identity_t<T> value) noexcept {
  if constexpr (sizeof(T) == 1) {
    *reinterpret_cast<Number8*>(at) = static_cast<Number8>(value);
  } else {
    flatbuffers::WriteScalar<T>(at, value);
  }
}

inline uint32_t GetLength(const uint8_t* room) noexcept {
  return flatbuffers::ReadScalar<uint32_t>(room);
}

// Makes the offset at `at` lead to `target`, which lies behind it.
inline void PutOffset(uint8_t* at, const uint8_t* target) noexcept {
  Put<uint32_t>(at, static_cast<uint32_t>(target - at));
}

inline uint8_t* EntryOf(const TableShape& shape, uint8_t* table, size_t id) noexcept {
  return table - shape.vtable_bytes + VtableEntry(id);
}

inline bool IsPresent(const TableShape& shape, uint8_t* table, size_t id) noexcept {
  return flatbuffers::ReadScalar<uint16_t>(EntryOf(shape, table, id)) != 0;
}

// Makes a field present, whose room is in order.
inline void Show(const TableShape& shape, uint8_t* table, size_t id) noexcept {
  Put<uint16_t>(EntryOf(shape, table, id), shape.fields[id].at);
}

// Makes a field absent; of a union, both its rows.
inline void Hide(const TableShape& shape, uint8_t* table, size_t id) noexcept {
  Put<uint16_t>(EntryOf(shape, table, id), 0);
  if (shape.fields[id].kind == FieldKind::kUnion) Put<uint8_t>(table + shape.fields[id - 1].at, 0);
  if (shape.fields[id].kind == FieldKind::kUnions) {
    Put<uint16_t>(EntryOf(shape, table, id - 1), 0);
  }
}

// Makes a table blank: nothing in it is set, what is required is empty.
inline void BlankTable(const TableShape& shape, uint8_t* table) noexcept;

inline void BlankString(uint8_t* room) noexcept {
  Put<uint32_t>(room, 0);
  room[4] = 0;
}

// A vector of tables: no element, and none of its places ever used.
inline void BlankTables(uint8_t* room) noexcept {
  Put<uint32_t>(room - 4, 0);
  Put<uint32_t>(room, 0);
}

// Makes what is in a union's room blank, as one of its members.
inline void BlankMember(const MemberShape& member, uint8_t* room) noexcept {
  uint8_t* at = room + member.at;
  if (member.kind == FieldKind::kTable) return BlankTable(*member.child, at);
  if (member.kind == FieldKind::kStruct) {
    std::memset(at, 0, member.size);
    return;
  }
  BlankString(at);
}

// Makes a union hold a blank member. `offset` leads to it; `type` says what it is.
inline void BlankUnion(const MemberShape& member, uint8_t* room, uint8_t* offset,
                       uint8_t* type) noexcept {
  BlankMember(member, room);
  PutOffset(offset, room + member.at);
  Put<uint8_t>(type, member.type);
}

// Makes what is in a field's room blank: empty, or zero.
inline void BlankField(const TableShape& shape, uint8_t* table, size_t id) noexcept {
  const FieldShape& field = shape.fields[id];
  uint8_t* room = table + field.room;
  switch (field.kind) {
    case FieldKind::kStruct:
      std::memset(table + field.at, 0, field.size);
      return;
    case FieldKind::kString:
      return BlankString(room);
    case FieldKind::kTables:
      return BlankTables(room);
    case FieldKind::kElements:
    case FieldKind::kStrings:
    case FieldKind::kUnions:
    case FieldKind::kUnionTypes:
    case FieldKind::kNestedBytes:
      Put<uint32_t>(room, 0);
      return;
    case FieldKind::kTable:
      return BlankTable(*field.child, room);
    case FieldKind::kUnion:
      return BlankUnion(field.members[0], room, table + field.at, table + shape.fields[id - 1].at);
    case FieldKind::kNestedMessage:
      Put<uint32_t>(room, field.size);
      Put<uint32_t>(room + 4, field.head);
      return BlankTable(*field.child, room + 4 + field.head);
    case FieldKind::kGap:
    case FieldKind::kScalar:
    case FieldKind::kUnionType:
      return;
  }
}

inline void BlankTable(const TableShape& shape, uint8_t* table) noexcept {
  std::memcpy(table - shape.vtable_bytes, shape.blank.data(), shape.blank.size());
  if (!shape.has_required) return;
  for (size_t id = 0; id < shape.fields.size(); ++id) {
    if (shape.fields[id].required) BlankField(shape, table, id);
  }
}

// The same where the shape is known to the compiler, which then leaves nothing but stores.

template <const TableShape& kShape>
void Blank(uint8_t* table) noexcept;

template <const TableShape& kShape, size_t kId>
void BlankFieldOf(uint8_t* table) noexcept {
  constexpr const FieldShape& field = kShape.fields[kId];
  if constexpr (field.kind == FieldKind::kTable) {
    Blank<*field.child>(table + field.room);
  } else if constexpr (field.kind == FieldKind::kString) {
    BlankString(table + field.room);
  } else if constexpr (field.kind == FieldKind::kTables) {
    BlankTables(table + field.room);
  } else if constexpr (field.kind == FieldKind::kElements || field.kind == FieldKind::kStrings) {
    Put<uint32_t>(table + field.room, 0);
  } else {
    BlankField(kShape, table, kId);
  }
}

// A copy by pieces, since compilers call a function for one of more than 128 bytes. Where there are
// very many, the call costs less.
template <size_t kBytes>
void CopyImage(uint8_t* to, const uint8_t* image) noexcept {
  constexpr size_t kPiece = 64;
  constexpr size_t kMostBytes = 512;
  if constexpr (kBytes <= kPiece || kBytes > kMostBytes) {
    std::memcpy(to, image, kBytes);
  } else {
    std::memcpy(to, image, kPiece);
    CopyImage<kBytes - kPiece>(to + kPiece, image + kPiece);
  }
}

template <const TableShape& kShape>
void Blank(uint8_t* table) noexcept {
  CopyImage<kShape.blank.size()>(table - kShape.vtable_bytes, kShape.blank.data());
  if constexpr (kShape.has_required) {
    [&]<size_t... kId>(std::index_sequence<kId...>) {
      const auto blank = [&]<size_t kOne>() {
        if constexpr (kShape.fields[kOne].required) BlankFieldOf<kShape, kOne>(table);
      };
      (blank.template operator()<kId>(), ...);
    }
    (std::make_index_sequence<kShape.fields.size()>());
  }
}

}  // namespace holler

#endif  // HOLLER_TABLE_SHAPE_H_
