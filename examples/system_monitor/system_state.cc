#include "system_state.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace system_monitor {
namespace {

// 0 if it ran back.
double Growth(uint64_t from, uint64_t to) {
  return to > from ? static_cast<double>(to - from) : 0.0;
}

double Busy(const machine::CpuTimes& from, const machine::CpuTimes& to) {
  const double busy =
      Growth(from.user_ns(), to.user_ns()) + Growth(from.nice_ns(), to.nice_ns()) +
      Growth(from.system_ns(), to.system_ns()) + Growth(from.irq_ns(), to.irq_ns()) +
      Growth(from.softirq_ns(), to.softirq_ns()) + Growth(from.steal_ns(), to.steal_ns());
  const double idle =
      Growth(from.idle_ns(), to.idle_ns()) + Growth(from.iowait_ns(), to.iowait_ns());
  return busy > 0 ? busy / (busy + idle) : 0.0;
}

// Cores in `cores`, whatever the publisher says.
uint32_t CoresOf(const machine::Cpu& cpu) {
  return std::min<uint32_t>(cpu.core_count(), cpu.cores()->size());
}

}  // namespace

void SystemState::Add(const machine::Cpu& cpu, int64_t time_ns) { cpu_.Add(time_ns, cpu); }

void SystemState::Add(const machine::Memory& memory, int64_t /*time_ns*/) { memory_ = memory; }

void SystemState::Add(const machine::Load& load, int64_t /*time_ns*/) { load_ = load; }

void SystemState::Add(const machine::Network& network, int64_t time_ns) {
  std::vector<Counters> counters;
  for (const machine::Interface* i : *network.interfaces()) {
    if (i->received_packets() == 0 && i->sent_packets() == 0) continue;  // Never used.
    counters.push_back({i->name()->str(), i->received_bytes(), i->sent_bytes(), 0});
  }
  network_.Add(time_ns, std::move(counters));
}

void SystemState::Add(const machine::Disks& disks, int64_t time_ns) {
  std::vector<Counters> counters;
  for (const machine::Disk* d : *disks.disks()) {
    counters.push_back({d->name()->str(), d->read_bytes(), d->written_bytes(), d->busy_ns()});
  }
  disks_.Add(time_ns, std::move(counters));
}

void SystemState::Add(const machine::Processes& processes, int64_t time_ns) {
  std::vector<CpuTime> times;
  processes_.clear();
  for (const machine::Process* p : *processes.processes()) {
    const uint64_t cpu_ns = p->user_ns() + p->system_ns();
    times.push_back({p->pid(), p->start_ns(), cpu_ns});
    processes_.push_back({.pid = p->pid(),
                          .name = p->name()->str(),
                          .command_line = p->command_line()->str(),
                          .state = p->state(),
                          .start_ns = p->start_ns(),
                          .cpu_ns = cpu_ns,
                          .resident_bytes = p->resident_bytes(),
                          .threads = p->threads()});
  }
  std::sort(times.begin(), times.end(), [](const CpuTime& a, const CpuTime& b) {
    return std::tie(a.pid, a.start_ns) < std::tie(b.pid, b.start_ns);
  });
  process_times_.Add(time_ns, std::move(times));
}

std::optional<CpuUsage> SystemState::cpu() const {
  if (!cpu_.has_rate()) return std::nullopt;
  const machine::Cpu& from = cpu_.oldest();
  const machine::Cpu& to = cpu_.newest();
  CpuUsage usage{.busy = Busy(from.total(), to.total()), .cores = {}};
  // Both are sorted by number; cores can come and go.
  uint32_t before = 0;
  for (uint32_t i = 0; i < CoresOf(to); ++i) {
    const machine::CoreTimes& core = *to.cores()->Get(i);
    while (before < CoresOf(from) && from.cores()->Get(before)->number() < core.number()) ++before;
    const bool was_there =
        before < CoresOf(from) && from.cores()->Get(before)->number() == core.number();
    const double busy = was_there ? Busy(from.cores()->Get(before)->times(), core.times()) : 0.0;
    usage.cores.push_back({core.number(), busy});
  }
  return usage;
}

std::vector<Traffic> SystemState::TrafficOf(const RateWindow<std::vector<Counters>>& window) {
  std::vector<Traffic> all;
  if (!window.has_rate()) return all;
  const double seconds = window.seconds();
  for (const Counters& to : window.newest()) {
    const auto from = std::find_if(window.oldest().begin(), window.oldest().end(),
                                   [&](const Counters& other) { return other.name == to.name; });
    Traffic& traffic = all.emplace_back();
    traffic.name = to.name;
    if (from == window.oldest().end()) continue;
    traffic.in = Growth(from->in, to.in) / seconds;
    traffic.out = Growth(from->out, to.out) / seconds;
    traffic.busy = std::min(Growth(from->busy_ns, to.busy_ns) * 1e-9 / seconds, 1.0);
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Traffic& a, const Traffic& b) { return a.in + a.out > b.in + b.out; });
  return all;
}

std::vector<ProcessUsage> SystemState::processes() const {
  std::vector<ProcessUsage> all = processes_;
  if (process_times_.has_rate()) {
    const std::vector<CpuTime>& before = process_times_.oldest();
    const double seconds = process_times_.seconds();
    for (ProcessUsage& process : all) {
      const auto from = std::lower_bound(
          before.begin(), before.end(), process, [](const CpuTime& a, const ProcessUsage& b) {
            return std::tie(a.pid, a.start_ns) < std::tie(b.pid, b.start_ns);
          });
      const bool was_there =
          from != before.end() && from->pid == process.pid && from->start_ns == process.start_ns;
      // What was started meanwhile has done all it did in this time.
      process.cpu = Growth(was_there ? from->cpu_ns : 0, process.cpu_ns) * 1e-9 / seconds;
    }
  }
  std::sort(all.begin(), all.end(), [](const ProcessUsage& a, const ProcessUsage& b) {
    return std::tie(b.cpu, b.resident_bytes, a.pid) < std::tie(a.cpu, a.resident_bytes, b.pid);
  });
  return all;
}

}  // namespace system_monitor
