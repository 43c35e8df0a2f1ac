// A fuzzer chooses calls of the writers of a schema with every construct. After each call the
// buffer verifies, and readers find what a model in plain containers holds.
//
// A finding is played again by: writer_fuzz FILE
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>

#include "player.h"
#include "program.h"
#include "schema.h"
#include "source.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static property::Schema schema(HOLLER_FUZZ_SCHEMAS, "everything.fbs", HOLLER_FUZZ_IDL);
  property::Source source(std::span(data, size));
  const auto& programs = property::Programs();
  const auto count = static_cast<uint32_t>(programs.size());
  // A player of its own, as a finding must not depend on what was played before.
  property::Player player(programs[source.Below(count)], schema);
  try {
    player.Play(source, 1000, true);
    player.CompareCopies(source);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "FOUND: %s\n  the last call: %s\n  %s\n", error.what(),
                 player.LastCall().c_str(), player.Texts().c_str());
    std::abort();
  }
  return 0;
}
