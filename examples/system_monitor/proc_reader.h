// Reads the machine's state from /proc, straight into messages.
#ifndef EXAMPLES_SYSTEM_MONITOR_PROC_READER_H_
#define EXAMPLES_SYSTEM_MONITOR_PROC_READER_H_

#include <dirent.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "cpu_topics.h"
#include "disks_topics.h"
#include "load_topics.h"
#include "memory_topics.h"
#include "network_topics.h"
#include "processes_topics.h"

namespace system_monitor {

// A file of /proc that is read again and again. It is opened once; each reading makes the kernel
// write it anew.
// Thread safety: thread-compatible.
class ProcFile {
 public:
  // Nothing is opened yet.
  explicit ProcFile(std::string path) : path_(std::move(path)) {}
  ProcFile(const ProcFile&) = delete;
  ProcFile& operator=(const ProcFile&) = delete;
  ~ProcFile();

  // What the file says now, valid until the next call. Empty if it cannot be read, which is
  // reported once on stderr.
  std::string_view Read();

 private:
  std::string_view Fail(int error);

  const std::string path_;
  int fd_ = -1;
  bool has_failed_ = false;
  std::string buffer_;
};

// Each Read makes one message; false, or an offset of 0, if the machine does not tell.
// Thread safety: thread-compatible.
class ProcReader {
 public:
  // `proc`: where /proc is.
  explicit ProcReader(const std::string& proc = "/proc");

  bool ReadCpu(machine::Cpu& cpu);
  bool ReadMemory(machine::Memory& memory);
  bool ReadLoad(machine::Load& load);

  // Leaves out interfaces for which there is no room.
  bool ReadNetwork(machine::NetworkWriter& network);

  // These leave out what would make the message larger than `max_bytes`.
  using Builder = flatbuffers::FlatBufferBuilder;
  flatbuffers::Offset<machine::Disks> ReadDisks(Builder& builder, size_t max_bytes);
  flatbuffers::Offset<machine::Processes> ReadProcesses(Builder& builder, size_t max_bytes);

 private:
  struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  // What does not change, as a rule, while a process lives.
  struct KnownProcess {
    uint64_t start_ticks = 0;
    std::string name;
    std::string command_line;
    uint64_t last_seen = 0;
  };

  // Builds one process; 0 if it has ended.
  flatbuffers::Offset<machine::Process> ReadProcess(Builder& builder, const char* pid);
  const KnownProcess& Know(const char* pid, uint64_t start_ticks, std::string_view name);
  std::string_view ReadSmallFile(const std::string& path);

  const uint64_t ns_per_tick_;
  const uint64_t page_bytes_;
  ProcFile stat_, meminfo_, loadavg_, uptime_, net_dev_, diskstats_;
  std::unique_ptr<DIR, CloseDir> dir_;
  std::map<std::string, KnownProcess, std::less<>> known_;  // By pid.
  uint64_t scan_ = 0;
  std::string buffer_;
};

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_PROC_READER_H_
