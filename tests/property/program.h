// What the made sources say of the topics whose writers they call.
#ifndef HOLLER_TESTS_PROPERTY_PROGRAM_H_
#define HOLLER_TESTS_PROPERTY_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "flatbuffers/flatbuffers.h"
#include "holler/table_copy.h"
#include "holler/table_pack.h"

namespace property {

struct Call;
struct TableInfo;

enum class Kind : uint8_t {
  kScalar,
  kStruct,
  kString,
  kElements,  // A vector of scalars or structs.
  kStrings,
  kTable,
  kTables,
  kUnion,
  kUnions,
  kNested,
  kNestedBytes,  // A nested message that is set as a whole.
};

// What a union may hold; its type is its place in the list, from 1.
struct MemberInfo {
  Kind kind;
  uint32_t capacity;  // Of a string.
  const TableInfo* table;
};

struct FieldInfo {
  int index;  // In Code().
  uint16_t id;
  Kind kind;
  uint32_t capacity;
  uint32_t string_capacity;
  const TableInfo* table;
  std::span<const MemberInfo> members;
};

// A table under certain bounds, as the schema says them.
struct TableInfo {
  const char* type;
  std::span<const FieldInfo> fields;
  std::span<const int> codes;  // What can be called.
  void (*call)(Call&);         // Null where no writer leads.
};

// One topic.
struct Program {
  const char* schema;  // The name of its file.
  const char* topic;
  const TableInfo* root;
  uint32_t bytes;  // Of every message.
  const char* identifier;
  bool has_objects;
  // Starts a message in `slot`, and returns its writer.
  uint8_t* (*start)(std::span<std::byte> slot, const char* identifier);
  bool (*verify)(const uint8_t* message, size_t size, const char* identifier);
  flatbuffers::uoffset_t (*pack)(const flatbuffers::Table& from,
                                 flatbuffers::FlatBufferBuilder& builder);
};

// All topics that are linked into this program.
inline std::vector<Program>& Programs() {
  static std::vector<Program> programs;
  return programs;
}

struct Registration {
  explicit Registration(const Program& program) { Programs().push_back(program); }
};

}  // namespace property

#endif  // HOLLER_TESTS_PROPERTY_PROGRAM_H_
