// Random messages of all the random schemas that are linked in: written by their writers and by
// FlatBufferBuilder, read back, compared.
//
//   property_test SCHEMA_DIR IDL_DIR [MESSAGES [SEED [SCHEMA.fbs]]]
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "player.h"
#include "program.h"
#include "schema.h"
#include "source.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s SCHEMA_DIR IDL_DIR [MESSAGES [SEED [SCHEMA.fbs]]]\n", argv[0]);
    return 2;
  }
  const int messages = argc > 3 ? std::atoi(argv[3]) : 100;
  const uint64_t seed = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 1;
  const std::string only = argc > 5 ? argv[5] : "";
  std::set<std::string> schemas;
  size_t played = 0;
  size_t calls = 0;
  size_t failures = 0;
  const std::clock_t start = std::clock();
  for (const property::Program& program : property::Programs()) {
    if (!only.empty() && only != program.schema) continue;
    schemas.insert(program.schema);
    int message = 0;
    std::unique_ptr<property::Schema> schema;
    std::unique_ptr<property::Player> player;
    try {
      schema = std::make_unique<property::Schema>(argv[1], program.schema, argv[2]);
      player = std::make_unique<property::Player>(program, *schema);
      for (; message < messages; ++message) {
        // A message depends on nothing but its own numbers, and on what the one before left.
        property::Source source(seed * 1'000'003 + std::hash<std::string>()(program.schema) +
                                static_cast<uint64_t>(message) * 0x10001);
        player->Play(source, 4 + static_cast<int>(source.Below(60)), false);
        player->CompareCopies(source);
      }
    } catch (const std::exception& error) {
      ++failures;
      std::printf("FAILED: %s, topic %s, message %d of seed %llu: %s\n", program.schema,
                  program.topic, message, static_cast<unsigned long long>(seed), error.what());
      if (player != nullptr) {
        std::printf("  the last call: %s\n  %s\n", player->LastCall().c_str(),
                    player->Texts().c_str());
      }
    }
    played += static_cast<size_t>(message);
    calls += player != nullptr ? player->calls() : 0;
  }
  std::printf(
      "%zu schemas, %zu topics, %zu messages, seed %llu: %zu calls of setters, each "
      "verified; %zu failures; %.1f s of CPU\n",
      schemas.size(), property::Programs().size(), played, static_cast<unsigned long long>(seed),
      calls, failures, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  return failures == 0 && played > 0 ? 0 : 1;
}
