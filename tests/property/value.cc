#include "value.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace property {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using flatbuffers::ReadScalar;
using flatbuffers::Table;
using flatbuffers::uoffset_t;
using flatbuffers::voffset_t;

voffset_t EntryOf(int id) { return static_cast<voffset_t>(4 + 2 * id); }

const uint8_t* Follow(const uint8_t* offset) { return offset + ReadScalar<uoffset_t>(offset); }

const Table& TableAt(const uint8_t* at) { return *reinterpret_cast<const Table*>(at); }

std::string Bytes(const uint8_t* at, size_t size) {
  return std::string(reinterpret_cast<const char*>(at), size);
}

const uint8_t* Data(const std::string& bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

// Reading.

std::string ReadString(const uint8_t* at) {
  const uint32_t length = ReadScalar<uint32_t>(at);
  if (at[4 + length] != 0) throw std::runtime_error("a string does not end with a zero");
  return Bytes(at + 4, length);
}

class Reader {
 public:
  explicit Reader(bool checks_alignment) : checks_alignment_(checks_alignment) {}

  Value OfTable(const TableType& type, const Table& table) const {
    Value value;
    for (const FieldType& field : type.fields) {
      const uint8_t* at = table.GetAddressOf(EntryOf(field.id));
      if (at == nullptr) continue;
      Value found = OfField(field, table, at);
      if (field.kind != Kind::kUnion || found.type != 0) value.fields[field.id] = std::move(found);
    }
    return value;
  }

 private:
  Value OfMember(const MemberType& member, const uint8_t* at) const {
    if (member.kind == Kind::kTable) return OfTable(*member.table, TableAt(at));
    Value value;
    value.bytes =
        member.kind == Kind::kString ? ReadString(at) : Bytes(at, member.struct_def->bytesize);
    return value;
  }

  Value OfUnion(const FieldType& field, uint8_t type, const uint8_t* at) const {
    if (type > field.members.size()) throw std::runtime_error(field.name + ": an unknown type");
    Value value;
    value.type = type;
    if (type > 0) value.items.push_back(OfMember(field.members[type - 1], at));
    return value;
  }

  Value OfElements(const FieldType& field, const uint8_t* vector, const uint8_t* types) const {
    Value value;
    const uint32_t length = ReadScalar<uint32_t>(vector);
    for (uint32_t i = 0; i < length; ++i) {
      const uint8_t* at = Follow(vector + 4 + size_t{4} * i);
      if (field.kind == Kind::kTables) {
        value.items.push_back(OfTable(*field.table, TableAt(at)));
      } else if (field.kind == Kind::kStrings) {
        value.items.emplace_back().bytes = ReadString(at);
      } else {
        if (types == nullptr || ReadScalar<uint32_t>(types) != length) {
          throw std::runtime_error(field.name + ": types do not go with values");
        }
        value.items.push_back(OfUnion(field, types[4 + i], at));
      }
    }
    return value;
  }

  Value OfField(const FieldType& field, const Table& table, const uint8_t* at) const {
    Value value;
    switch (field.kind) {
      case Kind::kScalar:
      case Kind::kStruct:
        value.bytes = Bytes(at, field.size);
        return value;
      case Kind::kString:
        value.bytes = ReadString(Follow(at));
        return value;
      case Kind::kElements: {
        const uint8_t* data = Follow(at) + 4;
        value.bytes = Bytes(data, size_t{ReadScalar<uint32_t>(data - 4)} * field.size);
        // FlatBufferBuilder does not align what is empty.
        const bool is_checked = checks_alignment_ && !value.bytes.empty();
        if (is_checked && reinterpret_cast<uintptr_t>(data) % field.align != 0) {
          throw std::runtime_error(field.name + ": its elements are not aligned");
        }
        return value;
      }
      case Kind::kTable:
        return OfTable(*field.table, TableAt(Follow(at)));
      case Kind::kUnion:
        return OfUnion(field, table.GetField<uint8_t>(EntryOf(field.id - 1), 0), Follow(at));
      case Kind::kNested:
      case Kind::kNestedBytes:
        value.items.push_back(OfTable(*field.table, TableAt(Follow(Follow(at) + 4))));
        return value;
      case Kind::kStrings:
      case Kind::kTables:
      case Kind::kUnions:
        break;
    }
    const uint8_t* types = table.GetAddressOf(EntryOf(field.id - 1));
    const bool has_types = field.kind == Kind::kUnions && types != nullptr;
    return OfElements(field, Follow(at), has_types ? Follow(types) : nullptr);
  }

  bool checks_alignment_;
};

// Comparing.

std::string DifferenceOfField(const FieldType& field, const Value* a, const Value* b);

std::string DifferenceOfMember(const FieldType& field, const Value& a, const Value& b) {
  if (a.type != b.type || a.items.size() != b.items.size()) return ": another member";
  if (a.items.empty()) return "";
  const MemberType& member = field.members[a.type - 1];
  if (member.kind == Kind::kTable) return Difference(*member.table, a.items[0], b.items[0]);
  return a.items[0].bytes == b.items[0].bytes ? "" : ": other bytes in the member";
}

std::string DifferenceOfField(const FieldType& field, const Value* a, const Value* b) {
  if (field.kind == Kind::kScalar && !field.is_optional) {
    const std::string& of_a = a != nullptr ? a->bytes : field.initial;
    const std::string& of_b = b != nullptr ? b->bytes : field.initial;
    return of_a == of_b ? "" : ": another value";
  }
  if (a == nullptr && b == nullptr) return "";
  if (a == nullptr || b == nullptr)
    return a == nullptr ? ": only in the second" : ": only in the first";
  if (field.kind == Kind::kTable) return Difference(*field.table, *a, *b);
  if (field.kind == Kind::kUnion) return DifferenceOfMember(field, *a, *b);
  if (field.kind == Kind::kNested) return Difference(*field.table, a->items[0], b->items[0]);
  if (a->bytes != b->bytes) return ": other bytes";
  if (a->items.size() != b->items.size()) return ": another length";
  for (size_t i = 0; i < a->items.size(); ++i) {
    std::string found;
    if (field.kind == Kind::kTables) {
      found = Difference(*field.table, a->items[i], b->items[i]);
    } else if (field.kind == Kind::kUnions) {
      found = DifferenceOfMember(field, a->items[i], b->items[i]);
    } else if (a->items[i].bytes != b->items[i].bytes) {
      found = ": other bytes";
    }
    if (!found.empty()) return "[" + std::to_string(i) + "]" + found;
  }
  return "";
}

// Building.

uoffset_t BuildBytes(const std::string& bytes, size_t size, size_t align,
                     FlatBufferBuilder& builder) {
  const size_t count = bytes.size() / size;
  builder.ForceVectorAlignment(count, size, align);
  builder.StartVector(count * size, 1);
  builder.PushBytes(Data(bytes), bytes.size());
  return builder.EndVector(count);
}

uoffset_t BuildMember(const FieldType& field, const Value& value, FlatBufferBuilder& builder,
                      Source& source) {
  const MemberType& member = field.members[value.type - 1];
  const Value& held = value.items[0];
  if (member.kind == Kind::kTable) return Build(*member.table, held, builder, source);
  if (member.kind == Kind::kString) return builder.CreateString(held.bytes).o;
  builder.Align(member.struct_def->minalign);
  builder.PushBytes(Data(held.bytes), held.bytes.size());
  return builder.GetSize();
}

uoffset_t BuildNested(const FieldType& field, const Value& value, FlatBufferBuilder& builder,
                      Source& source) {
  if (!value.bytes.empty()) return BuildBytes(value.bytes, 1, 32, builder);
  FlatBufferBuilder nested;
  nested.Finish(Offset<Table>(Build(*field.table, value.items[0], nested, source)));
  return BuildBytes(Bytes(nested.GetBufferPointer(), nested.GetSize()), 1, 32, builder);
}

// What the offset of a field leads to.
uoffset_t BuildField(const FieldType& field, const Value& value, FlatBufferBuilder& builder,
                     Source& source) {
  std::vector<Offset<void>> offsets;
  switch (field.kind) {
    case Kind::kString:
      return builder.CreateString(value.bytes).o;
    case Kind::kElements:
      return BuildBytes(value.bytes, field.size, field.align, builder);
    case Kind::kTable:
      return Build(*field.table, value, builder, source);
    case Kind::kUnion:
      return BuildMember(field, value, builder, source);
    case Kind::kNested:
    case Kind::kNestedBytes:
      return BuildNested(field, value, builder, source);
    default:
      break;
  }
  for (const Value& item : value.items) {
    offsets.emplace_back(field.kind == Kind::kStrings  ? builder.CreateString(item.bytes).o
                         : field.kind == Kind::kTables ? Build(*field.table, item, builder, source)
                                                       : BuildMember(field, item, builder, source));
  }
  return builder.CreateVector(offsets).o;
}

template <typename T>
bool Less(const std::string& a, const std::string& b) {
  return ReadScalar<T>(a.data()) < ReadScalar<T>(b.data());
}

}  // namespace

