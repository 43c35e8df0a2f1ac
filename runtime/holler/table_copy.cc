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

uint32_t BoundedLength(const uint8_t* vector, uint32_t capacity) {
  return std::min(GetLength(vector), capacity);
}

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

// `type`: of a union.
bool CheckElement(const FieldShape& field, const uint8_t* element, uint8_t type,
                  CopyResult& refusal) {
  switch (field.kind) {
    case FieldKind::kStrings:
      return CheckLength(element, field.string_capacity, refusal);
    case FieldKind::kTables:
      return CheckTable(*field.child, TableAt(element), refusal);
    default:
      return type == 0 || CheckMember(field, type, element, refusal);
  }
}

bool CheckElements(const TableShape& shape, const Table& from, size_t id, const uint8_t* vector,
                   CopyResult& refusal) {
  const FieldShape& field = shape.fields[id];
  if (!CheckLength(vector, field.capacity, refusal)) return false;
  const uint8_t* types = field.kind == FieldKind::kUnions ? UnionTypes(shape, from, id) : nullptr;
  for (uint32_t i = 0; i < BoundedLength(vector, field.capacity); ++i) {
    const uint8_t type = types == nullptr ? 0 : types[i];
    if (!CheckElement(field, Element(vector, i), type, refusal)) {
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

// Filling. Lengths are bounded and members looked up once more: `from` may lie in memory of a peer
// that does not keep what it has published.

void FillTable(const TableShape& shape, const Table& from, uint8_t* to);

void FillString(const uint8_t* from, uint32_t capacity, uint8_t* room) {
  const uint32_t length = BoundedLength(from, capacity);
  Put<uint32_t>(room, length);
  std::memcpy(room + 4, from + 4, length);
  room[4 + length] = 0;
}

// False for a member that is unknown here; then nothing is changed.
bool FillMember(const FieldShape& field, uint8_t type, const uint8_t* value, uint8_t* room,
                uint8_t* to_offset, uint8_t* to_type) {
  const MemberShape* member = FindMember(field, type);
  if (member == nullptr) return false;
  uint8_t* to = room + member->at;
  if (member->kind == FieldKind::kTable) FillTable(*member->child, TableAt(value), to);
  if (member->kind == FieldKind::kStruct) std::memcpy(to, value, member->size);
  if (member->kind == FieldKind::kString) FillString(value, member->capacity, to);
  PutOffset(to_offset, to);
  Put<uint8_t>(to_type, type);
  return true;
}

// An element of a vector that is none of the members. Its offset leads to something nevertheless.
void FillNone(const FieldShape& field, uint8_t* room, uint8_t* to_offset, uint8_t* to_type) {
  BlankUnion(field.members[0], room, to_offset, to_type);
  Put<uint8_t>(to_type, 0);
}

// The elements of a vector that are not plain bytes. `types`: of unions.
void FillElements(const TableShape& shape, size_t id, const uint8_t* vector, const uint8_t* types,
                  uint8_t* table) {
  const FieldShape& field = shape.fields[id];
  uint8_t* room = table + field.room;
  const uint32_t length = BoundedLength(vector, field.capacity);
  const size_t stride = field.kind == FieldKind::kTables ? field.child->stride : field.stride;
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
      uint8_t* to_type = to_types + 4 + i;
      const bool is_known =
          FillMember(field, types[i], Element(vector, i), element, offset, to_type);
      if (!is_known) FillNone(field, element, offset, to_type);
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
      uint8_t* to_type = to + shape.fields[id - 1].at;
      if (!FillMember(field, UnionType(shape, from, id), at, room, to + field.at, to_type)) return;
      break;
    }
    case FieldKind::kUnions: {
      const uint8_t* types = UnionTypes(shape, from, id);
      if (types == nullptr) return;
      FillElements(shape, id, at, types, to);
      Show(shape, to, id - 1);
      break;
    }
    case FieldKind::kStrings:
    case FieldKind::kTables:
      FillElements(shape, id, at, nullptr, to);
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

// What is known of a field before its table is begun.
struct Packed {
  uoffset_t at = 0;  // What its offset leads to; 0 if it is absent, or in the table itself.
  uint8_t type = 0;  // In the row before a union: what the union holds.
};

// In place of what has to be there, and cannot be read.
uoffset_t PackEmptyTable(Builder& builder) { return builder.EndTable(builder.StartTable()); }

// Nothing for a member that is unknown here: its type would promise what was left out.
Packed PackMember(const FieldShape& field, uint8_t type, const uint8_t* value, Builder& builder) {
  const MemberShape* member = FindMember(field, type);
  if (member == nullptr) return {};
  if (member->kind == FieldKind::kTable) {
    return {PackTable(*member->child, TableAt(value), builder), type};
  }
  if (member->kind == FieldKind::kString) return {PackString(value, builder), type};
  builder.Align(member->align);
  builder.PushBytes(value, member->size);
  return {builder.GetSize(), type};
}

uoffset_t PackElements(const FieldShape& field, const uint8_t* vector, Builder& builder) {
  std::vector<flatbuffers::Offset<void>> offsets(GetLength(vector));
  for (uint32_t i = 0; i < offsets.size(); ++i) {
    const uint8_t* element = Element(vector, i);
    offsets[i] = field.kind == FieldKind::kStrings
                     ? PackString(element, builder)
                     : PackTable(*field.child, TableAt(element), builder);
  }
  return builder.CreateVector(offsets).o;
}

void PackUnion(const FieldShape& field, uint8_t type, const uint8_t* value, Packed* row,
               Builder& builder) {
  const Packed member = PackMember(field, type, value, builder);
  row[-1].type = member.type;
  row[0].at = member.at == 0 && field.required ? PackEmptyTable(builder) : member.at;
}

// Both vectors, of one length.
void PackUnions(const FieldShape& field, const uint8_t* types, const uint8_t* vector, Packed* row,
                Builder& builder) {
  std::vector<flatbuffers::Offset<void>> offsets(GetLength(vector));
  std::vector<uint8_t> packed_types(offsets.size());
  for (uint32_t i = 0; i < offsets.size(); ++i) {
    const Packed member = PackMember(field, types[i], Element(vector, i), builder);
    packed_types[i] = member.type;
    offsets[i] = member.at == 0 ? PackEmptyTable(builder) : member.at;
  }
  row[-1].at = PackBytes(packed_types.data(), packed_types.size(), 1, 1, builder);
  row[0].at = builder.CreateVector(offsets).o;
}

uoffset_t PackNested(const FieldShape& field, const uint8_t* vector, Builder& builder) {
  Builder nested;
  nested.Finish(flatbuffers::Offset<void>(PackTable(*field.child, NestedRoot(vector), nested)));
  return PackBytes(nested.GetBufferPointer(), nested.GetSize(), 1, field.alignment(), builder);
}

// Packs what is outside the table. `row`: the field's own, behind that of the field before.
void PackField(const TableShape& shape, const Table& from, size_t id, Packed* row,
               Builder& builder) {
  const FieldShape& field = shape.fields[id];
  if (field.kind == FieldKind::kGap || field.is_inline()) return;
  const uint8_t* at = Find(shape, from, id);
  if (at == nullptr) return;
  switch (field.kind) {
    case FieldKind::kString:
      row->at = PackString(at, builder);
      return;
    case FieldKind::kElements:
    case FieldKind::kNestedBytes:
      row->at = PackBytes(at + 4, GetLength(at), field.size, field.alignment(), builder);
      return;
    case FieldKind::kTable:
      row->at = PackTable(*field.child, TableAt(at), builder);
      return;
    case FieldKind::kNestedMessage:
      row->at = PackNested(field, at, builder);
      return;
    case FieldKind::kUnion:
      return PackUnion(field, UnionType(shape, from, id), at, row, builder);
    case FieldKind::kUnions: {
      const uint8_t* types = UnionTypes(shape, from, id);
      if (types != nullptr) PackUnions(field, types, at, row, builder);
      return;
    }
    case FieldKind::kStrings:
    case FieldKind::kTables:
      row->at = PackElements(field, at, builder);
      return;
    case FieldKind::kGap:
    case FieldKind::kScalar:
    case FieldKind::kStruct:
    case FieldKind::kUnionType:
    case FieldKind::kUnionTypes:  // With the unions.
      return;
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
  std::vector<Packed> rows(shape.fields.size());
  for (size_t id = 0; id < rows.size(); ++id) {
    PackField(shape, from, id, &rows[id], builder);
  }
  const uoffset_t start = builder.StartTable();
  // The large ones first, as there is less padding then.
  for (const size_t size : {size_t{8}, size_t{4}, size_t{2}, size_t{1}}) {
    for (size_t id = 0; id < rows.size(); ++id) {
      const FieldShape& field = shape.fields[id];
      if (rows[id].at != 0 && size == 4) {
        builder.AddOffset(VtableEntry(id), flatbuffers::Offset<void>(rows[id].at));
      } else if (field.kind == FieldKind::kUnionType) {
        if (size == 1) builder.AddElement<uint8_t>(VtableEntry(id), rows[id].type, 0);
      } else if (field.is_inline() && std::min(field.alignment(), 8u) == size) {
        const uint8_t* at = Find(shape, from, id);
        if (at != nullptr) PackInline(id, field, at, builder);
      }
    }
  }
  return builder.EndTable(start);
}

}  // namespace holler
