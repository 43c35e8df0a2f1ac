// Publishes the state of this machine. Reads and publishes only what somebody listens to; sleeps
// when nobody does.
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <limits>
#include <string>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cpu_topics.h"
#include "disks_topics.h"
#include "load_topics.h"
#include "memory_topics.h"
#include "network_topics.h"
#include "proc_reader.h"
#include "processes_topics.h"

ABSL_FLAG(double, rate, 10, "Samples of each topic per second.");
ABSL_FLAG(uint64_t, count, 0, "End after so many samples of each topic; 0: do not.");
ABSL_FLAG(double, duration, std::numeric_limits<double>::infinity(), "End after so many seconds.");

namespace system_monitor {
namespace {

// Which topics get a sample.
enum class Who {
  kAll,        // That somebody listens to.
  kNewcomers,  // That nobody listened to before.
};

// The publisher of one topic. Thread safety: thread-compatible.
template <typename Topic>
class Channel {
 public:
  explicit Channel(holler::Publisher<Topic> publisher) : publisher_(std::move(publisher)) {}

  bool is_wanted() const { return publisher_.has_subscribers(); }

  // `read`: writes the message, and returns whether it could. Not called if nobody listens: then
  // /proc is not even read.
  template <typename Read>
  void Publish(Who who, Read read) {
    const bool was_wanted = std::exchange(was_wanted_, is_wanted());
    if (who == Who::kNewcomers && was_wanted) return;
    auto loan = publisher_.Loan();
    if (loan && read(*loan)) publisher_.Publish(std::move(loan));
  }

 private:
  holler::Publisher<Topic> publisher_;
  bool was_wanted_ = false;
};

// The channels of all topics. Thread safety: thread-compatible.
struct SystemTopics {
  // `on_matched` runs on the node's own thread.
  static absl::StatusOr<SystemTopics> Create(holler::Node& node, holler::PeerCallback on_matched) {
    const holler::PublisherOptions options{.on_matched = std::move(on_matched)};
    auto cpu = machine::CpuPublisher::Create(node, options);
    auto memory = machine::MemoryPublisher::Create(node, options);
    auto load = machine::LoadPublisher::Create(node, options);
    auto network = machine::NetworkPublisher::Create(node, options);
    auto disks = machine::DisksPublisher::Create(node, options);
    auto processes = machine::ProcessesPublisher::Create(node, options);
    for (const absl::Status& status : {cpu.status(), memory.status(), load.status(),
                                       network.status(), disks.status(), processes.status()}) {
      if (!status.ok()) return status;
    }
    return SystemTopics{.cpu = Channel(std::move(*cpu)),
                        .memory = Channel(std::move(*memory)),
                        .load = Channel(std::move(*load)),
                        .network = Channel(std::move(*network)),
                        .disks = Channel(std::move(*disks)),
                        .processes = Channel(std::move(*processes))};
  }

  bool is_wanted() const {
    return cpu.is_wanted() || memory.is_wanted() || load.is_wanted() || network.is_wanted() ||
           disks.is_wanted() || processes.is_wanted();
  }

  void Publish(Who who, ProcReader& proc) {
    // Structs and bounded tables are filled in in the memory their subscribers read.
    cpu.Publish(who, [&](auto& writer) { return proc.ReadCpu(writer.message()); });
    memory.Publish(who, [&](auto& writer) { return proc.ReadMemory(writer.message()); });
    load.Publish(who, [&](auto& writer) { return proc.ReadLoad(writer.message()); });
    network.Publish(who, [&](auto& writer) { return proc.ReadNetwork(writer); });
    // Other tables are built there, by FlatBuffers' own builder.
    disks.Publish(who, [&](auto& writer) {
      return Finish(writer, proc.ReadDisks(writer.builder(), kDisksBytes));
    });
    processes.Publish(who, [&](auto& writer) {
      return Finish(writer, proc.ReadProcesses(writer.builder(), kProcessesBytes));
    });
  }

  Channel<machine::CpuTopic> cpu;
  Channel<machine::MemoryTopic> memory;
  Channel<machine::LoadTopic> load;
  Channel<machine::NetworkTopic> network;
  Channel<machine::DisksTopic> disks;
  Channel<machine::ProcessesTopic> processes;

