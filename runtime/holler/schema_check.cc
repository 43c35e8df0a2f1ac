#include "holler/schema_check.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "flatbuffers/reflection_generated.h"
#include "holler/layout.h"

namespace holler {
namespace {

using reflection::BaseType;
using reflection::Enum;
using reflection::EnumVal;
using reflection::Field;
using reflection::Object;
using reflection::Schema;
using reflection::Type;

std::string Name(const flatbuffers::String* name) { return name == nullptr ? "" : name->str(); }

// a.b of a.b.Imu.
std::string NamespaceOf(const std::string& full_name) {
  const size_t dot = full_name.rfind('.');
  return dot == std::string::npos ? "" : full_name.substr(0, dot);
}

// A type that a field's attribute names.
struct NestedName {
  std::string name;      // Empty for none.
  bool is_full = false;  // Else as its schema spells it, within a namespace.
};

// As flatc writes it, or the generator in the schema of a segment.
NestedName NestedNameOf(const Field* field) {
  if (field->attributes() == nullptr) return {};
  for (const reflection::KeyValue* attribute : *field->attributes()) {
    const std::string key = Name(attribute->key());
    if (key == "nested_flatbuffer") return {Name(attribute->value()), false};
    if (key == "nested_flatbuffer_full_name") return {Name(attribute->value()), true};
  }
  return {};
}

// One verified schema. Looks up by index and name with every index bounded: the verifier checks
// offsets, not the meaning of integers.
class Types {
 public:
  // False: `bytes` is no schema.
  bool Load(std::string_view bytes) {
    if (bytes.empty() || bytes.size() > kMaxSchemaBytes) return false;
    flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
                                   /*_max_depth=*/16, /*_max_tables=*/200'000);
    if (!reflection::VerifySchemaBuffer(verifier)) return false;
    schema_ = reflection::GetSchema(bytes.data());
    for (const Object* object : *schema_->objects()) {
      objects_.emplace(Name(object->name()), object);
      for (const Field* field : *object->fields()) {
        if (!IsReadable(field->type())) return false;
      }
    }
    for (const Enum* e : *schema_->enums()) {
      for (const EnumVal* value : *e->values()) {
        if (value->union_type() != nullptr && !IsReadable(value->union_type())) return false;
      }
    }
    return true;
  }

  const Object* Find(const std::string& name) const {
    const auto it = objects_.find(name);
    return it == objects_.end() ? nullptr : it->second;
  }
  // A name within a namespace is looked up there, then outward, as flatc does.
  const Object* Find(const NestedName& nested, std::string name_space) const {
    while (!nested.is_full && !name_space.empty()) {
      const Object* object = Find(absl::StrCat(name_space, ".", nested.name));
      if (object != nullptr) return object;
      name_space = NamespaceOf(name_space);
    }
    return Find(nested.name);
  }
  const Object* ObjectOf(const Type* type) const { return At(schema_->objects(), type->index()); }
  const Enum* EnumOf(const Type* type) const { return At(schema_->enums(), type->index()); }

 private:
  // The verifier lets any byte pass for a BaseType, but C++ does not: without an underlying type of
  // its own, an enumeration holds no more bits than its largest value needs ([dcl.enum]).
  static bool IsReadable(const Type* type) {
    static_assert(reflection::MaxBaseType >= 16 && reflection::MaxBaseType < 32);
    const auto* table = reinterpret_cast<const flatbuffers::Table*>(type);
    return table->GetField<uint8_t>(Type::VT_BASE_TYPE, 0) < 32 &&
           table->GetField<uint8_t>(Type::VT_ELEMENT, 0) < 32;
  }

  template <typename Vector>
  static auto At(const Vector* items, int32_t index) -> decltype(items->Get(0)) {
    if (index < 0 || static_cast<uint32_t>(index) >= items->size()) return nullptr;
    return items->Get(static_cast<uint32_t>(index));
  }

