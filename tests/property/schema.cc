#include "schema.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "flatbuffers/util.h"

namespace property {
namespace {

using flatbuffers::BaseType;

flatbuffers::IDLOptions Options() {
  flatbuffers::IDLOptions options;
  options.lang_to_generate = flatbuffers::IDLOptions::kCpp;  // Has unions of more than tables.
  options.output_default_scalars_in_json = true;
  options.allow_non_utf8 = true;
  options.strict_json = true;
  options.indent_step = -1;
  return options;
}

template <typename T>
std::string Bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string Initial(const flatbuffers::FieldDef& def) {
  const char* text = def.value.constant.c_str();
  const BaseType base = def.value.type.base_type;
  if (def.IsScalarOptional()) return std::string(flatbuffers::SizeOf(base), '\0');
  if (base == flatbuffers::BASE_TYPE_FLOAT) return Bytes(std::strtof(text, nullptr));
  if (base == flatbuffers::BASE_TYPE_DOUBLE) return Bytes(std::strtod(text, nullptr));
  if (base == flatbuffers::BASE_TYPE_ULONG) return Bytes(std::strtoull(text, nullptr, 10));
  return Bytes(std::strtoll(text, nullptr, 10)).substr(0, flatbuffers::SizeOf(base));
}

Kind KindOf(const flatbuffers::FieldDef& def) {
  const flatbuffers::Type& type = def.value.type;
  const bool is_vector = type.base_type == flatbuffers::BASE_TYPE_VECTOR;
  if (def.nested_flatbuffer != nullptr) return Kind::kNested;
  switch (is_vector ? type.element : type.base_type) {
    case flatbuffers::BASE_TYPE_STRING:
      return is_vector ? Kind::kStrings : Kind::kString;
    case flatbuffers::BASE_TYPE_UNION:
      return is_vector ? Kind::kUnions : Kind::kUnion;
    case flatbuffers::BASE_TYPE_STRUCT:
      if (type.struct_def->fixed) return is_vector ? Kind::kElements : Kind::kStruct;
      return is_vector ? Kind::kTables : Kind::kTable;
    default:
      return is_vector ? Kind::kElements : Kind::kScalar;
  }
}

std::string FullName(const flatbuffers::StructDef& def) {
  return def.defined_namespace->GetFullyQualifiedName(def.name);
}

bool IsUnionType(const flatbuffers::FieldDef& def) {
  const flatbuffers::Type& type = def.value.type;
  return type.base_type == flatbuffers::BASE_TYPE_UTYPE ||
         type.element == flatbuffers::BASE_TYPE_UTYPE;
}

}  // namespace

const FieldType& TableType::field(uint16_t id) const {
  const auto it = std::find_if(fields.begin(), fields.end(),
                               [id](const FieldType& field) { return field.id == id; });
  if (it == fields.end()) throw std::runtime_error(name + " has no field " + std::to_string(id));
  return *it;
}

Schema::Schema(const std::string& folder, const std::string& name, const std::string& idl)
    : parser_(Options()) {
  const std::string path = folder + "/" + name;
  const char* folders[] = {folder.c_str(), idl.c_str(), nullptr};
  std::string text;
  if (!flatbuffers::LoadFile(path.c_str(), false, &text) ||
      !parser_.Parse(text.c_str(), folders, path.c_str())) {
    throw std::runtime_error("cannot read " + path + ": " + parser_.error_);
  }
}

const TableType& Schema::table(const std::string& name) {
  std::unique_ptr<TableType>& known = tables_[name];
  if (known != nullptr) return *known;
  known = std::make_unique<TableType>();
  TableType& made = *known;
  const flatbuffers::StructDef* def = parser_.LookupStruct(name);
  if (def == nullptr) throw std::runtime_error("there is no table " + name);
  made.name = name;
  for (const flatbuffers::FieldDef* field : def->fields.vec) {
    if (!field->deprecated && !IsUnionType(*field)) made.fields.push_back(Describe(*field));
  }
  for (const FieldType& field : made.fields) {
    if (field.is_key) made.key = &field;
  }
  return made;
}

FieldType Schema::Describe(const flatbuffers::FieldDef& def) {
  FieldType field;
  const flatbuffers::Type& type = def.value.type;
  field.name = def.name;
  field.id = static_cast<uint16_t>((def.value.offset - 4) / 2);
  field.kind = KindOf(def);
  field.is_required = def.IsRequired();
  field.is_key = def.key;
  switch (field.kind) {
    case Kind::kScalar:
    case Kind::kStruct:
    case Kind::kElements: {
      const bool is_vector = field.kind == Kind::kElements;
      const flatbuffers::Type leaf = is_vector ? type.VectorType() : type;
      field.base = leaf.base_type;
      field.struct_def = leaf.struct_def;
      field.size = static_cast<uint32_t>(flatbuffers::InlineSize(leaf));
      field.align = static_cast<uint32_t>(flatbuffers::InlineAlignment(leaf));
      if (field.kind == Kind::kScalar) {
        field.is_optional = def.IsScalarOptional();
        field.initial = Initial(def);
      }
      const auto* forced = def.attributes.Lookup("force_align");
      if (forced != nullptr) {
        field.align = std::max(field.align, static_cast<uint32_t>(std::stoul(forced->constant)));
      }
      break;
    }
    case Kind::kTable:
    case Kind::kTables:
      field.table = &table(FullName(*type.struct_def));
      break;
    case Kind::kNested:
      field.table = &table(FullName(*def.nested_flatbuffer));
      break;
    case Kind::kUnion:
    case Kind::kUnions:
      for (const flatbuffers::EnumVal* value : type.enum_def->Vals()) {
        const flatbuffers::Type& held = value->union_type;
        if (held.base_type == flatbuffers::BASE_TYPE_NONE) continue;
        if (held.base_type == flatbuffers::BASE_TYPE_STRING) {
          field.members.push_back({value->name, Kind::kString});
        } else if (held.struct_def->fixed) {
          field.members.push_back({value->name, Kind::kStruct, nullptr, held.struct_def});
        } else {
          field.members.push_back({value->name, Kind::kTable, &table(FullName(*held.struct_def))});
        }
      }
      break;
    default:
      break;
  }
  return field;
}

std::string Schema::Json(const std::string& table, const uint8_t* message) {
  std::string text;
  if (!parser_.SetRootType(table.c_str()) || !flatbuffers::GenerateText(parser_, message, &text)) {
    throw std::runtime_error("no JSON of a " + table);
  }
  return text;
}

}  // namespace property