 private:
  static constexpr size_t kDisksBytes = machine::DisksTopic::kLayout.payload_capacity;
  static constexpr size_t kProcessesBytes = machine::ProcessesTopic::kLayout.payload_capacity;

  template <typename Writer, typename Table>
  static bool Finish(Writer& writer, flatbuffers::Offset<Table> root) {
    if (root.IsNull()) return false;
    writer.Finish(root);
    return true;
  }
};

// A timer that is due at whole periods after its start: however late it is served, the next one is
// on time again.
class Ticker {
 public:
  explicit Ticker(double rate)
      : period_(absl::ToTimespec(absl::Seconds(1 / rate))),
        fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {}
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;
  ~Ticker() { ::close(fd_); }

  void Start() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    Set({.it_interval = period_, .it_value = Sum(now, period_)});
    runs_ = true;
  }
  void Stop() {
    Set({});
    runs_ = false;
  }
  bool runs() const { return runs_; }
  int fd() const { return fd_; }
  // Whether it was due. Ticks that were missed are skipped.
  bool Take() const {
    uint64_t ticks;
    return ::read(fd_, &ticks, sizeof(ticks)) == sizeof(ticks);
  }

 private:
  static timespec Sum(const timespec& a, const timespec& b) {
    const int64_t ns = int64_t{a.tv_nsec} + b.tv_nsec;
    return {.tv_sec = a.tv_sec + b.tv_sec + ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  }
  void Set(const itimerspec& time) const {
    ::timerfd_settime(fd_, TFD_TIMER_ABSTIME, &time, nullptr);
  }

  const timespec period_;
  const int fd_;
  bool runs_ = false;
};

// In milliseconds; at most a day.
int ToPollTimeout(absl::Duration left) {
  return static_cast<int>(std::ceil(absl::ToDoubleMilliseconds(std::min(left, absl::Hours(24)))));
}

int Run() {
  const double rate = absl::GetFlag(FLAGS_rate);
  if (!(rate >= 0.001 && rate <= 10'000)) {
    std::cerr << "--rate must be from 0.001 to 10000\n";
    return 2;
  }
  const absl::Time end = absl::Now() + absl::Seconds(absl::GetFlag(FLAGS_duration));

  // Before there is another thread: it inherits what is blocked.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const int signal_fd = ::signalfd(-1, &signals, SFD_CLOEXEC);
  const int matched_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

  auto node = holler::Node::Create({.name = "system_publisher"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  auto topics = SystemTopics::Create(
      *node, [matched_fd](const holler::PeerInfo&) { ::eventfd_write(matched_fd, 1); });
  if (!topics.ok()) return std::cerr << topics.status() << "\n", 1;

  ProcReader proc;
  Ticker ticker(rate);
  std::cout << "system_publisher: nobody listens, asleep" << std::endl;
  const uint64_t last = absl::GetFlag(FLAGS_count);
  for (uint64_t count = 0; last == 0 || count < last;) {
    const absl::Duration left = end - absl::Now();
    if (left <= absl::ZeroDuration()) break;
    const int timeout_ms = left == absl::InfiniteDuration() ? -1 : ToPollTimeout(left);
    pollfd fds[] = {{signal_fd, POLLIN, 0}, {matched_fd, POLLIN, 0}, {ticker.fd(), POLLIN, 0}};
    if (::poll(fds, std::size(fds), timeout_ms) <= 0) continue;

    if (fds[0].revents != 0) break;
    if (fds[1].revents != 0) {
      eventfd_t ignored;
      ::eventfd_read(matched_fd, &ignored);
      // Whoever is the first at a topic need not wait for the next tick.
      topics->Publish(Who::kNewcomers, proc);
      if (!ticker.runs() && topics->is_wanted()) {
        ticker.Start();
        std::cout << "system_publisher: somebody listens, publishing at " << rate << " Hz"
                  << std::endl;
      }
    }
    if (fds[2].revents != 0 && ticker.Take()) {
      if (topics->is_wanted()) {
        topics->Publish(Who::kAll, proc);
        ++count;
      } else {
        ticker.Stop();  // A match from here on rings again.
        std::cout << "system_publisher: nobody listens, asleep" << std::endl;
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace system_monitor

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Publishes the state of this machine, read from /proc.");
  absl::ParseCommandLine(argc, argv);
  return system_monitor::Run();
}
