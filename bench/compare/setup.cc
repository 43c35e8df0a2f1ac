#include "setup.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace bench {

Setup ReadSetup(const char* system, int argc, char** argv, const std::vector<std::string>& modes) {
  Setup setup;
  CLI::App app{std::string("Measures ") + system +
               " for the comparison: scripts/bench runs it, and docs/performance.md tells what it "
               "does.\nPrints one figure a line: its name, and its value in nanoseconds unless the "
               "name says otherwise."};
  app.add_option("what", setup.what, "What to measure")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kWhats), std::end(kWhats))));
  app.add_option("--bytes", setup.bytes, "Size of a message")
      ->check(CLI::IsMember({64, 1'024, 65'536, 1'048'576, 4'194'304}))
      ->capture_default_str();
  app.add_option("--waiting", setup.waiting, "How a process waits for a message")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Waiting>{{"spin", Waiting::kSpin}, {"block", Waiting::kBlock}}));
  app.add_option("--work", setup.work, "What is written and read: the first bytes, or all")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Work>{{"touched", Work::kTouched}, {"filled", Work::kFilled}}));
  app.add_option("--seconds", setup.seconds, "How long")->check(CLI::Range(0.01, 600.0));
  app.add_option("--others", setup.others, "Processes at the other end")->check(CLI::Range(1, 64));
  app.add_option("--hz", setup.hz, "Messages a second")->check(CLI::Range(1, 100'000));
  app.add_option("--topics", setup.topics, "Channels, of publish and subscribe")
      ->check(CLI::Range(1, 1'000));
  app.add_option("--active", setup.active, "On how many of them something is sent; 0: on all")
      ->check(CLI::Range(0, 1'000));
  app.add_option("--batch", setup.batch, "Messages of one call")->check(CLI::Range(1, 64));
  app.add_option("--first-cpu", setup.first_cpu, "CPU of the process that measures");
  app.add_option("--other-cpu", setup.other_cpu, "CPU of the others");
  app.add_option("--instance", setup.instance, "A number of one's own, from 0 to 99")
      ->check(CLI::Range(0, 99));
  if (!modes.empty()) {
    setup.mode = modes.front();
    app.add_option("--mode", setup.mode, "Which of its ways it takes")
        ->check(CLI::IsMember(modes))
        ->capture_default_str();
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return setup;
}

}  // namespace bench
