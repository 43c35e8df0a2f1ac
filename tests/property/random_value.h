// Random contents of messages, within bounds or, in one place, past one.
#ifndef HOLLER_TESTS_PROPERTY_RANDOM_VALUE_H_
#define HOLLER_TESTS_PROPERTY_RANDOM_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "program.h"
#include "schema.h"
#include "source.h"
#include "value.h"

namespace property {

// What was made too long, as CopyFrom() is to name it.
struct Excess {
  std::string path;  // Empty: nothing yet.
  size_t length = 0;
  size_t capacity = 0;
};

// Bytes of a scalar; those of a key have an order.
std::string RandomScalar(flatbuffers::BaseType base, bool is_key, Source& source);
std::string RandomStruct(const flatbuffers::StructDef& def, Source& source);
// Characters; those of a key without zeros.
std::string RandomText(size_t length, bool is_key, Source& source);
// `count` elements of a vector of scalars or structs.
std::string RandomElements(const FieldType& field, size_t count, Source& source);
// Often 0, or all there is room for.
size_t RandomLength(size_t capacity, Source& source);

// A table with all kinds of contents. If `excess` is not null, one length in it may be past its
// bound.
Value RandomTable(const TableInfo& info, const TableType& type, Source& source,
                  Excess* excess = nullptr);

}  // namespace property

#endif  // HOLLER_TESTS_PROPERTY_RANDOM_VALUE_H_
