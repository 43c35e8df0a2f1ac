// Looking into tables by their shapes, for table_copy.cc and table_pack.cc.
#ifndef HOLLER_TABLE_READING_H_
#define HOLLER_TABLE_READING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "flatbuffers/flatbuffers.h"
#include "holler/table_shape.h"

namespace holler {

inline const uint8_t* Follow(const uint8_t* offset) {
  return offset + flatbuffers::ReadScalar<flatbuffers::uoffset_t>(offset);
}

inline const flatbuffers::Table& TableAt(const uint8_t* table) {
  return *reinterpret_cast<const flatbuffers::Table*>(table);
}

// Where a field is: the scalar or struct itself, else what its offset leads to. Null if absent.
inline const uint8_t* Find(const TableShape& shape, const flatbuffers::Table& from, size_t id) {
  const uint8_t* at = from.GetAddressOf(VtableEntry(id));
  return at == nullptr || shape.fields[id].is_inline() ? at : Follow(at);
}

// The element `i` of a vector of offsets.
inline const uint8_t* Element(const uint8_t* vector, uint32_t i) {
  return Follow(vector + 4 + size_t{4} * i);
}

// The root of the FlatBuffer in a vector of bytes.
inline const flatbuffers::Table& NestedRoot(const uint8_t* vector) {
  return TableAt(Follow(vector + 4));
}

// Null for a member that is unknown here.
inline const MemberShape* FindMember(const FieldShape& field, uint8_t type) {
  const auto it = std::find_if(field.members.begin(), field.members.end(),
                               [type](const MemberShape& member) { return member.type == type; });
  return it == field.members.end() ? nullptr : &*it;
}

// What the union in row `id` holds.
inline uint8_t UnionType(const TableShape& shape, const flatbuffers::Table& from, size_t id) {
  const uint8_t* type = Find(shape, from, id - 1);
  return type == nullptr ? 0 : *type;
}

// The types of the unions in the vector of row `id`; null if it is absent.
inline const uint8_t* UnionTypes(const TableShape& shape, const flatbuffers::Table& from,
                                 size_t id) {
  const uint8_t* types = Find(shape, from, id - 1);
  return types == nullptr ? nullptr : types + 4;
}

}  // namespace holler

#endif  // HOLLER_TABLE_READING_H_