Value BlankMember(const MemberType& member) {
  if (member.kind == Kind::kTable) return Blank(*member.table);
  Value value;
  if (member.kind == Kind::kStruct) value.bytes.resize(member.struct_def->bytesize);
  return value;
}

Value BlankField(const FieldType& field) {
  Value value;
  if (field.kind == Kind::kStruct) value.bytes.resize(field.size);
  if (field.kind == Kind::kTable) return Blank(*field.table);
  if (field.kind == Kind::kNested) value.items.push_back(Blank(*field.table));
  if (field.kind == Kind::kUnion) {
    value.type = 1;
    value.items.push_back(BlankMember(field.members[0]));
  }
  return value;
}

Value Blank(const TableType& table) {
  Value value;
  for (const FieldType& field : table.fields) {
    if (field.is_required) value.fields[field.id] = BlankField(field);
  }
  return value;
}

Value Read(const TableType& type, const Table& table, bool checks_alignment) {
  return Reader(checks_alignment).OfTable(type, table);
}

std::string Difference(const TableType& type, const Value& a, const Value& b) {
  const auto find = [](const Value& value, uint16_t id) {
    const auto it = value.fields.find(id);
    return it == value.fields.end() ? nullptr : &it->second;
  };
  for (const FieldType& field : type.fields) {
    const std::string found = DifferenceOfField(field, find(a, field.id), find(b, field.id));
    if (!found.empty()) return "." + field.name + found;
  }
  return "";
}

