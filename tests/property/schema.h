// A schema as FlatBuffers' own parser understands it.
#ifndef HOLLER_TESTS_PROPERTY_SCHEMA_H_
#define HOLLER_TESTS_PROPERTY_SCHEMA_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "flatbuffers/idl.h"
#include "program.h"

namespace property {

struct TableType;

// What a union may hold.
struct MemberType {
  std::string name;
  Kind kind;  // kTable, kStruct or kString.
  const TableType* table = nullptr;
  const flatbuffers::StructDef* struct_def = nullptr;
};

// A field that is not deprecated. The types of unions go with the unions.
struct FieldType {
  std::string name;
  uint16_t id = 0;
  Kind kind = Kind::kScalar;
  flatbuffers::BaseType base = flatbuffers::BASE_TYPE_NONE;  // Of a scalar or an element.
  const flatbuffers::StructDef* struct_def = nullptr;        // Likewise.
  uint32_t size = 0;                                         // Likewise.
  uint32_t align = 0;                                        // Likewise; more if it is forced.
  bool is_optional = false;                                  // Of a scalar.
  bool is_required = false;
  bool is_key = false;
  std::string initial;  // The bytes of a scalar's default.
  const TableType* table = nullptr;
  std::vector<MemberType> members;  // By their types, from 1.
};

struct TableType {
  std::string name;
  std::vector<FieldType> fields;
  const FieldType* key = nullptr;

  const FieldType& field(uint16_t id) const;
};

// Thread safety: thread-compatible.
class Schema {
 public:
  // Reads the file `name` in `folder`, and what it includes from there or from `idl`. Throws
  // std::runtime_error if it is none.
  Schema(const std::string& folder, const std::string& name, const std::string& idl);

  const TableType& table(const std::string& name);

  // The text of a message whose root is a `table`.
  std::string Json(const std::string& table, const uint8_t* message);

 private:
  FieldType Describe(const flatbuffers::FieldDef& def);

  flatbuffers::Parser parser_;
  std::map<std::string, std::unique_ptr<TableType>> tables_;
};

}  // namespace property

#endif  // HOLLER_TESTS_PROPERTY_SCHEMA_H_
