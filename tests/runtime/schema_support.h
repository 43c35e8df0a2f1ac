// Schemas given as text, for tests.
#ifndef HOLLER_TESTS_RUNTIME_SCHEMA_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_SCHEMA_SUPPORT_H_

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "flatbuffers/idl.h"

namespace holler {

// Parses a schema in namespace t. Aborts if it is none.
inline std::unique_ptr<flatbuffers::Parser> ParseSchema(const std::string& text) {
  flatbuffers::IDLOptions options;
  options.lang_to_generate = flatbuffers::IDLOptions::kCpp;  // Structs and strings in unions.
  options.binary_schema_builtins = true;  // As in segments: what a nested_flatbuffer names.
  auto parser = std::make_unique<flatbuffers::Parser>(options);
  if (!parser->Parse(("namespace t;\n" + text).c_str())) {
    std::fprintf(stderr, "%s\nin\n%s\n", parser->error_.c_str(), text.c_str());
    std::abort();
  }
  return parser;
}

// The .bfbs of a parsed schema.
inline std::string ToBfbs(flatbuffers::Parser& parser) {
  parser.Serialize();
  std::string bytes(reinterpret_cast<const char*>(parser.builder_.GetBufferPointer()),
                    parser.builder_.GetSize());
  parser.builder_.Clear();
  return bytes;
}
inline std::string ToBfbs(const std::string& text) { return ToBfbs(*ParseSchema(text)); }

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_SCHEMA_SUPPORT_H_
