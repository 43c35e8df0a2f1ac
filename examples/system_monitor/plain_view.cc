#include "plain_view.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "format.h"

namespace system_monitor {
namespace {

std::string TrafficText(const std::vector<Traffic>& all) {
  double sum = 0;
  for (const Traffic& traffic : all) sum += traffic.in + traffic.out;
  return FormatByteRate(sum);
}

// What the machine does, as far as it is known.
std::string MachineText(const SystemState& system) {
  std::string text;
  if (const auto cpu = system.cpu(); cpu.has_value()) {
    absl::StrAppend(&text, "CPU ", FormatPercent(cpu->busy), "  ");
  }
  if (const auto& load = system.load(); load.has_value()) {
    absl::StrAppend(&text, "load ", FormatNumber(load->average_1(), 2), "  ");
  }
  if (const auto& memory = system.memory(); memory.has_value()) {
    const uint64_t used = memory->total() - std::min(memory->available(), memory->total());
    absl::StrAppend(&text, "memory ", FormatBytes(static_cast<double>(used)), " of ",
                    FormatBytes(static_cast<double>(memory->total())), "  ");
  }
  if (const auto network = system.network(); !network.empty()) {
    absl::StrAppend(&text, "network ", TrafficText(network), "  ");
  }
  if (const auto disks = system.disks(); !disks.empty()) {
    absl::StrAppend(&text, "disks ", TrafficText(disks), "  ");
  }
  if (const auto processes = system.processes(); !processes.empty()) {
    absl::StrAppend(&text, processes.size(), " processes");
    if (processes.front().cpu > 0) {
      absl::StrAppend(&text, ", busiest ", PrintableAscii(processes.front().name), " ",
                      FormatPercent(processes.front().cpu));
    }
    text += "  ";
  }
  return text;
}

}  // namespace

std::string SummaryLine(const Monitor& monitor, int64_t now) {
  size_t alive = 0;
  double rate = 0;
  uint64_t lost = 0;
  int64_t absent_since = 0;
  for (const TopicStatus& topic : monitor.topics) {
    if (topic.matched() > 0) ++alive;
    absent_since = std::max(absent_since, topic.changed_since);
    rate += topic.Rate(now);
    lost += topic.lost;
  }
  if (alive == 0) {
    return absl::StrCat("no publisher for ", FormatAge(now - absent_since), ", ", lost, " lost");
  }
  return absl::StrCat(MachineText(monitor.system), "|  ", alive, " of ", monitor.topics.size(),
                      " topics, ", FormatNumber(rate, 0), " samples/s, ", lost, " lost");
}

}  // namespace system_monitor
