// Shows what system_publisher publishes: a live table on a terminal, a line each second elsewhere.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "event_log.h"
#include "format.h"
#include "holler/clock.h"
#include "plain_view.h"
#include "table_view.h"
#include "terminal.h"
#include "watcher.h"

ABSL_FLAG(std::string, events_json, "",
          "Also write what happens to publishers to this file, a JSON object in each line. "
          "\"-\": to standard output, and nothing else.");
ABSL_FLAG(double, duration, std::numeric_limits<double>::infinity(), "End after so many seconds.");
ABSL_FLAG(bool, plain, false, "No table, even on a terminal.");

namespace system_monitor {
namespace {

constexpr timespec kTableInterval = {.tv_sec = 0, .tv_nsec = 250'000'000};
constexpr timespec kPlainInterval = {.tv_sec = 1, .tv_nsec = 0};

int64_t UnixNow() { return absl::GetCurrentTimeNanos(); }

// Shows a Monitor to people. Thread safety: thread-compatible.
class Output {
 public:
  virtual ~Output() = default;
  // From time to time.
  virtual void Tick(const Monitor& monitor) = 0;
  // At once when publishers came or went, or the window has another size.
  virtual void Update(const Monitor& monitor) = 0;
  // Ctrl-Z.
  virtual void Stop() { ::kill(::getpid(), SIGSTOP); }
  virtual timespec interval() const { return kPlainInterval; }
};

class TableOutput final : public Output {
 public:
  void Tick(const Monitor& monitor) override {
    const Screen screen = terminal_.screen();
    terminal_.Draw(
        screen, DrawTable(monitor, screen, holler::MonotonicNow(), FormatClock(UnixNow(), false)));
  }
  void Update(const Monitor& monitor) override { Tick(monitor); }
  void Stop() override {
    terminal_.Leave();
    Output::Stop();
    terminal_.Enter();  // When it is continued.
  }
  timespec interval() const override { return kTableInterval; }

 private:
  Terminal terminal_;
};

class PlainOutput final : public Output {
 public:
  void Tick(const Monitor& monitor) override {
    std::cout << FormatClock(UnixNow(), true) << "  "
              << SummaryLine(monitor, holler::MonotonicNow()) << std::endl;
  }
  void Update(const Monitor& monitor) override {
    // Those since the last time; of very many, the last.
    for (const Message& message : monitor.messages) {
      if (message.number < next_) continue;
      next_ = message.number + 1;
      std::cout << message.clock << "  " << (message.is_bad ? "! " : "* ")
                << PrintableAscii(message.text) << std::endl;
    }
  }

 private:
  uint64_t next_ = 0;
};

// For --events_json=-
class NoOutput final : public Output {
 public:
  void Tick(const Monitor& /*monitor*/) override {}
  void Update(const Monitor& /*monitor*/) override {}
};

std::unique_ptr<Output> MakeOutput() {
  if (absl::GetFlag(FLAGS_events_json) == "-") return std::make_unique<NoOutput>();
  if (!absl::GetFlag(FLAGS_plain) && Terminal::IsAvailable()) {
    return std::make_unique<TableOutput>();
  }
  return std::make_unique<PlainOutput>();
}

// One that is due after `first`, and then every `interval`; never if both are zero.
int MakeTimer(timespec first, timespec interval) {
  const int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  const itimerspec time = {.it_interval = interval, .it_value = first};
  ::timerfd_settime(fd, 0, &time, nullptr);
  return fd;
}

timespec DurationFlag() {
  const absl::Duration duration = absl::Seconds(absl::GetFlag(FLAGS_duration));
  if (duration == absl::InfiniteDuration()) return {};
  return absl::ToTimespec(std::max(duration, absl::Nanoseconds(1)));
}

// What is to be done when one of the first file descriptors is readable; the others are the
// watcher's.
enum Index { kSignal, kEnd, kTick, kKey, kWatcher };

// Runs until it is told to end.
void Loop(Watcher& watcher, Output& output, int signal_fd) {
  std::vector<pollfd> fds = {{signal_fd, POLLIN, 0},
                             {MakeTimer(DurationFlag(), {}), POLLIN, 0},
                             {MakeTimer(output.interval(), output.interval()), POLLIN, 0},
                             {::isatty(STDIN_FILENO) == 1 ? STDIN_FILENO : -1, POLLIN, 0}};
  for (const int fd : watcher.fds()) fds.push_back({fd, POLLIN, 0});

  output.Update(watcher.monitor());
  while (true) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    // Cheap where nothing is.
    if (watcher.Handle()) output.Update(watcher.monitor());
    if (fds[kSignal].revents != 0) {
      signalfd_siginfo info;
      if (::read(signal_fd, &info, sizeof(info)) != sizeof(info)) return;
      switch (info.ssi_signo) {
        case SIGTSTP:
          output.Stop();
          [[fallthrough]];
        case SIGWINCH:
          output.Update(watcher.monitor());
          break;
        default:
          return;
      }
    }
    if (fds[kEnd].revents != 0) return;
    if (fds[kTick].revents != 0) {
      uint64_t ticks;
      if (::read(fds[kTick].fd, &ticks, sizeof(ticks)) > 0) output.Tick(watcher.monitor());
    }
    if (fds[kKey].revents != 0) {
      char key;
      const bool is_read = ::read(STDIN_FILENO, &key, 1) == 1;
      if (!is_read) fds[kKey].fd = -1;
      if (is_read && key == 'q') return;
    }
  }
}

int Run() {
  // Before there is another thread: it inherits what is blocked.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH}) {
    ::sigaddset(&signals, signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const int signal_fd = ::signalfd(-1, &signals, SFD_CLOEXEC);

  EventLog log;
  if (const std::string path = absl::GetFlag(FLAGS_events_json); !path.empty()) {
    if (const absl::Status status = log.Open(path); !status.ok()) {
      std::cerr << status.message() << "\n";
      return 2;
    }
  }
  auto watcher = Watcher::Create(log);
  if (!watcher.ok()) return std::cerr << watcher.status() << "\n", 1;
  {
    const std::unique_ptr<Output> output = MakeOutput();
    Loop(**watcher, *output, signal_fd);
  }
  (*watcher)->Handle();
  (*watcher)->Summarize();
  return 0;
}

}  // namespace
}  // namespace system_monitor

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Shows the state of this machine, as system_publisher publishes it. Ends with q or Ctrl-C.");
  absl::ParseCommandLine(argc, argv);
  return system_monitor::Run();
}
