// Whether a subscriber can read what a publisher writes, given both schemas.
#ifndef HOLLER_SCHEMA_CHECK_H_
#define HOLLER_SCHEMA_CHECK_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace holler {

// A message type and the .bfbs that defines it.
struct TypeRef {
  std::string_view schema;
  std::string_view type_name;
};

// OK if a reader compiled from `subscriber` reads every message of a writer compiled from
// `publisher` correctly, by FlatBuffers' rules of evolution: tables may have gained or lost
// fields at their end, enums and unions values; structs must be identical. docs/discovery.md says
// where this is stricter than flatc's --conform, and why.
//
// Errors: InvalidArgument, naming the first field that differs, in flatc's words, and what would
// have been safe ("sensors.Imu.stamp: ulong at the publisher, uint at the subscriber; a struct
// cannot change once it is deployed, a table can"), or that a schema is malformed. Either schema
// may come from a peer: it is verified first.
absl::Status CheckReadable(const TypeRef& publisher, const TypeRef& subscriber);

}  // namespace holler

#endif  // HOLLER_SCHEMA_CHECK_H_
