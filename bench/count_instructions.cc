// Runs each operation so often that valgrind can tell how many instructions it takes: see
// instructions.py, which starts it.
#include <cstdio>

#include "operations.h"

// Callgrind counts what is executed within, and writes down a sum each time it returns. Of C, for
// its name to be the same whatever compiled it.
extern "C" [[gnu::noinline]] void CountedRun(const bench::Operation& operation,
                                             bench::World& world) {
  operation.run(world, operation.times);
}

int main() {
#if defined(__clang__)
  std::printf("compiler clang %d %s\n", __clang_major__, HOLLER_BUILD_TYPE);
#else
  std::printf("compiler g++ %d %s\n", __GNUC__, HOLLER_BUILD_TYPE);
#endif
  bench::World world;
  for (const bench::Operation& operation : bench::Operations()) {
    operation.run(world, operation.times);  // What only the first ones do is not to count.
    CountedRun(operation, world);
    std::printf("operation %llu %s\n", static_cast<unsigned long long>(operation.times),
                operation.name);
  }
}
