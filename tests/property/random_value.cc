#include "random_value.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace property {
namespace {

template <typename T>
std::string Real(bool is_key, Source& source) {
  constexpr T kValues[] = {T{0},
                           T{1},
                           T{-2.5},
                           T{0.1f},
                           std::numeric_limits<T>::max(),
                           std::numeric_limits<T>::denorm_min(),
                           std::numeric_limits<T>::infinity(),
                           -std::numeric_limits<T>::infinity(),
                           T(-0.0),
                           std::numeric_limits<T>::quiet_NaN()};
  // Zeros of two signs are equal, yet differ; what is no number has no order at all.
  const T value = kValues[source.Below(is_key ? 8 : std::size(kValues))];
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Makes the contents of one table after the other, and remembers the way to where it is.
class Maker {
 public:
  Maker(Source& source, Excess* excess) : source_(source), excess_(excess) {}

  Value Table(const TableInfo& info, const TableType& type, const std::string& path) {
    Value value;
    for (const FieldInfo& field : info.fields) {
      const FieldType& of = type.field(field.id);
      if (!of.is_required && source_.OneIn(3)) continue;
      Value made = Field(field, of, path + of.name);
      if (field.kind != Kind::kNestedBytes || !made.items.empty()) {
        value.fields[of.id] = std::move(made);
      }
    }
    return value;
  }

 private:
  // A length within the bound; past it where the excess is to be.
  size_t Length(size_t capacity, const std::string& path) {
    if (excess_ != nullptr && excess_->path.empty() && source_.OneIn(4)) {
      *excess_ = {path, capacity + 1 + source_.Below(3), capacity};
      return excess_->length;
    }
    return RandomLength(capacity, source_);
  }

  Value Member(const MemberInfo& info, const MemberType& type, const std::string& path) {
    if (type.kind == Kind::kTable) return Table(*info.table, *type.table, path + ".");
    Value value;
    value.bytes = type.kind == Kind::kStruct
                      ? RandomStruct(*type.struct_def, source_)
                      : RandomText(Length(info.capacity, path), false, source_);
    return value;
  }

  Value Union(const FieldInfo& field, const FieldType& type, const std::string& path) {
    Value value;
    const uint32_t i = source_.Below(static_cast<uint32_t>(type.members.size()));
    value.type = static_cast<uint8_t>(i + 1);
    value.items.push_back(
        Member(field.members[i], type.members[i], path + "." + type.members[i].name));
    return value;
  }

  Value Field(const FieldInfo& field, const FieldType& type, const std::string& path) {
    Value value;
    switch (field.kind) {
      case Kind::kScalar:
        value.bytes = RandomScalar(type.base, type.is_key, source_);
        return value;
      case Kind::kStruct:
        value.bytes = RandomStruct(*type.struct_def, source_);
        return value;
      case Kind::kString:
        value.bytes = RandomText(Length(field.capacity, path), type.is_key, source_);
        return value;
      case Kind::kElements:
        value.bytes = RandomElements(type, Length(field.capacity, path), source_);
        return value;
      case Kind::kTable:
        return Table(*field.table, *type.table, path + ".");
      case Kind::kUnion:
        return Union(field, type, path);
      case Kind::kNested:
        value.items.push_back(Table(*field.table, *type.table, path + "."));
        return value;
      case Kind::kNestedBytes:
        return Nested(field, type);
      case Kind::kStrings:
      case Kind::kTables:
      case Kind::kUnions:
        break;
    }
    const size_t length = Length(field.capacity, path);
    for (size_t i = 0; i < length; ++i) {
      const std::string at = path + "[" + std::to_string(i) + "]";
      if (field.kind == Kind::kStrings) {
        const size_t characters = Length(field.string_capacity, at);
        value.items.emplace_back().bytes = RandomText(characters, false, source_);
      } else if (field.kind == Kind::kTables) {
        value.items.push_back(Table(*field.table, *type.table, at + "."));
      } else {
        value.items.push_back(Union(field, type, at));
      }
    }
    return value;
  }

  // A message of its own, of which no part is too long; a blank one if it does not fit; none if
  // that does not, either.
  Value Nested(const FieldInfo& field, const FieldType& type) {
    Value value;
    for (const bool is_blank : {false, true}) {
      value.items = {is_blank ? Blank(*type.table)
                              : Maker(source_, nullptr).Table(*field.table, *type.table, "")};
      flatbuffers::FlatBufferBuilder builder;
      builder.Finish(flatbuffers::Offset<flatbuffers::Table>(
          Build(*type.table, value.items[0], builder, source_)));
      value.bytes.assign(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                         builder.GetSize());
      if (value.bytes.size() <= field.capacity) return value;
    }
    return {};
  }

  Source& source_;
  Excess* excess_;
};

}  // namespace

std::string RandomScalar(flatbuffers::BaseType base, bool is_key, Source& source) {
  if (base == flatbuffers::BASE_TYPE_FLOAT) return Real<float>(is_key, source);
  if (base == flatbuffers::BASE_TYPE_DOUBLE) return Real<double>(is_key, source);
  const size_t size = flatbuffers::SizeOf(base);
  if (base == flatbuffers::BASE_TYPE_BOOL)
    return std::string(1, static_cast<char>(source.Below(2)));
  std::string bytes(size, '\0');
  switch (source.Below(4)) {
    case 0:
      bytes[0] = static_cast<char>(source.Below(4));
      break;
    case 1:
      bytes.assign(size, '\xff');
      break;
    case 2:
      bytes[size - 1] = static_cast<char>(0x80 - source.Below(2));
      break;
    default:
      source.Fill(reinterpret_cast<uint8_t*>(bytes.data()), size);
  }
  return bytes;
}

std::string RandomStruct(const flatbuffers::StructDef& def, Source& source) {
  std::string bytes(def.bytesize, '\0');
  for (const flatbuffers::FieldDef* field : def.fields.vec) {
    const flatbuffers::Type& type = field->value.type;
    const bool is_array = type.base_type == flatbuffers::BASE_TYPE_ARRAY;
    const flatbuffers::Type leaf = is_array ? type.VectorType() : type;
    const size_t count = is_array ? type.fixed_length : 1;
    for (size_t i = 0; i < count; ++i) {
      const std::string part = leaf.base_type == flatbuffers::BASE_TYPE_STRUCT
                                   ? RandomStruct(*leaf.struct_def, source)
                                   : RandomScalar(leaf.base_type, field->key, source);
      bytes.replace(field->value.offset + i * part.size(), part.size(), part);
    }
  }
  return bytes;
}

std::string RandomText(size_t length, bool is_key, Source& source) {
  constexpr std::string_view kCharacters = "abcxyzABC019 _/\"\\\n\x7f\xc3\xa4";
  std::string text;
  for (size_t i = 0; i < length; ++i) {
    const uint32_t drawn = source.Below(static_cast<uint32_t>(kCharacters.size()) + 1);
    const bool is_zero = drawn == kCharacters.size() && !is_key;
    text.push_back(is_zero ? '\0' : kCharacters[drawn % kCharacters.size()]);
  }
  return text;
}

std::string RandomElements(const FieldType& field, size_t count, Source& source) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) {
    bytes += field.struct_def != nullptr ? RandomStruct(*field.struct_def, source)
                                         : RandomScalar(field.base, false, source);
  }
  return bytes;
}

size_t RandomLength(size_t capacity, Source& source) {
  switch (source.Below(4)) {
    case 0:
      return 0;
    case 1:
      return capacity;
    default:
      return source.Below(static_cast<uint32_t>(capacity) + 1);
  }
}

Value RandomTable(const TableInfo& info, const TableType& type, Source& source, Excess* excess) {
  return Maker(source, excess).Table(info, type, "");
}

}  // namespace property
