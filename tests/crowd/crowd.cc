// A hundred processes start at once, each with a node, 5 publishers and 5 subscribers: all match,
// lose nothing, and then nothing wakes any of them. Prints how long matching took; that is no
// condition.
//
//   crowd [MEMBERS]             the driver
//   crowd member INDEX MEMBERS  one process of the crowd
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "holler/clock.h"
#include "holler/unique_fd.h"
#include "member.h"
#include "switches.h"

extern char** environ;

namespace crowd {
namespace {

// For each stage: far beyond what it takes, so that whoever needs longer needs for ever.
constexpr absl::Duration kLimit = absl::Seconds(30);
// Longer than any pause of discovery's while it has something to do (its longest is the 2 s it
// waits for a hello): once nothing ran for so long, nothing may run any more.
constexpr absl::Duration kSettled = absl::Milliseconds(2'500);
constexpr absl::Duration kIdle = absl::Seconds(3);
constexpr size_t kMostShown = 10;

struct Process {
  pid_t pid = 0;
  holler::UniqueFd commands;
  holler::UniqueFd reports;
  std::optional<Report> report{};
};

class Driver {
 public:
  explicit Driver(uint32_t members) : members_(members) {}
  ~Driver() {
    for (const Process& process : crowd_) {
      if (process.pid != 0) ::kill(process.pid, SIGKILL);
    }
    for (const Process& process : crowd_) {
      if (process.pid != 0) ::waitpid(process.pid, nullptr, 0);
    }
  }

  bool Run() {
    const absl::Time start = Now();
    std::cout << members_ << " processes, each with " << kTopics << " publishers and " << kTopics
              << " subscribers" << std::endl;
    for (uint32_t i = 0; i < members_; ++i) {
      if (!Spawn(i)) return Fail("cannot start a process");
    }
    std::cout << "all started after " << Now() - start << std::endl;
    if (!AwaitReports("match")) return false;
    std::cout << "all matched after " << Now() - start << " (aim: 3 s)" << std::endl;
    PrintFigures("by then");
    if (!Order(Command::kSend, "receive")) return false;
    std::cout << "all samples were received" << std::endl;
    if (!AwaitSilence()) return false;
    if (!Order(Command::kCheck, "check")) return false;
    PrintFigures("at last");
    return CheckConnections() && End();
  }

 private:
  static absl::Time Now() { return absl::FromUnixNanos(holler::MonotonicNow()); }

  static bool Fail(const std::string& what) {
    std::cout << "FAILED: " << what << std::endl;
    return false;
  }

  bool Spawn(uint32_t index) {
    int commands[2];
    int reports[2];
    if (::pipe2(commands, O_CLOEXEC) != 0) return false;
    Process process{.commands = holler::UniqueFd(commands[1]), .reports = {}};
    const holler::UniqueFd its_commands(commands[0]);
    if (::pipe2(reports, O_CLOEXEC) != 0) return false;
    process.reports = holler::UniqueFd(reports[0]);
    const holler::UniqueFd its_reports(reports[1]);

    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, its_commands.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, its_reports.get(), STDOUT_FILENO);
    std::string arguments[] = {"crowd", "member", absl::StrCat(index), absl::StrCat(members_)};
    char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                    arguments[3].data(), nullptr};
    const int error =
        ::posix_spawn(&process.pid, "/proc/self/exe", &actions, nullptr, argv, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return false;
    crowd_.push_back(std::move(process));
    return true;
  }

  // Waits until each process has reported. False: one ended, or it takes too long.
  bool AwaitReports(const std::string& stage) {
    const absl::Time deadline = Now() + kLimit;
    for (Process& process : crowd_) process.report.reset();
    while (true) {
      std::vector<pollfd> waiting;
      for (const Process& process : crowd_) {
        if (!process.report.has_value()) waiting.push_back({process.reports.get(), POLLIN, 0});
      }
      if (waiting.empty()) return true;
      const int64_t left = absl::ToInt64Milliseconds(deadline - Now());
      if (left <= 0) {
        return Fail(absl::StrCat(waiting.size(), " processes did not ", stage, " in ",
                                 absl::FormatDuration(kLimit)));
      }
      ::poll(waiting.data(), waiting.size(), static_cast<int>(left));
      for (const pollfd& ready : waiting) {
        if (ready.revents != 0 && !ReadReport(ready.fd)) return Fail("a process ended too early");
      }
    }
  }

  bool ReadReport(int fd) {
    Report report;
    if (::read(fd, &report, sizeof(report)) != sizeof(report)) return false;
    for (Process& process : crowd_) {
      if (process.reports.get() == fd) process.report = report;
    }
    return true;
  }

  bool Give(Command command) {
    return std::all_of(crowd_.begin(), crowd_.end(), [&](const Process& process) {
      return ::write(process.commands.get(), &command, 1) == 1;
    });
  }

  bool Order(Command command, const std::string& stage) {
    return Give(command) ? AwaitReports(stage) : Fail("a process ended too early");
  }

  // Lets time pass. False: a process ended or said something.
  bool Watch(absl::Duration duration) {
    std::vector<pollfd> all;
    for (const Process& process : crowd_) all.push_back({process.reports.get(), POLLIN, 0});
    const absl::Time end = Now() + duration;
    while (Now() < end) {
      const int64_t left = absl::ToInt64Milliseconds(end - Now()) + 1;
      if (::poll(all.data(), all.size(), static_cast<int>(left)) > 0) {
        return Fail("a process ended or spoke unasked");
      }
    }
    return true;
  }

  // First until announcements are over; then nobody may run.
  bool AwaitSilence() {
    std::vector<pid_t> pids;
    for (const Process& process : crowd_) pids.push_back(process.pid);
    const absl::Time deadline = Now() + kLimit;
    Switches before = ReadSwitches(pids);
    while (true) {
      if (!Watch(kSettled)) return false;
      Switches now = ReadSwitches(pids);
      const std::vector<std::string> ran = Compare(before, now);
      before = std::move(now);
      if (ran.empty()) break;
      if (Now() > deadline) return NotIdle(ran, kSettled);
    }
    if (!Watch(kIdle)) return false;
    const std::vector<std::string> ran = Compare(before, ReadSwitches(pids));
    if (!ran.empty()) return NotIdle(ran, kIdle);
    std::cout << "idle: none of " << before.size() << " threads ran for " << kSettled + kIdle
              << std::endl;
    return true;
  }

  static bool NotIdle(const std::vector<std::string>& ran, absl::Duration duration) {
    for (size_t i = 0; i < std::min(ran.size(), kMostShown); ++i) std::cout << ran[i] << "\n";
    return Fail(absl::StrCat(ran.size(), " threads ran within ", absl::FormatDuration(duration),
                             " in which nothing happened"));
  }

  void PrintFigures(const std::string& when) const {
    const auto sum = [&](uint64_t Report::*field) {
      return std::accumulate(
          crowd_.begin(), crowd_.end(), uint64_t{0},
          [&](uint64_t all, const Process& p) { return all + *p.report.*field; });
    };
    double seconds = 0;
    for (const Process& process : crowd_) {
      clockid_t clock;
      timespec used{};
      if (::clock_getcpuclockid(process.pid, &clock) == 0) ::clock_gettime(clock, &used);
      seconds += absl::ToDoubleSeconds(absl::DurationFromTimespec(used));
    }
    const double each = members_;
    std::cout << absl::StreamFormat(
                     "%s: CPU %.2f s in total; for each node %.1f connections, %.1f hollers sent, "
                     "%.1f heard, %.1f sweeps",
                     when, seconds, static_cast<double>(sum(&Report::connections)) / each,
                     static_cast<double>(sum(&Report::hollers_sent)) / each,
                     static_cast<double>(sum(&Report::hollers_received)) / each,
                     static_cast<double>(sum(&Report::sweeps)) / each)
              << std::endl;
  }

  bool CheckConnections() const {
    const uint64_t expected = std::min(kNeighbours, members_ - 1);
    for (const Process& process : crowd_) {
      if (process.report->connections == expected) continue;
      return Fail(absl::StrCat("a node keeps ", process.report->connections, " connections, not ",
                               expected));
    }
    return true;
  }

  bool End() {
    if (!Give(Command::kEnd)) return Fail("a process ended too early");
    double seconds = 0;
    int failures = 0;
    for (Process& process : crowd_) {
      int status = 0;
      rusage usage{};
      while (::wait4(process.pid, &status, 0, &usage) < 0 && errno == EINTR) continue;
      process.pid = 0;
      if (status != 0) ++failures;
      seconds += absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) +
                                       absl::DurationFromTimeval(usage.ru_stime));
    }
    if (failures > 0) return Fail(absl::StrCat(failures, " processes did not end well"));
    std::cout << absl::StreamFormat("all ended; CPU %.2f s in total", seconds) << std::endl;
    return true;
  }

  const uint32_t members_;
  std::vector<Process> crowd_;
};

int Main(int argc, char** argv) {
  uint32_t index = 0;
  uint32_t members = 100;
  if (argc == 4 && argv[1] == std::string_view("member") && absl::SimpleAtoi(argv[2], &index) &&
      absl::SimpleAtoi(argv[3], &members)) {
    return RunMember(index, members);
  }
  if (argc > 2 || (argc == 2 && !absl::SimpleAtoi(argv[1], &members)) || members <= kTopics) {
    std::cerr << "usage: crowd [MEMBERS]    more than " << kTopics << "\n";
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  return Driver(members).Run() ? 0 : 1;
}

}  // namespace
}  // namespace crowd

int main(int argc, char** argv) { return crowd::Main(argc, argv); }
