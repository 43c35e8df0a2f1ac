#include "holler/table_copy.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "holler/table_reading.h"

namespace holler {
namespace {

using flatbuffers::Table;

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

}  // namespace holler