  const Schema* schema_ = nullptr;
  std::map<std::string, const Object*> objects_;
};

bool IsInteger(BaseType type) { return type >= reflection::UType && type <= reflection::ULong; }
bool IsScalar(BaseType type) { return type >= reflection::UType && type <= reflection::Double; }

// The element that decides what an index refers to.
BaseType Leaf(const Type* type) {
  const bool list =
      type->base_type() == reflection::Vector || type->base_type() == reflection::Array;
  return list ? type->element() : type->base_type();
}

std::string Describe(const Types& types, const Type* type) {
  std::string leaf;
  const BaseType base = Leaf(type);
  if (base == reflection::Obj) {
    const Object* object = types.ObjectOf(type);
    leaf = object == nullptr ? "?" : Name(object->name());
  } else if (type->index() >= 0 && (IsInteger(base) || base == reflection::Union)) {
    const Enum* e = types.EnumOf(type);
    leaf = e == nullptr ? "?" : Name(e->name());
  } else {
    // As flatc names them.
    static constexpr const char* kNames[] = {"none",  "utype",  "bool",   "byte",  "ubyte",
                                             "short", "ushort", "int",    "uint",  "long",
                                             "ulong", "float",  "double", "string"};
    leaf = base >= 0 && base <= reflection::String ? kNames[base] : "?";
  }
  if (type->base_type() == reflection::Vector) return absl::StrCat("[", leaf, "]");
  if (type->base_type() == reflection::Array) {
    return absl::StrCat("[", leaf, ":", type->fixed_length(), "]");
  }
  return leaf;
}

// What would have been safe, by the kind of type that differs.
constexpr char kStructRemedy[] = "a struct cannot change once it is deployed, a table can";
constexpr char kTableRemedy[] =
    "safe changes of a table: add fields at its end, mark fields (deprecated) instead of removing "
    "them";
constexpr char kEnumRemedy[] = "safe changes of an enum or union: add values at its end";
constexpr char kSameTypeRemedy[] =
    "build both sides from one schema, or name the topics differently";

// Compares two types and all they reach, each pair once.
class Comparison {
 public:
  Comparison(const Types& publisher, const Types& subscriber)
      : publisher_(publisher), subscriber_(subscriber) {}

  absl::Status CompareObjects(const Object* written, const Object* read) {
    const std::string name = Name(written->name());
    if (name != Name(read->name())) {
      return Differs(name, "", name, Name(read->name()), kSameTypeRemedy);
    }
    if (!visited_.insert(name).second) return absl::OkStatus();
    if (++depth_ > kMaxNesting) {
      return absl::InvalidArgumentError(
          absl::StrCat("types nest more than ", kMaxNesting, " deep at ", name));
    }
    absl::Status status = CompareMembers(name, written, read);
    --depth_;
    return status;
  }

 private:
  // A peer's schema must not exhaust the stack.
  static constexpr int kMaxNesting = 200;

  absl::Status CompareMembers(const std::string& name, const Object* written, const Object* read) {
    if (written->is_struct() != read->is_struct()) {
      return Differs(name, "", written->is_struct() ? "a struct" : "a table",
                     read->is_struct() ? "a struct" : "a table", kSameTypeRemedy);
    }
    return written->is_struct() ? CompareStructs(name, written, read)
                                : CompareTables(name, written, read);
  }

  using FieldsById = std::map<uint16_t, const Field*>;

  static FieldsById ById(const Object* object) {
    FieldsById fields;
    for (const Field* field : *object->fields()) fields.emplace(field->id(), field);
    return fields;
  }

  static absl::Status Differs(const std::string& type, const std::string& field,
                              const std::string& written, const std::string& read,
                              const char* remedy) {
    return absl::InvalidArgumentError(absl::StrCat(type, field.empty() ? "" : ".", field, ": ",
                                                   written, " at the publisher, ", read,
                                                   " at the subscriber; ", remedy));
  }

