#include "proc_parse.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <system_error>

namespace system_monitor {
namespace {

constexpr uint64_t kSectorBytes = 512;  // Of /proc/diskstats, whatever the disk's own are.

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\0'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// A number at the start of `text`; what follows it is ignored.
template <typename Number>
Number ToNumber(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return std::numeric_limits<Number>::max();
  return error == std::errc() ? number : Number{0};
}

// Takes words off a text, one after another.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  // Empty at the end.
  std::string_view Next() {
    size_t start = 0;
    while (start < rest_.size() && IsSpace(rest_[start])) ++start;
    size_t end = start;
    while (end < rest_.size() && !IsSpace(rest_[end])) ++end;
    const std::string_view word = rest_.substr(start, end - start);
    rest_.remove_prefix(end);
    return word;
  }
  template <typename Number = uint64_t>
  Number NextNumber() {
    return ToNumber<Number>(Next());
  }
  void Skip(int count) {
    while (count-- > 0) Next();
  }

 private:
  std::string_view rest_;
};

// Takes the first line off `text`; false if there is none.
bool NextLine(std::string_view& text, std::string_view& line) {
  if (text.empty()) return false;
  const size_t end = text.find('\n');
  line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return true;
}

uint64_t Times(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<uint64_t>::max() : product;
}

machine::CpuTimes ParseCpuTimes(Words words, uint64_t ns_per_tick) {
  const auto next = [&] { return Times(words.NextNumber(), ns_per_tick); };
  // Each on its own: the order in which arguments of a call are evaluated is open.
  const uint64_t user = next(), nice = next(), system = next(), idle = next();
  const uint64_t iowait = next(), irq = next(), softirq = next(), steal = next();
  return {user, nice, system, idle, iowait, irq, softirq, steal};
}

// sda1 of sda, nvme0n1p1 of nvme0n1; but not loop12 of loop1.
bool IsPartitionOf(std::string_view name, std::string_view disk) {
  if (disk.empty() || !name.starts_with(disk)) return false;
  std::string_view number = name.substr(disk.size());
  if (IsDigit(disk.back())) {
    if (!number.starts_with('p')) return false;
    number.remove_prefix(1);
  }
  return !number.empty() && std::all_of(number.begin(), number.end(), IsDigit);
}

machine::ProcessState ToState(std::string_view letter) {
  if (letter.size() != 1) return machine::ProcessState_Unknown;
  switch (letter.front()) {
    case 'R':
      return machine::ProcessState_Running;
    case 'S':
      return machine::ProcessState_Sleeping;
    case 'D':
      return machine::ProcessState_Uninterruptible;
    case 'T':
      return machine::ProcessState_Stopped;
    case 't':
      return machine::ProcessState_Traced;
    case 'Z':
    case 'X':
      return machine::ProcessState_Zombie;
    case 'I':
      return machine::ProcessState_Idle;
    default:
      return machine::ProcessState_Unknown;
  }
}

// Bytes of the printable character at the start of `text`; 0 if there is none.
size_t CharacterBytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // C1 control characters, encodings longer than need be, surrogates, and beyond Unicode.
  const unsigned char second = byte(1);
  const bool bad = (lead == 0xc2 && second < 0xa0) || (lead == 0xe0 && second < 0xa0) ||
                   (lead == 0xed && second >= 0xa0) || (lead == 0xf0 && second < 0x90) ||
                   (lead == 0xf4 && second >= 0x90);
  return bad ? 0 : size;
}

}  // namespace

bool ParseCpu(std::string_view stat, uint64_t ns_per_tick, machine::Cpu& cpu) {
  bool has_total = false;
  uint32_t count = 0;
  for (std::string_view line; NextLine(stat, line);) {
    if (!line.starts_with("cpu")) continue;
    Words words(line);
    std::string_view number = words.Next().substr(3);
    if (number.empty()) {
      cpu.mutable_total() = ParseCpuTimes(words, ns_per_tick);
      has_total = true;
    } else if (IsDigit(number.front())) {
      if (count < cpu.cores()->size()) {
        cpu.mutable_cores()->Mutate(count, machine::CoreTimes(ToNumber<uint32_t>(number),
                                                              ParseCpuTimes(words, ns_per_tick)));
      }
      ++count;
    }
  }
  cpu.mutate_core_count(count);
  return has_total && count > 0;
}

bool ParseMemory(std::string_view meminfo, machine::Memory& memory) {
  bool has_available = false;
  for (std::string_view line; NextLine(meminfo, line);) {
    Words words(line);
    const std::string_view key = words.Next();
    const uint64_t bytes = Times(words.NextNumber(), 1024);
    if (key == "MemTotal:") memory.mutate_total(bytes);
    if (key == "MemFree:") memory.mutate_free(bytes);
    if (key == "MemAvailable:") {
      memory.mutate_available(bytes);
      has_available = true;
    }
    if (key == "Buffers:") memory.mutate_buffers(bytes);
    if (key == "Cached:") memory.mutate_cached(bytes);
    if (key == "Shmem:") memory.mutate_shared(bytes);
    if (key == "Dirty:") memory.mutate_dirty(bytes);
    if (key == "SwapTotal:") memory.mutate_swap_total(bytes);
    if (key == "SwapFree:") memory.mutate_swap_free(bytes);
  }
  if (!has_available) memory.mutate_available(memory.free());
  return memory.total() > 0;
}

