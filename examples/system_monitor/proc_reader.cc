#include "proc_reader.h"

#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <utility>
#include <vector>

#include "proc_parse.h"

namespace system_monitor {
namespace {

constexpr size_t kCommandLineBytes = 256;
constexpr size_t kSmallFileBytes = 4096;
// For the root table, the length of its vector and alignment; the vector's entry is counted with
// each element.
constexpr size_t kRootBytes = 128;
// More than any table here takes beyond its strings: fields, vtable, lengths, alignment, and what
// the builder needs for itself meanwhile.
constexpr size_t kTableBytes = 256;

uint64_t NsPerTick() {
  const long ticks_per_second = ::sysconf(_SC_CLK_TCK);
  return 1'000'000'000 / static_cast<uint64_t>(ticks_per_second > 0 ? ticks_per_second : 100);
}

// Builds elements as long as the message does not exceed `max_bytes`, and counts the others.
template <typename Table>
class BoundedList {
 public:
  BoundedList(flatbuffers::FlatBufferBuilder& builder, size_t max_bytes)
      : builder_(builder), max_bytes_(max_bytes) {}

  // Whether there is room for one that takes at most `bytes`; if not, it is counted as omitted.
  bool HasRoom(size_t bytes) {
    const size_t entries = (offsets_.size() + 1) * sizeof(flatbuffers::uoffset_t);
    if (builder_.GetSize() + bytes + entries + kRootBytes <= max_bytes_) return true;
    ++omitted_;
    return false;
  }
  void Add(flatbuffers::Offset<Table> offset) { offsets_.push_back(offset); }

  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<Table>>> Finish() {
    return builder_.CreateVector(offsets_);
  }
  uint32_t omitted() const { return omitted_; }

 private:
  flatbuffers::FlatBufferBuilder& builder_;
  const size_t max_bytes_;
  std::vector<flatbuffers::Offset<Table>> offsets_;
  uint32_t omitted_ = 0;
};

}  // namespace

ProcFile::~ProcFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::string_view ProcFile::Read() {
  if (fd_ < 0) fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) return Fail(errno);
  if (buffer_.empty()) buffer_.resize(kSmallFileBytes);
  size_t size = 0;
  while (true) {
    const ssize_t got =
        ::pread(fd_, buffer_.data() + size, buffer_.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Fail(errno);
    if (got == 0) return std::string_view(buffer_).substr(0, size);
    size += static_cast<size_t>(got);
    if (size == buffer_.size()) buffer_.resize(2 * size);
  }
}

std::string_view ProcFile::Fail(int error) {
  if (!std::exchange(has_failed_, true)) {
    std::cerr << "cannot read " << path_ << ": " << std::strerror(error) << "\n";
  }
  return {};
}

ProcReader::ProcReader(const std::string& proc)
    : ns_per_tick_(NsPerTick()),
      page_bytes_(static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))),
      stat_(proc + "/stat"),
      meminfo_(proc + "/meminfo"),
      loadavg_(proc + "/loadavg"),
      uptime_(proc + "/uptime"),
      net_dev_(proc + "/net/dev"),
      diskstats_(proc + "/diskstats"),
      dir_(::opendir(proc.c_str())),
      buffer_(kSmallFileBytes, '\0') {
  if (dir_ == nullptr) std::cerr << "cannot list " << proc << ": " << std::strerror(errno) << "\n";
}

bool ProcReader::ReadCpu(machine::Cpu& cpu) { return ParseCpu(stat_.Read(), ns_per_tick_, cpu); }

bool ProcReader::ReadMemory(machine::Memory& memory) {
  return ParseMemory(meminfo_.Read(), memory);
}

bool ProcReader::ReadLoad(machine::Load& load) {
  return ParseLoad(loadavg_.Read(), uptime_.Read(), load);
}