  // Structs have no vtable: every byte must mean the same.
  absl::Status CompareStructs(const std::string& name, const Object* written, const Object* read) {
    const FieldsById ours = ById(read);
    const FieldsById theirs = ById(written);
    for (const auto& [id, field] : theirs) {
      const auto it = ours.find(id);
      if (it == ours.end())
        return Differs(name, Name(field->name()), "present", "absent", kStructRemedy);
      const Field* mine = it->second;
      if (Name(field->name()) != Name(mine->name())) {
        return Differs(name, Name(field->name()), absl::StrCat("'", Name(field->name()), "'"),
                       absl::StrCat("'", Name(mine->name()), "' in its place"), kStructRemedy);
      }
      if (absl::Status s = CompareTypes(name, field, mine, kStructRemedy); !s.ok()) return s;
      if (field->offset() != mine->offset()) {
        return Differs(name, Name(field->name()), absl::StrCat("at byte ", field->offset()),
                       absl::StrCat("at byte ", mine->offset()), kStructRemedy);
      }
    }
    for (const auto& [id, field] : ours) {
      if (!theirs.contains(id))
        return Differs(name, Name(field->name()), "absent", "present", kStructRemedy);
    }
    if (written->bytesize() != read->bytesize() || written->minalign() != read->minalign()) {
      return Differs(
          name, "", absl::StrCat(written->bytesize(), " bytes aligned to ", written->minalign()),
          absl::StrCat(read->bytesize(), " bytes aligned to ", read->minalign()), kStructRemedy);
    }
    return absl::OkStatus();
  }

  absl::Status CompareTables(const std::string& name, const Object* written, const Object* read) {
    const FieldsById theirs = ById(written);
    std::map<std::string, const Field*> theirs_by_name;
    for (const auto& [id, field] : theirs) theirs_by_name.emplace(Name(field->name()), field);

    for (const auto& [id, mine] : ById(read)) {
      const std::string field_name = Name(mine->name());
      // A field that moved would be read where another one is.
      const auto named = theirs_by_name.find(field_name);
      if (named != theirs_by_name.end() && named->second->id() != id) {
        return Differs(name, field_name, absl::StrCat("field id ", named->second->id()),
                       absl::StrCat("field id ", id), kTableRemedy);
      }
      const auto it = theirs.find(id);
      if (it == theirs.end()) {
        if (mine->required()) return Differs(name, field_name, "absent", "required", kTableRemedy);
        continue;
      }
      // Deprecated here: there is no accessor that could misread it.
      if (mine->deprecated()) continue;
      const Field* field = it->second;
      if (absl::Status s = CompareTypes(name, field, mine, kTableRemedy); !s.ok()) return s;
      if (mine->required() && (!field->required() || field->deprecated())) {
        return Differs(name, field_name, "may be absent", "required", kTableRemedy);
      }
      // Strings and the like are called optional when they are not required: no difference to read.
      if (IsScalar(mine->type()->base_type()) && mine->optional() != field->optional()) {
        return Differs(name, field_name, field->optional() ? "optional" : "with a default",
                       mine->optional() ? "optional" : "with a default", kTableRemedy);
      }
      if (IsScalar(mine->type()->base_type()) &&
          (mine->default_integer() != field->default_integer() ||
           !SameReal(mine->default_real(), field->default_real()))) {
        return Differs(name, field_name, absl::StrCat("default ", DefaultOf(field)),
                       absl::StrCat("default ", DefaultOf(mine)), kTableRemedy);
      }
    }
    return absl::OkStatus();
  }

  static bool SameReal(double a, double b) { return a == b || (a != a && b != b); }
  static std::string DefaultOf(const Field* field) {
    return IsInteger(field->type()->base_type()) ? absl::StrCat(field->default_integer())
                                                 : absl::StrCat(field->default_real());
  }

  absl::Status CompareTypes(const std::string& owner, const Field* written, const Field* read,
                            const char* remedy) {
    const Type* a = written->type();
    const Type* b = read->type();
    const auto differs = [&] {
      return Differs(owner, Name(read->name()), Describe(publisher_, a), Describe(subscriber_, b),
                     remedy);
    };
    if (a->base_type() != b->base_type() || a->element() != b->element() ||
        a->fixed_length() != b->fixed_length()) {
      return differs();
    }
    const NestedName nested = NestedNameOf(read);
    if (!nested.name.empty()) return CompareNested(owner, written, read, nested);
    const BaseType leaf = Leaf(b);
    if (leaf == reflection::Obj) {
      const Object* theirs = publisher_.ObjectOf(a);
      const Object* ours = subscriber_.ObjectOf(b);
      if (theirs == nullptr || ours == nullptr || Name(theirs->name()) != Name(ours->name())) {
        return differs();
      }
      return CompareObjects(theirs, ours);
    }
    const bool enum_like = IsInteger(leaf) || leaf == reflection::Union;
    if (!enum_like || (a->index() < 0 && b->index() < 0)) return absl::OkStatus();
    const Enum* theirs = publisher_.EnumOf(a);
    const Enum* ours = subscriber_.EnumOf(b);
    if (theirs == nullptr || ours == nullptr || Name(theirs->name()) != Name(ours->name())) {
      return differs();
    }
    return CompareEnums(theirs, ours);
  }