bool ParseLoad(std::string_view loadavg, std::string_view uptime, machine::Load& load) {
  Words words(loadavg);
  const std::string_view first = words.Next();
  if (first.empty() || !IsDigit(first.front())) return false;
  load.mutate_average_1(ToNumber<double>(first));
  load.mutate_average_5(words.NextNumber<double>());
  load.mutate_average_15(words.NextNumber<double>());
  const std::string_view tasks = words.Next();  // "2/345"
  load.mutate_running(ToNumber<uint32_t>(tasks));
  const size_t slash = tasks.find('/');
  if (slash != std::string_view::npos) {
    load.mutate_tasks(ToNumber<uint32_t>(tasks.substr(slash + 1)));
  }
  load.mutate_uptime(Words(uptime).NextNumber<double>());
  return true;
}

std::vector<InterfaceCounters> ParseNetwork(std::string_view net_dev) {
  std::vector<InterfaceCounters> interfaces;
  for (std::string_view line; NextLine(net_dev, line);) {
    const size_t colon = line.find(':');  // The two lines of headings have none.
    if (colon == std::string_view::npos) continue;
    const std::string_view name = Words(line.substr(0, colon)).Next();
    if (name.empty()) continue;
    InterfaceCounters& interface = interfaces.emplace_back();
    interface.name = PrintableUtf8(name);
    Words words(line.substr(colon + 1));
    interface.received_bytes = words.NextNumber();
    interface.received_packets = words.NextNumber();
    interface.receive_errors = words.NextNumber();
    interface.receive_drops = words.NextNumber();
    words.Skip(4);  // fifo, frame, compressed, multicast
    interface.sent_bytes = words.NextNumber();
    interface.sent_packets = words.NextNumber();
    interface.send_errors = words.NextNumber();
    interface.send_drops = words.NextNumber();
  }
  return interfaces;
}

std::vector<DiskCounters> ParseDisks(std::string_view diskstats) {
  std::vector<DiskCounters> disks;
  std::string_view disk;  // The last whole one: its partitions come after it.
  for (std::string_view line; NextLine(diskstats, line);) {
    Words words(line);
    words.Skip(2);  // Device numbers.
    const std::string_view name = words.Next();
    if (name.empty() || IsPartitionOf(name, disk)) continue;
    disk = name;
    DiskCounters counters;
    counters.name = PrintableUtf8(name);
    counters.reads = words.NextNumber();
    words.Skip(1);  // Requests merged.
    counters.read_bytes = Times(words.NextNumber(), kSectorBytes);
    words.Skip(1);  // Time, summed over requests.
    counters.writes = words.NextNumber();
    words.Skip(1);
    counters.written_bytes = Times(words.NextNumber(), kSectorBytes);
    words.Skip(2);  // Time; requests in work.
    counters.busy_ns = Times(words.NextNumber(), 1'000'000);
    if (counters.reads > 0 || counters.writes > 0) disks.push_back(std::move(counters));
  }
  return disks;
}

std::optional<ProcessStat> ParseProcess(std::string_view stat) {
  // 42 (name) S 1 ...; the name may hold anything, even parentheses and newlines.
  const size_t open = stat.find('(');
  const size_t close = stat.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  ProcessStat process;
  process.pid = ToNumber<int32_t>(stat.substr(0, open));
  if (process.pid <= 0) return {};
  process.name = stat.substr(open + 1, close - open - 1);
  Words words(stat.substr(close + 1));
  process.state = ToState(words.Next());
  process.parent_pid = words.NextNumber<int32_t>();
  words.Skip(9);  // pgrp, session, tty_nr, tpgid, flags, minflt, cminflt, majflt, cmajflt
  process.user_ticks = words.NextNumber();
  process.system_ticks = words.NextNumber();
  words.Skip(4);  // cutime, cstime, priority, nice
  process.threads = words.NextNumber<uint32_t>();
  words.Skip(1);  // itrealvalue
  process.start_ticks = words.NextNumber();
  words.Skip(1);  // vsize
  process.resident_pages = words.NextNumber();
  return process;
}

std::string ParseCommandLine(std::string_view cmdline, size_t max_bytes) {
  while (!cmdline.empty() && IsSpace(cmdline.back())) cmdline.remove_suffix(1);
  std::string text(cmdline.substr(0, max_bytes));
  if (text.size() < cmdline.size()) {
    // Not in the middle of a character.
    while (!text.empty() && (static_cast<unsigned char>(cmdline[text.size()]) & 0xc0) == 0x80) {
      text.pop_back();
    }
  }
  std::replace_if(text.begin(), text.end(), IsSpace, ' ');
  return PrintableUtf8(text);
}

std::string PrintableUtf8(std::string_view text) {
  std::string printable;
  printable.reserve(text.size());
  while (!text.empty()) {
    const size_t size = CharacterBytes(text);
    if (size == 0) {
      printable += '?';
      text.remove_prefix(1);
    } else {
      printable += text.substr(0, size);
      text.remove_prefix(size);
    }
  }
  return printable;
}

}  // namespace system_monitor