uoffset_t Build(const TableType& type, const Value& value, FlatBufferBuilder& builder,
                Source& source) {
  std::map<uint16_t, uoffset_t> offsets;
  for (const FieldType& field : type.fields) {
    const auto it = value.fields.find(field.id);
    if (it == value.fields.end() || field.kind == Kind::kScalar || field.kind == Kind::kStruct) {
      continue;
    }
    if (field.kind == Kind::kUnions) {
      std::string types;
      for (const Value& item : it->second.items) types.push_back(static_cast<char>(item.type));
      offsets[field.id - 1] = BuildBytes(types, 1, 1, builder);
    }
    offsets[field.id] = BuildField(field, it->second, builder, source);
  }
  const uoffset_t start = builder.StartTable();
  for (const FieldType& field : type.fields) {
    const auto it = value.fields.find(field.id);
    if (it == value.fields.end()) continue;
    const std::string& bytes = it->second.bytes;
    if (field.kind == Kind::kScalar || field.kind == Kind::kStruct) {
      if (field.kind == Kind::kScalar && !field.is_optional && bytes == field.initial &&
          source.OneIn(2)) {
        continue;
      }
      builder.Align(field.align);
      builder.PushBytes(Data(bytes), bytes.size());
      builder.TrackField(EntryOf(field.id), builder.GetSize());
      continue;
    }
    if (field.kind == Kind::kUnion) {
      builder.AddElement<uint8_t>(EntryOf(field.id - 1), it->second.type, 0);
    }
    if (field.kind == Kind::kUnions) {
      builder.AddOffset(EntryOf(field.id - 1), Offset<void>(offsets[field.id - 1]));
    }
    builder.AddOffset(EntryOf(field.id), Offset<void>(offsets[field.id]));
  }
  return builder.EndTable(start);
}

bool KeyLess(flatbuffers::BaseType base, const std::string& a, const std::string& b) {
  switch (base) {
    case flatbuffers::BASE_TYPE_CHAR:
      return Less<int8_t>(a, b);
    case flatbuffers::BASE_TYPE_UCHAR:
      return Less<uint8_t>(a, b);
    case flatbuffers::BASE_TYPE_SHORT:
      return Less<int16_t>(a, b);
    case flatbuffers::BASE_TYPE_USHORT:
      return Less<uint16_t>(a, b);
    case flatbuffers::BASE_TYPE_INT:
      return Less<int32_t>(a, b);
    case flatbuffers::BASE_TYPE_UINT:
      return Less<uint32_t>(a, b);
    case flatbuffers::BASE_TYPE_LONG:
      return Less<int64_t>(a, b);
    case flatbuffers::BASE_TYPE_ULONG:
      return Less<uint64_t>(a, b);
    case flatbuffers::BASE_TYPE_FLOAT:
      return Less<float>(a, b);
    case flatbuffers::BASE_TYPE_DOUBLE:
      return Less<double>(a, b);
    default:
      return a < b;
  }
}

}  // namespace property
