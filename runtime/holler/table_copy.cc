#include "holler/table_copy.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

namespace holler {
namespace {

using flatbuffers::ReadScalar;
using flatbuffers::Table;
using flatbuffers::uoffset_t;

const uint8_t* Follow(const uint8_t* offset) { return offset + ReadScalar<uoffset_t>(offset); }

const Table& TableAt(const uint8_t* table) { return *reinterpret_cast<const Table*>(table); }

// Where a field is: the scalar or struct itself, else what its offset leads to. Null if absent.
const uint8_t* Find(const TableShape& shape, const Table& from, size_t id) {
  const uint8_t* at = from.GetAddressOf(VtableEntry(id));
  return at == nullptr || shape.fields[id].is_inline() ? at : Follow(at);
}

// The element `i` of a vector of offsets.
const uint8_t* Element(const uint8_t* vector, uint32_t i) {
  return Follow(vector + 4 + size_t{4} * i);
}

// The root of the FlatBuffer in a vector of bytes.
const Table& NestedRoot(const uint8_t* vector) { return TableAt(Follow(vector + 4)); }

// Null for a member that is unknown here.
const MemberShape* FindMember(const FieldShape& field, uint8_t type) {
  const auto it = std::find_if(field.members.begin(), field.members.end(),
                               [type](const MemberShape& member) { return member.type == type; });
  return it == field.members.end() ? nullptr : &*it;
}

// What the union in row `id` holds.
uint8_t UnionType(const TableShape& shape, const Table& from, size_t id) {
  const uint8_t* type = Find(shape, from, id - 1);
  return type == nullptr ? 0 : *type;
}

// The types of the unions in the vector of row `id`; null if it is absent.
const uint8_t* UnionTypes(const TableShape& shape, const Table& from, size_t id) {
  const uint8_t* types = Find(shape, from, id - 1);
  return types == nullptr ? nullptr : types + 4;
}

// Checking that everything fits. What does not is left in `refusal`.

bool CheckTable(const TableShape& shape, const Table& from, CopyResult& refusal);

bool CheckLength(const uint8_t* vector, uint32_t capacity, CopyResult& refusal) {
  const uint32_t length = GetLength(vector);
  if (length > capacity) refusal.Refuse(length, capacity);
  return length <= capacity;
}

bool CheckMember(const FieldShape& field, uint8_t type, const uint8_t* value, CopyResult& refusal) {
  const MemberShape* member = FindMember(field, type);
  if (member == nullptr) {
    refusal.Refuse(type, 0);
    return false;
  }
  if (member->kind == FieldKind::kStruct) return true;
  const bool fits = member->kind == FieldKind::kTable
                        ? CheckTable(*member->child, TableAt(value), refusal)
                        : CheckLength(value, member->capacity, refusal);
  if (!fits) refusal.PrependField(member->name);
  return fits;
}

bool CheckElement(const TableShape& shape, const Table& from, size_t id, const uint8_t* element,
                  uint32_t i, CopyResult& refusal) {
  const FieldShape& field = shape.fields[id];
  switch (field.kind) {
    case FieldKind::kStrings:
      return CheckLength(element, field.string_capacity, refusal);
    case FieldKind::kTables:
      return CheckTable(*field.child, TableAt(element), refusal);
    default: {
      const uint8_t* types = UnionTypes(shape, from, id);
      return CheckMember(field, types == nullptr ? 0 : types[i], element, refusal);
    }
  }
}

bool CheckElements(const TableShape& shape, const Table& from, size_t id, const uint8_t* vector,
                   CopyResult& refusal) {
  if (!CheckLength(vector, shape.fields[id].capacity, refusal)) return false;
  for (uint32_t i = 0; i < GetLength(vector); ++i) {
    if (!CheckElement(shape, from, id, Element(vector, i), i, refusal)) {
      refusal.PrependIndex(i);
      return false;
    }
  }
  return true;
}

bool CheckField(const TableShape& shape, const Table& from, size_t id, CopyResult& refusal) {
  const FieldShape& field = shape.fields[id];
  const uint8_t* at = field.kind == FieldKind::kGap ? nullptr : Find(shape, from, id);
  if (at == nullptr) return true;
  switch (field.kind) {
    case FieldKind::kTable:
      return CheckTable(*field.child, TableAt(at), refusal);
    case FieldKind::kNestedMessage:
      return CheckTable(*field.child, NestedRoot(at), refusal);
    case FieldKind::kUnion: {
      const uint8_t type = UnionType(shape, from, id);
      return type == 0 || CheckMember(field, type, at, refusal);
    }
    case FieldKind::kString:
    case FieldKind::kElements:
    case FieldKind::kNestedBytes:
      return CheckLength(at, field.capacity, refusal);
    case FieldKind::kStrings:
    case FieldKind::kTables:
    case FieldKind::kUnions:
      return CheckElements(shape, from, id, at, refusal);
    case FieldKind::kGap:
    case FieldKind::kScalar:
    case FieldKind::kStruct:
    case FieldKind::kUnionType:
    case FieldKind::kUnionTypes:  // As many as there are unions.
      return true;
  }
  return true;
}

bool CheckTable(const TableShape& shape, const Table& from, CopyResult& refusal) {
  for (size_t id = 0; id < shape.fields.size(); ++id) {
    if (!CheckField(shape, from, id, refusal)) {
      refusal.PrependField(shape.fields[id].name);
      return false;
    }
  }
  return true;
}

// Filling. Lengths are bounded once more: `from` may lie in memory of a peer that does not keep
// what it has published.

void FillTable(const TableShape& shape, const Table& from, uint8_t* to);

uint32_t BoundedLength(const uint8_t* vector, uint32_t capacity) {
  return std::min(GetLength(vector), capacity);
}

void FillString(const uint8_t* from, uint32_t capacity, uint8_t* room) {
  const uint32_t length = BoundedLength(from, capacity);
  Put<uint32_t>(room, length);
  std::memcpy(room + 4, from + 4, length);
  room[4 + length] = 0;
}

void FillMember(const FieldShape& field, uint8_t type, const uint8_t* value, uint8_t* room,
                uint8_t* to_offset, uint8_t* to_type) {
  const MemberShape* member = FindMember(field, type);
  if (member == nullptr) return;
  uint8_t* to = room + member->at;
  if (member->kind == FieldKind::kTable) FillTable(*member->child, TableAt(value), to);
  if (member->kind == FieldKind::kStruct) std::memcpy(to, value, member->size);
  if (member->kind == FieldKind::kString) FillString(value, member->capacity, to);
  PutOffset(to_offset, to);
  Put<uint8_t>(to_type, type);
}

// The elements of a vector that are not plain bytes.
void FillElements(const TableShape& shape, const Table& from, size_t id, const uint8_t* vector,
                  uint8_t* table) {
  const FieldShape& field = shape.fields[id];
  uint8_t* room = table + field.room;
  const uint32_t length = BoundedLength(vector, field.capacity);
  const size_t stride = field.kind == FieldKind::kTables ? field.child->stride : field.stride;
  const uint8_t* types = field.kind == FieldKind::kUnions ? UnionTypes(shape, from, id) : nullptr;
  uint8_t* to_types =
      field.kind == FieldKind::kUnions ? table + shape.fields[id - 1].room : nullptr;
  for (uint32_t i = 0; i < length; ++i) {
    uint8_t* offset = room + 4 + size_t{4} * i;
    uint8_t* element = table + field.elements + i * stride;
    PutOffset(offset, element);
    if (field.kind == FieldKind::kStrings) {
      FillString(Element(vector, i), field.string_capacity, element);
    } else if (field.kind == FieldKind::kTables) {
      FillTable(*field.child, TableAt(Element(vector, i)), element);
    } else {
      FillMember(field, types[i], Element(vector, i), element, offset, to_types + 4 + i);
    }
  }
  if (field.kind == FieldKind::kTables) Put<uint32_t>(room - 4, length);
  if (to_types != nullptr) Put<uint32_t>(to_types, length);
  Put<uint32_t>(room, length);
}

void FillField(const TableShape& shape, const Table& from, size_t id, uint8_t* to) {
  const FieldShape& field = shape.fields[id];
  if (field.kind == FieldKind::kGap) return;
  const uint8_t* at = Find(shape, from, id);
  if (at == nullptr) return;
  uint8_t* room = to + field.room;
  switch (field.kind) {
    case FieldKind::kScalar:
    case FieldKind::kStruct:
      std::memcpy(to + field.at, at, field.size);
      break;
    case FieldKind::kString:
      FillString(at, field.capacity, room);
      break;
    case FieldKind::kElements:
    case FieldKind::kNestedBytes: {
      const uint32_t length = BoundedLength(at, field.capacity);
      std::memcpy(room + 4, at + 4, size_t{length} * field.size);
      Put<uint32_t>(room, length);
      break;
    }
    case FieldKind::kTable:
      FillTable(*field.child, TableAt(at), room);
      break;
    case FieldKind::kNestedMessage:
      BlankField(shape, to, id);
      FillTable(*field.child, NestedRoot(at), room + 4 + field.head);
      break;
    case FieldKind::kUnion: {
      const uint8_t type = UnionType(shape, from, id);
      if (type == 0) return;
      FillMember(field, type, at, room, to + field.at, to + shape.fields[id - 1].at);
      break;
    }
    case FieldKind::kUnions:
      if (UnionTypes(shape, from, id) == nullptr) return;
      FillElements(shape, from, id, at, to);
      Show(shape, to, id - 1);
      break;
    case FieldKind::kStrings:
    case FieldKind::kTables:
      FillElements(shape, from, id, at, to);
      break;
    case FieldKind::kGap:
    case FieldKind::kUnionType:
    case FieldKind::kUnionTypes:
      return;
  }
  Show(shape, to, id);
}

void FillTable(const TableShape& shape, const Table& from, uint8_t* to) {
  BlankTable(shape, to);
  for (size_t id = 0; id < shape.fields.size(); ++id) FillField(shape, from, id, to);
}

// Packing.

using Builder = flatbuffers::FlatBufferBuilder;

uoffset_t PackString(const uint8_t* from, Builder& builder) {
  return builder.CreateString(reinterpret_cast<const flatbuffers::String*>(from)).o;
}

uoffset_t PackBytes(const uint8_t* data, size_t count, size_t size, size_t align,
                    Builder& builder) {
  builder.ForceVectorAlignment(count, size, align);
  builder.StartVector(count * size, 1);
  builder.PushBytes(data, count * size);
  return builder.EndVector(count);
}

uoffset_t PackMember(const FieldShape& field, uint8_t type, const uint8_t* value,
                     Builder& builder) {
  const MemberShape* member = FindMember(field, type);
  if (member == nullptr) return 0;
  if (member->kind == FieldKind::kTable) return PackTable(*member->child, TableAt(value), builder);
  if (member->kind == FieldKind::kString) return PackString(value, builder);
  builder.Align(member->align);
  builder.PushBytes(value, member->size);
  return builder.GetSize();
}

uoffset_t PackElements(const TableShape& shape, const Table& from, size_t id, const uint8_t* vector,
                       Builder& builder) {
  const FieldShape& field = shape.fields[id];
  const uint32_t length = GetLength(vector);
  std::vector<flatbuffers::Offset<void>> offsets(length);
  for (uint32_t i = 0; i < length; ++i) {
    const uint8_t* element = Element(vector, i);
    if (field.kind == FieldKind::kStrings) {
      offsets[i] = PackString(element, builder);
    } else if (field.kind == FieldKind::kTables) {
      offsets[i] = PackTable(*field.child, TableAt(element), builder);
    } else {
      offsets[i] = PackMember(field, UnionTypes(shape, from, id)[i], element, builder);
    }
  }
  return builder.CreateVector(offsets).o;
}

uoffset_t PackNested(const FieldShape& field, const uint8_t* vector, Builder& builder) {
  Builder nested;
  nested.Finish(flatbuffers::Offset<void>(PackTable(*field.child, NestedRoot(vector), nested)));
  return PackBytes(nested.GetBufferPointer(), nested.GetSize(), 1, field.alignment(), builder);
}

// What the offset of a field leads to; 0 if the field is absent, or in the table itself.
uoffset_t PackField(const TableShape& shape, const Table& from, size_t id, Builder& builder) {
  const FieldShape& field = shape.fields[id];
  if (field.kind == FieldKind::kGap || field.is_inline()) return 0;
  const uint8_t* at = Find(shape, from, id);
  if (at == nullptr) return 0;
  switch (field.kind) {
    case FieldKind::kString:
      return PackString(at, builder);
    case FieldKind::kElements:
    case FieldKind::kNestedBytes:
      return PackBytes(at + 4, GetLength(at), field.size, field.alignment(), builder);
    case FieldKind::kUnionTypes:
      return PackBytes(at + 4, GetLength(at), 1, 1, builder);
    case FieldKind::kTable:
      return PackTable(*field.child, TableAt(at), builder);
    case FieldKind::kNestedMessage:
      return PackNested(field, at, builder);
    case FieldKind::kUnion:
      return PackMember(field, UnionType(shape, from, id), at, builder);
    default:
      return PackElements(shape, from, id, at, builder);
  }
}

template <typename T>
void PackScalar(size_t id, const FieldShape& field, const uint8_t* at, Builder& builder) {
  const T value = ReadScalar<T>(at);
  if (field.optional) {
    builder.AddElement<T>(VtableEntry(id), value);
  } else {
    builder.AddElement<T>(VtableEntry(id), value, static_cast<T>(field.initial.bits));
  }
}

void PackInline(size_t id, const FieldShape& field, const uint8_t* at, Builder& builder) {
  if (field.kind == FieldKind::kStruct) {
    builder.Align(field.alignment());
    builder.PushBytes(at, field.size);
    builder.TrackField(VtableEntry(id), builder.GetSize());
    return;
  }
  switch (field.size) {
    case 1:
      return PackScalar<uint8_t>(id, field, at, builder);
    case 2:
      return PackScalar<uint16_t>(id, field, at, builder);
    case 4:
      return PackScalar<uint32_t>(id, field, at, builder);
    default:
      return PackScalar<uint64_t>(id, field, at, builder);
  }
}

}  // namespace

void CopyResult::PrependField(std::string_view name) noexcept {
  if (start_ != path_.size() && path_[start_] != '[') Prepend(".");
  Prepend(name);
}

void CopyResult::PrependIndex(uint32_t index) noexcept {
  char text[12];
  const auto end = std::to_chars(text, text + sizeof(text), index).ptr;
  if (start_ != path_.size() && path_[start_] != '[') Prepend(".");
  Prepend("]");
  Prepend({text, static_cast<size_t>(end - text)});
  Prepend("[");
}

void CopyResult::Prepend(std::string_view text) noexcept {
  const size_t room = std::min<size_t>(text.size(), start_);
  text.remove_prefix(text.size() - room);
  start_ -= static_cast<uint32_t>(room);
  std::memcpy(path_.data() + start_, text.data(), room);
}

CopyResult CopyTable(const TableShape& shape, const Table& from, uint8_t* to) noexcept {
  CopyResult result;
  if (CheckTable(shape, from, result)) FillTable(shape, from, to);
  return result;
}

uoffset_t PackTable(const TableShape& shape, const Table& from, Builder& builder) {
  std::vector<uoffset_t> offsets(shape.fields.size());
  for (size_t id = 0; id < offsets.size(); ++id) {
    offsets[id] = PackField(shape, from, id, builder);
  }
  const uoffset_t start = builder.StartTable();
  // The large ones first, as there is less padding then.
  for (const size_t size : {size_t{8}, size_t{4}, size_t{2}, size_t{1}}) {
    for (size_t id = 0; id < offsets.size(); ++id) {
      const FieldShape& field = shape.fields[id];
      if (offsets[id] != 0 && size == 4) {
        builder.AddOffset(VtableEntry(id), flatbuffers::Offset<void>(offsets[id]));
      } else if (field.is_inline() && std::min(field.alignment(), 8u) == size) {
        const uint8_t* at = Find(shape, from, id);
        if (at != nullptr) PackInline(id, field, at, builder);
      }
    }
  }
  return builder.EndTable(start);
}

}  // namespace holler
