// What processes cost that have nothing to say. See --help.
#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "bench_wake_topics.h"

namespace bench {
namespace {

constexpr char kHelp[] =
    R"(usage: bench_idle [--seconds=N] [--domain=N]

Starts 10 processes with 5 topics each: a process publishes its own, and subscribes to those of the
process before it; a thread sleeps in Wait for each subscriber. When all are matched, and have
announced what they had to, nobody publishes for N seconds (default 10). Then it prints how often
the threads of each process ran meanwhile: context switches, of /proc/PID/task/*/status.
The domain (default 4992) keeps the benchmark apart from other nodes of this machine.
)";

constexpr int kProcesses = 10;
constexpr int kTopics = 5;

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "bench_idle: %s\n", what.c_str());
  std::exit(1);
}

std::string Topic(int process, int topic) {
  return "bench/idle/" + std::to_string(process % kProcesses) + "/" + std::to_string(topic);
}

// ---- One of the processes ----

[[noreturn]] void BeIdle(int process, uint32_t domain, int ready) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto node = holler::Node::Create({.name = "idle" + std::to_string(process), .domain = domain});
  if (!node.ok()) Die(node.status().ToString());
  std::vector<TickPublisher> publishers;
  std::vector<TickSubscriber> subscribers;
  for (int topic = 0; topic < kTopics; ++topic) {
    auto publisher = TickPublisher::Create(*node, {.topic = Topic(process, topic)});
    auto subscriber =
        TickSubscriber::Create(*node, {.topic = Topic(process + kProcesses - 1, topic)});
    if (!publisher.ok()) Die(publisher.status().ToString());
    if (!subscriber.ok()) Die(subscriber.status().ToString());
    publishers.push_back(std::move(*publisher));
    subscribers.push_back(std::move(*subscriber));
  }
  for (const auto& publisher : publishers) publisher.WaitForSubscriber(absl::InfiniteDuration());
  for (const auto& subscriber : subscribers) subscriber.WaitForPublisher(absl::InfiniteDuration());
  std::vector<std::thread> sleepers;
  for (auto& subscriber : subscribers) {
    sleepers.emplace_back([&subscriber] {
      subscriber.Wait(absl::InfiniteDuration());
      Die("a sample that nobody published");
    });
  }
  if (::write(ready, "", 1) != 1) Die("the benchmark is gone");
  while (true) ::pause();
}

// ---- Looking at them ----

// How often the threads of a process were switched to something else.
long ContextSwitches(pid_t pid) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  DIR* directory = ::opendir(tasks.c_str());
  if (directory == nullptr) Die("a process is gone");
  long switches = 0;
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] == '.') continue;
    std::ifstream status(tasks + "/" + entry->d_name + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.find("ctxt_switches:") == std::string::npos) continue;
      switches += std::stol(line.substr(line.find(':') + 1));
    }
  }
  ::closedir(directory);
  return switches;
}

std::vector<long> ContextSwitches(const std::vector<pid_t>& pids) {
  std::vector<long> all;
  for (const pid_t pid : pids) all.push_back(ContextSwitches(pid));
  return all;
}

int Main(int seconds, uint32_t domain) {
  int ready[2];
  if (::pipe(ready) != 0) Die(std::strerror(errno));
  std::vector<pid_t> pids;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t pid = ::fork();
    if (pid < 0) Die(std::strerror(errno));
    if (pid == 0) BeIdle(process, domain, ready[1]);
    pids.push_back(pid);
  }
  ::close(ready[1]);
  for (int i = 0; i < kProcesses; ++i) {
    char byte;
    if (::read(ready[0], &byte, 1) != 1) Die("a process ended early");
  }
  // Announcements end by themselves: when nobody ran for a second, they have.
  std::vector<long> before = ContextSwitches(pids);
  for (int looks = 0;; ++looks) {
    if (looks == 60) Die("somebody is not idle after a minute");
    absl::SleepFor(absl::Seconds(1));
    std::vector<long> now = ContextSwitches(pids);
    if (now == before) break;
    before = std::move(now);
  }
  absl::SleepFor(absl::Seconds(seconds));
  const std::vector<long> after = ContextSwitches(pids);
  long all = 0;
  std::printf("%d processes, %d topics, silent for %d s\n", kProcesses, kProcesses * kTopics,
              seconds);
  std::printf("  context switches of each:");
  for (int process = 0; process < kProcesses; ++process) {
    const long switches = after[process] - before[process];
    std::printf(" %ld", switches);
    all += switches;
  }
  std::printf("\n  for each process and second: %.2f    target 0: %s\n",
              static_cast<double>(all) / kProcesses / seconds, all == 0 ? "met" : "MISSED");
  for (const pid_t pid : pids) ::kill(pid, SIGKILL);
  for (const pid_t pid : pids) ::waitpid(pid, nullptr, 0);
  return 0;
}

int Number(const std::string& text, size_t at) {
  char* end = nullptr;
  const long value = std::strtol(text.c_str() + at, &end, 10);
  if (text.size() == at || *end != '\0' || value < 1 || value > 4'999) {
    Die("\"" + text + "\": a number from 1 to 4999 is needed; see --help");
  }
  return static_cast<int>(value);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  int seconds = 10;
  int domain = 4'992;
  for (const std::string& argument : std::vector<std::string>(argv + 1, argv + argc)) {
    if (argument == "--help") {
      std::fputs(bench::kHelp, stdout);
      return 0;
    }
    if (argument.starts_with("--seconds=")) {
      seconds = bench::Number(argument, 10);
    } else if (argument.starts_with("--domain=")) {
      domain = bench::Number(argument, 9);
    } else {
      bench::Die("unknown argument \"" + argument + "\"; see --help");
    }
  }
  return bench::Main(seconds, static_cast<uint32_t>(domain));
}
