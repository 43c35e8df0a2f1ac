// Understands the text of files in /proc. What is missing reads as 0 or empty, what is too large as
// the largest number; nothing in a file can do harm.
#ifndef EXAMPLES_SYSTEM_MONITOR_PROC_PARSE_H_
#define EXAMPLES_SYSTEM_MONITOR_PROC_PARSE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpu_topics.h"
#include "load_topics.h"
#include "memory_topics.h"
#include "processes_topics.h"

namespace system_monitor {

struct InterfaceCounters {
  std::string name;
  uint64_t received_bytes = 0, received_packets = 0, receive_errors = 0, receive_drops = 0;
  uint64_t sent_bytes = 0, sent_packets = 0, send_errors = 0, send_drops = 0;
};

struct DiskCounters {
  std::string name;
  uint64_t read_bytes = 0, written_bytes = 0, reads = 0, writes = 0, busy_ns = 0;
};

struct ProcessStat {
  int32_t pid = 0;
  int32_t parent_pid = 0;
  std::string_view name;  // Within the text that was parsed; any bytes.
  machine::ProcessState state = machine::ProcessState_Unknown;
  uint64_t user_ticks = 0;
  uint64_t system_ticks = 0;
  uint64_t start_ticks = 0;
  uint64_t resident_pages = 0;
  uint32_t threads = 0;
};

// /proc/stat. `cpu` is to be zero before. False if the text tells nothing about processors.
bool ParseCpu(std::string_view stat, uint64_t ns_per_tick, machine::Cpu& cpu);

// /proc/meminfo. False if it does not tell how much memory there is.
bool ParseMemory(std::string_view meminfo, machine::Memory& memory);

// /proc/loadavg and /proc/uptime. False if the first holds no averages.
bool ParseLoad(std::string_view loadavg, std::string_view uptime, machine::Load& load);

// /proc/net/dev.
std::vector<InterfaceCounters> ParseNetwork(std::string_view net_dev);

// /proc/diskstats: whole disks that were used at all.
std::vector<DiskCounters> ParseDisks(std::string_view diskstats);

// /proc/PID/stat. Empty if it is not the state of a process.
std::optional<ProcessStat> ParseProcess(std::string_view stat);

// /proc/PID/cmdline: the arguments with spaces between, at most `max_bytes`, as PrintableUtf8.
std::string ParseCommandLine(std::string_view cmdline, size_t max_bytes);

// `text` with `?` for each byte of it that is a control character or no part of valid UTF-8.
std::string PrintableUtf8(std::string_view text);

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_PROC_PARSE_H_