bool ProcReader::ReadNetwork(machine::NetworkWriter& network) {
  const std::string_view text = net_dev_.Read();
  if (text.empty()) return false;
  auto interfaces = network.mutable_interfaces();
  uint32_t omitted = 0;
  for (const InterfaceCounters& i : ParseNetwork(text)) {
    if (interfaces.size() == interfaces.capacity() || i.name.size() >= IFNAMSIZ) {
      ++omitted;
      continue;
    }
    auto interface = *interfaces.emplace_back();
    interface.set_name(i.name);
    interface.set_received_bytes(i.received_bytes);
    interface.set_received_packets(i.received_packets);
    interface.set_receive_errors(i.receive_errors);
    interface.set_receive_drops(i.receive_drops);
    interface.set_sent_bytes(i.sent_bytes);
    interface.set_sent_packets(i.sent_packets);
    interface.set_send_errors(i.send_errors);
    interface.set_send_drops(i.send_drops);
  }
  network.set_omitted(omitted);
  return true;
}

flatbuffers::Offset<machine::Disks> ProcReader::ReadDisks(Builder& builder, size_t max_bytes) {
  const std::string_view text = diskstats_.Read();
  if (text.empty()) return 0;
  BoundedList<machine::Disk> list(builder, max_bytes);
  for (const DiskCounters& d : ParseDisks(text)) {
    if (!list.HasRoom(kTableBytes + d.name.size())) continue;
    list.Add(machine::CreateDisk(builder, builder.CreateString(d.name), d.read_bytes,
                                 d.written_bytes, d.reads, d.writes, d.busy_ns));
  }
  return machine::CreateDisks(builder, list.Finish(), list.omitted());
}

flatbuffers::Offset<machine::Processes> ProcReader::ReadProcesses(Builder& builder,
                                                                  size_t max_bytes) {
  if (dir_ == nullptr) return 0;
  ++scan_;
  BoundedList<machine::Process> list(builder, max_bytes);
  ::rewinddir(dir_.get());
  while (const dirent* entry = ::readdir(dir_.get())) {
    const char* pid = entry->d_name;
    if (*pid < '1' || *pid > '9') continue;
    // A replaced byte stays one byte, so the text does not grow.
    if (!list.HasRoom(kTableBytes + kCommandLineBytes + 64)) continue;
    if (const auto process = ReadProcess(builder, pid); !process.IsNull()) list.Add(process);
  }
  std::erase_if(known_, [&](const auto& known) { return known.second.last_seen != scan_; });
  return machine::CreateProcesses(builder, list.Finish(), list.omitted());
}

flatbuffers::Offset<machine::Process> ProcReader::ReadProcess(Builder& builder, const char* pid) {
  const std::string_view text = ReadSmallFile(std::string(pid) + "/stat");
  const std::optional<ProcessStat> stat = ParseProcess(text);
  if (!stat.has_value()) return 0;
  const KnownProcess& known = Know(pid, stat->start_ticks, stat->name);
  const auto name = builder.CreateString(PrintableUtf8(known.name));
  const auto command_line = builder.CreateString(known.command_line);
  return machine::CreateProcess(builder, stat->pid, stat->parent_pid, name, stat->state,
                                stat->user_ticks * ns_per_tick_, stat->system_ticks * ns_per_tick_,
                                stat->start_ticks * ns_per_tick_,
                                stat->resident_pages * page_bytes_, stat->threads, command_line);
}

const ProcReader::KnownProcess& ProcReader::Know(const char* pid, uint64_t start_ticks,
                                                 std::string_view name) {
  auto it = known_.find(std::string_view(pid));
  if (it == known_.end()) it = known_.emplace(pid, KnownProcess()).first;
  KnownProcess& known = it->second;
  // A program that is executed changes the name, as a rule.
  if (known.last_seen == 0 || known.start_ticks != start_ticks || known.name != name) {
    known.start_ticks = start_ticks;
    known.name = name;  // Before its text is overwritten.
    known.command_line =
        ParseCommandLine(ReadSmallFile(std::string(pid) + "/cmdline"), kCommandLineBytes);
  }
  known.last_seen = scan_;
  return known;
}

std::string_view ProcReader::ReadSmallFile(const std::string& path) {
  const int fd = ::openat(::dirfd(dir_.get()), path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const ssize_t got = ::read(fd, buffer_.data(), buffer_.size());
  ::close(fd);
  return got > 0 ? std::string_view(buffer_).substr(0, static_cast<size_t>(got))
                 : std::string_view();
}

}  // namespace system_monitor
