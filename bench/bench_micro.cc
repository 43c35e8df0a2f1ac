// How long each step of the data path takes, where nobody sleeps: see Google Benchmark's --help.
#include <benchmark/benchmark.h>

#include "operations.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  bench::World world;
  for (const bench::Operation& operation : bench::Operations()) {
    benchmark::RegisterBenchmark(operation.name, [&operation, &world](benchmark::State& state) {
      const auto batch = static_cast<benchmark::IterationCount>(operation.times);
      while (state.KeepRunningBatch(batch)) operation.run(world, operation.times);
    });
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