  // Bytes that the reader takes for a message. To one that takes them for bytes, nothing matters.
  absl::Status CompareNested(const std::string& owner, const Field* written, const Field* read,
                             const NestedName& read_as) {
    const NestedName written_as = NestedNameOf(written);
    const Object* theirs = publisher_.Find(written_as, NamespaceOf(owner));
    const Object* ours = subscriber_.Find(read_as, NamespaceOf(owner));
    if (theirs == nullptr || ours == nullptr || Name(theirs->name()) != Name(ours->name())) {
      return Differs(owner, Name(read->name()), DescribeNested(theirs, written_as.name),
                     DescribeNested(ours, read_as.name), kTableRemedy);
    }
    return CompareObjects(theirs, ours);
  }

  static std::string DescribeNested(const Object* object, const std::string& name) {
    if (name.empty()) return "[ubyte]";
    return absl::StrCat("[ubyte] that nests ", object == nullptr ? name : Name(object->name()));
  }

  // A value may be new on either side; one that both have must mean the same.
  absl::Status CompareEnums(const Enum* written, const Enum* read) {
    const std::string name = Name(read->name());
    if (!visited_.insert(absl::StrCat("enum ", name)).second) return absl::OkStatus();
    std::map<std::string, const EnumVal*> theirs;
    std::map<int64_t, const EnumVal*> theirs_by_value;
    for (const EnumVal* value : *written->values()) {
      theirs.emplace(Name(value->name()), value);
      theirs_by_value.emplace(value->value(), value);
    }
    for (const EnumVal* mine : *read->values()) {
      const auto it = theirs.find(Name(mine->name()));
      if (it != theirs.end() && it->second->value() != mine->value()) {
        return Differs(name, Name(mine->name()), absl::StrCat(it->second->value()),
                       absl::StrCat(mine->value()), kEnumRemedy);
      }
      if (!read->is_union() || mine->union_type() == nullptr) continue;
      const auto same = theirs_by_value.find(mine->value());
      if (same == theirs_by_value.end()) continue;
      const Type* a = same->second->union_type();
      const Type* b = mine->union_type();
      if (a == nullptr || a->base_type() != b->base_type()) {
        return Differs(name, Name(mine->name()), "another type", Describe(subscriber_, b),
                       kEnumRemedy);
      }
      if (b->base_type() != reflection::Obj) continue;
      const Object* theirs_member = publisher_.ObjectOf(a);
      const Object* ours_member = subscriber_.ObjectOf(b);
      if (theirs_member == nullptr || ours_member == nullptr) {
        return Differs(name, Name(mine->name()), Describe(publisher_, a), Describe(subscriber_, b),
                       kEnumRemedy);
      }
      if (absl::Status s = CompareObjects(theirs_member, ours_member); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  const Types& publisher_;
  const Types& subscriber_;
  std::set<std::string> visited_;
  int depth_ = 0;
};

}  // namespace

absl::Status CheckReadable(const TypeRef& publisher, const TypeRef& subscriber) {
  Types theirs;
  Types ours;
  if (!theirs.Load(publisher.schema)) {
    return absl::InvalidArgumentError("the publisher's schema is malformed");
  }
  if (!ours.Load(subscriber.schema)) {
    return absl::InvalidArgumentError("the subscriber's schema is malformed");
  }
  const Object* written = theirs.Find(std::string(publisher.type_name));
  const Object* read = ours.Find(std::string(subscriber.type_name));
  if (written == nullptr || read == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the ", written == nullptr ? "publisher" : "subscriber", "'s schema has no type ",
        std::string(written == nullptr ? publisher.type_name : subscriber.type_name)));
  }
  return Comparison(theirs, ours).CompareObjects(written, read);
}

}  // namespace holler
