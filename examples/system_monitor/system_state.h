// What the samples say about the machine: counters made into rates.
#ifndef EXAMPLES_SYSTEM_MONITOR_SYSTEM_STATE_H_
#define EXAMPLES_SYSTEM_MONITOR_SYSTEM_STATE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cpu_topics.h"
#include "disks_topics.h"
#include "load_topics.h"
#include "memory_topics.h"
#include "network_topics.h"
#include "processes_topics.h"
#include "rate_window.h"

namespace system_monitor {

struct CoreUsage {
  uint32_t number = 0;
  double busy = 0;  // 0 to 1.
};

struct CpuUsage {
  double busy = 0;  // 0 to 1, of all cores.
  std::vector<CoreUsage> cores;
};

// Bytes per second through an interface or a disk.
struct Traffic {
  std::string name;
  double in = 0;    // Received, or read.
  double out = 0;   // Sent, or written.
  double busy = 0;  // Disks: 0 to 1, the time with requests in work.
};

struct ProcessUsage {
  int32_t pid = 0;
  std::string name;
  std::string command_line;
  machine::ProcessState state = machine::ProcessState_Unknown;
  uint64_t start_ns = 0;
  uint64_t cpu_ns = 0;
  uint64_t resident_bytes = 0;
  uint32_t threads = 0;
  double cpu = 0;  // In cores: 1.5 is one and a half.
};

// Keeps the newest of each topic, and of counters what they were a second ago.
// Thread safety: thread-compatible.
class SystemState {
 public:
  void Add(const machine::Cpu& cpu, int64_t time_ns);
  void Add(const machine::Memory& memory, int64_t time_ns);
  void Add(const machine::Load& load, int64_t time_ns);
  void Add(const machine::Network& network, int64_t time_ns);
  void Add(const machine::Disks& disks, int64_t time_ns);
  void Add(const machine::Processes& processes, int64_t time_ns);

  // Empty, as the following, as long as nothing is known.
  std::optional<CpuUsage> cpu() const;
  const std::optional<machine::Memory>& memory() const { return memory_; }
  const std::optional<machine::Load>& load() const { return load_; }
  // Those with most traffic first.
  std::vector<Traffic> network() const { return TrafficOf(network_); }
  std::vector<Traffic> disks() const { return TrafficOf(disks_); }
  // The busiest first. All that are known.
  std::vector<ProcessUsage> processes() const;

 private:
  struct Counters {
    std::string name;
    uint64_t in = 0;
    uint64_t out = 0;
    uint64_t busy_ns = 0;
  };
  struct CpuTime {
    int32_t pid;
    uint64_t start_ns;
    uint64_t cpu_ns;
  };
  static constexpr int64_t kSpan = 1'000'000'000;

  static std::vector<Traffic> TrafficOf(const RateWindow<std::vector<Counters>>& window);

  RateWindow<machine::Cpu> cpu_{kSpan};
  std::optional<machine::Memory> memory_;
  std::optional<machine::Load> load_;
  RateWindow<std::vector<Counters>> network_{kSpan};
  RateWindow<std::vector<Counters>> disks_{kSpan};
  RateWindow<std::vector<CpuTime>> process_times_{kSpan};  // Sorted by pid and start.
  std::vector<ProcessUsage> processes_;
};

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_SYSTEM_STATE_H_
