#include "holler/table_pack.h"

#include <algorithm>
#include <vector>

#include "holler/table_reading.h"

namespace holler {
namespace {

using flatbuffers::ReadScalar;
using flatbuffers::Table;
using flatbuffers::uoffset_t;

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
