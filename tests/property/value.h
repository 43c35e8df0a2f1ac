// The model: a message in plain containers of the standard library, made of nothing that Holler
// has.
#ifndef HOLLER_TESTS_PROPERTY_VALUE_H_
#define HOLLER_TESTS_PROPERTY_VALUE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "flatbuffers/flatbuffers.h"
#include "schema.h"
#include "source.h"

namespace property {

// What a field holds; which members count depends on its kind.
struct Value {
  std::string bytes;         // Scalar, struct, string, plain elements, nested as a whole.
  std::vector<Value> items;  // Elements. Of a union and a nested message: one, what is in it.
  std::map<uint16_t, Value> fields;  // Of a table: what is there, by id.
  uint8_t type = 0;                  // Of a union.
};

// A table in which nothing is set, and what is required is empty.
Value Blank(const TableType& table);
Value BlankField(const FieldType& field);
Value BlankMember(const MemberType& member);

// What readers find in a valid message. Throws std::runtime_error where no reader could go on.
// `checks_alignment`: of vectors, in memory; flatc's Pack() does not align nested messages.
Value Read(const TableType& type, const flatbuffers::Table& table, bool checks_alignment = true);

// The path of the first difference; empty if there is none. Scalars that are absent have their
// defaults.
std::string Difference(const TableType& type, const Value& a, const Value& b);

// Writes a table through a FlatBufferBuilder. `source` decides whether scalars at their default are
// written.
flatbuffers::uoffset_t Build(const TableType& type, const Value& value,
                             flatbuffers::FlatBufferBuilder& builder, Source& source);

// Whether `a` comes before `b`, both keys of the type of `key`, or scalars of a `base`.
bool KeyLess(flatbuffers::BaseType base, const std::string& a, const std::string& b);

}  // namespace property

#endif  // HOLLER_TESTS_PROPERTY_VALUE_H_
