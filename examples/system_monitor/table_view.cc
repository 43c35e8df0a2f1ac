#include "table_view.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "format.h"

namespace system_monitor {
namespace {

constexpr int kCoreColumns = 24;     // At least, for one core's bar.
constexpr int kMostTrafficRows = 4;  // Interfaces, disks.
constexpr int kFewestProcesses = 3;  // Rows that are kept free for them if possible.
constexpr int kMostMessageRows = 3;
constexpr int kWide = 96;        // Screens as wide have room for the publisher's name.
constexpr int kTwoColumns = 76;  // Screens as wide show network and disks side by side.

const char* NameOf(machine::ProcessState state) {
  switch (state) {
    case machine::ProcessState_Running:
      return "running";
    case machine::ProcessState_Sleeping:
      return "sleeping";
    case machine::ProcessState_Uninterruptible:
      return "waiting";
    case machine::ProcessState_Stopped:
      return "stopped";
    case machine::ProcessState_Traced:
      return "traced";
    case machine::ProcessState_Zombie:
      return "zombie";
    case machine::ProcessState_Idle:
      return "idle";
    default:
      return "?";
  }
}

class Table {
 public:
  Table(const Monitor& monitor, const Screen& screen, int64_t now)
      : monitor_(monitor), screen_(screen), now_(now) {}

  std::vector<std::string> Draw(const std::string& clock) {
    Title(clock);
    Topics();
    const std::vector<std::string> messages = Messages();
    // From here on what fits, above the messages.
    last_row_ = screen_.rows - static_cast<int>(messages.size());
    Cpu();
    Memory();
    LoadAverage();
    Traffic();
    Processes();
    lines_.resize(static_cast<size_t>(std::max(last_row_, 0)), NewLine().Finish());
    lines_.insert(lines_.end(), messages.begin(), messages.end());
    lines_.resize(static_cast<size_t>(std::max(screen_.rows, 0)), NewLine().Finish());
    return std::move(lines_);
  }

 private:
  Line NewLine(bool is_faint = false) const { return Line(screen_, is_faint); }
  void Put(Line line) { lines_.push_back(line.Finish()); }
  void Put() { Put(NewLine()); }
  int RowsLeft() const { return last_row_ - static_cast<int>(lines_.size()); }
  const char* Glyph(const char* utf8, const char* ascii) const {
    return screen_.utf8 ? utf8 : ascii;
  }
  // Whether what a topic last said is no longer kept up to date.
  bool IsStale(std::string_view topic) const {
    for (const TopicStatus& status : monitor_.topics) {
      if (status.name == topic) return status.matched() == 0;
    }
    return true;
  }

  void Title(const std::string& clock) {
    int alive = 0;
    for (const TopicStatus& topic : monitor_.topics) alive += topic.matched() > 0 ? 1 : 0;
    const auto count = static_cast<int>(monitor_.topics.size());
    Line line = NewLine();
    line.Add(" HOLLER ", Style::kHeading).Add("system monitor", Style::kBold).Add("   ");
    line.Add(absl::StrCat(alive, " of ", count, " topics alive"),
             alive == count ? Style::kGood : Style::kBad);
    std::string right;
    if (const auto& load = monitor_.system.load(); load.has_value()) {
      right = absl::StrCat("up ", FormatAge(static_cast<int64_t>(load->uptime() * 1e9)), "   ");
    }
    const int width = screen_.columns - line.column() - 1;
    if (width >= static_cast<int>(right.size() + clock.size()) + 1) {
      line.AddRight(right + clock, width, Style::kFaint);
    }
    Put(std::move(line));
  }

  void Topics() {
    size_t name_width = 5;
    for (const TopicStatus& topic : monitor_.topics) {
      name_width = std::max(name_width, topic.name.size());
    }
    const int name_columns = static_cast<int>(name_width);
    if (screen_.rows >= 10) Put();
    Line heading = NewLine();
    heading.Add("   ").AddLeft("TOPIC", name_columns, Style::kHeading);
    heading.AddRight("RATE", 9, Style::kHeading).AddRight("SEQUENCE", 10, Style::kHeading);
    heading.AddRight("AGE", 9, Style::kHeading).AddRight("LOST", 6, Style::kHeading);
    Put(std::move(heading.Add("   PUBLISHER", Style::kHeading)));
    for (const TopicStatus& topic : monitor_.topics) Topic(topic, name_columns);
  }

  void Topic(const TopicStatus& topic, int name_columns) {
    const bool has_sample = topic.publish_time != 0;
    const bool is_alive = topic.matched() > 0;
    const std::string none = Glyph("–", "-");
    Line line = NewLine();
    line.Add(" ").Add(is_alive ? Glyph("●", "*") : Glyph("○", "o"),
                      is_alive ? Style::kGood : Style::kBad);
    line.Add(" ").AddLeft(topic.name, name_columns, is_alive ? Style::kBold : Style::kPlain);
    line.AddRight(absl::StrCat(FormatNumber(topic.Rate(now_), 1), " Hz"), 9);
    line.AddRight(has_sample ? absl::StrCat(topic.sequence) : none, 10);
    line.AddRight(has_sample ? FormatAge(now_ - topic.publish_time) : none, 9,
                  is_alive ? Style::kPlain : Style::kWarning);
    line.AddRight(absl::StrCat(topic.lost), 6, topic.lost > 0 ? Style::kBad : Style::kPlain);
    line.Add("   ");
    if (is_alive) {
      line.Add(PublisherOf(topic));
    } else {
      line.Add("absent", Style::kBad);
    }
    line.Add(absl::StrCat(" for ", FormatAge(now_ - topic.changed_since)), Style::kFaint);
    Put(std::move(line));
  }

  std::string PublisherOf(const TopicStatus& topic) const {
    if (topic.matched() > 1) return absl::StrCat(topic.matched(), " publishers");
    for (const auto& [pid, publisher] : topic.publishers) {
      if (!publisher.is_matched) continue;
      if (screen_.columns < kWide) return absl::StrCat("pid ", pid);
      return absl::StrCat(PrintableAscii(publisher.node_name), " (", pid, ")");
    }
    return "";
  }

  // The newest lines that are to be read, with an empty one above.
  std::vector<std::string> Messages() const {
    const int room = screen_.rows - static_cast<int>(lines_.size()) - 2;
    const int count =
        std::min({room, kMostMessageRows, static_cast<int>(monitor_.messages.size())});
    std::vector<std::string> lines;
    if (count <= 0) return lines;
    lines.push_back(NewLine().Finish());
    for (auto it = monitor_.messages.end() - count; it != monitor_.messages.end(); ++it) {
      Line line = NewLine();
      line.Add(" ").Add(it->clock, Style::kFaint).Add("  ");
      line.Add(PrintableAscii(it->text), it->is_bad ? Style::kBad : Style::kGood);
      lines.push_back(line.Finish());
    }
    return lines;
  }

  void Cpu() {
    const std::optional<CpuUsage> cpu = monitor_.system.cpu();
    if (!cpu.has_value() || cpu->cores.empty() || RowsLeft() < 2) return;
    const bool is_stale = IsStale("system/cpu");
    Put();
    const int width = screen_.columns - kLabelColumns;
    const int per_row = std::max(width / kCoreColumns, 1);
    const int cell = std::max(width / per_row, 1);
    const auto count = static_cast<int>(cpu->cores.size());
    const int rows = std::clamp(screen_.rows / 4, 1, RowsLeft());
    const int needed = (count + per_row - 1) / per_row;
    for (int row = 0; row < std::min(rows, needed); ++row) {
      Line line = NewLine(is_stale);
      if (row == 0) Label(line, "CPU");
      if (row == 1) line.Add(absl::StrCat("  ", FormatPercent(cpu->busy)), Style::kBold);
      line.To(kLabelColumns);
      for (int i = row * per_row; i < std::min((row + 1) * per_row, count); ++i) {
        const CoreUsage& core = cpu->cores[static_cast<size_t>(i)];
        line.AddRight(absl::StrCat(core.number), 3, Style::kFaint).Add(" ");
        line.AddBar(core.busy, cell - 12).AddRight(FormatPercent(core.busy), 6).Add("  ");
      }
      Put(std::move(line));
    }
    if (needed > rows && RowsLeft() > 0) {
      Put(std::move(
          NewLine(is_stale)
              .To(kLabelColumns)
              .Add(absl::StrCat("  and ", count - rows * per_row, " cores more"), Style::kFaint)));
    }
  }

  void Memory() {
    const auto& memory = monitor_.system.memory();
    if (!memory.has_value() || memory->total() == 0 || RowsLeft() < 1) return;
    Line line = NewLine(IsStale("system/memory"));
    Label(line, "MEMORY");
    Usage(line, memory->total() - std::min(memory->available(), memory->total()), memory->total());
    if (memory->swap_total() > 0) {
      line.Add("     ").Add("swap ", Style::kFaint);
      line.Add(FormatBytes(static_cast<double>(memory->swap_total() - memory->swap_free())));
    }
    line.Add("   ").Add("cached ", Style::kFaint);
    line.Add(FormatBytes(static_cast<double>(memory->cached())));
    Put(std::move(line));
  }

  void Usage(Line& line, uint64_t used, uint64_t total) {
    const double part = static_cast<double>(used) / static_cast<double>(total);
    line.Add("    ").AddBar(part, std::clamp(screen_.columns / 4, 4, 60));
    line.AddRight(FormatPercent(part), 6).Add("   ");
    line.Add(FormatBytes(static_cast<double>(used)), Style::kBold);
    line.Add(absl::StrCat(" of ", FormatBytes(static_cast<double>(total))));
  }

  void LoadAverage() {
    const auto& load = monitor_.system.load();
    if (!load.has_value() || RowsLeft() < 1) return;
    Line line = NewLine(IsStale("system/load"));
    Label(line, "LOAD");
    line.Add(absl::StrCat("    ", FormatNumber(load->average_1(), 2)), Style::kBold);
    line.Add(absl::StrCat("  ", FormatNumber(load->average_5(), 2), "  ",
                          FormatNumber(load->average_15(), 2)));
    line.Add("   in 1, 5, 15 min", Style::kFaint);
    line.Add(absl::StrCat("   ", load->running(), " of ", load->tasks(), " tasks running"));
    Put(std::move(line));
  }

  void Traffic() {
    const std::vector<system_monitor::Traffic> network = monitor_.system.network();
    const std::vector<system_monitor::Traffic> disks = monitor_.system.disks();
    const bool side_by_side = screen_.columns >= kTwoColumns;
    const auto rows = static_cast<int>(std::max(network.size(), disks.size()));
    const int room = std::min({RowsLeft() - 2 - kFewestProcesses - 2, kMostTrafficRows, rows});
    if (room < 1) return;
    Put();
    const int right = side_by_side ? screen_.columns / 2 : screen_.columns;
    for (int row = -1; row < room; ++row) {
      Line line = NewLine(row >= 0 && IsStale("system/network") && IsStale("system/disks"));
      TrafficCell(line, network, row, {"NETWORK", "IN", "OUT", ""});
      if (side_by_side)
        TrafficCell(line.To(right), disks, row, {"DISK", "READ", "WRITTEN", "BUSY"});
      Put(std::move(line));
    }
  }

  struct Headings {
    const char *name, *in, *out, *busy;
  };
  // Row -1 is the heading.
  static void TrafficCell(Line& line, const std::vector<system_monitor::Traffic>& all, int row,
                          const Headings& headings) {
    constexpr int kName = 15, kRate = 12, kBusy = 8;
    const bool has_busy = *headings.busy != '\0';
    if (row < 0) {
      line.Add(" ").AddLeft(headings.name, kName - 1, Style::kHeading);
      line.AddRight(headings.in, kRate - 2, Style::kHeading);
      line.AddRight(headings.out, kRate, Style::kHeading);
      if (has_busy) line.AddRight(headings.busy, kBusy, Style::kHeading);
    } else if (row < static_cast<int>(all.size())) {
      const system_monitor::Traffic& traffic = all[static_cast<size_t>(row)];
      line.Add(" ").AddLeft(PrintableAscii(traffic.name), kName - 2).Add(" ");
      line.AddRight(FormatByteRate(traffic.in), kRate - 2);
      line.AddRight(FormatByteRate(traffic.out), kRate);
      if (has_busy) line.AddRight(FormatPercent(traffic.busy), kBusy);
    }
  }

  void Processes() {
    const std::vector<ProcessUsage> processes = monitor_.system.processes();
    const bool is_stale = IsStale("system/processes");
    if (processes.empty() || RowsLeft() < 3) return;
    Put();
    Line heading = NewLine();
    heading.AddRight("PID", 8, Style::kHeading).AddRight("CPU", 8, Style::kHeading);
    heading.AddRight("MEMORY", 11, Style::kHeading).AddRight("THREADS", 9, Style::kHeading);
    heading.Add("  ").AddLeft("STATE", 10, Style::kHeading).Add("PROCESS", Style::kHeading);
    const std::string count = absl::StrCat(processes.size(), " processes");
    if (heading.column() + Width(count) + 2 < screen_.columns) {
      heading.AddRight(count, screen_.columns - heading.column() - 1, Style::kFaint);
    }
    Put(std::move(heading));
    for (const ProcessUsage& process : processes) {
      if (RowsLeft() < 1) break;
      Line line = NewLine(is_stale);
      line.AddRight(absl::StrCat(process.pid), 8);
      line.AddRight(FormatPercent(process.cpu), 8,
                    process.cpu >= 0.5 ? Style::kWarning : Style::kPlain);
      line.AddRight(FormatBytes(static_cast<double>(process.resident_bytes)), 11);
      line.AddRight(absl::StrCat(process.threads), 9);
      line.Add("  ").AddLeft(NameOf(process.state), 10, Style::kFaint);
      Command(line, PrintableAscii(process.name), PrintableAscii(process.command_line));
      Put(std::move(line));
    }
  }

  // The program's name, and its arguments.
  static void Command(Line& line, const std::string& name, const std::string& command_line) {
    const size_t end = std::min(command_line.find(' '), command_line.size());
    const std::string path = command_line.substr(0, end);
    const std::string program = path.substr(path.rfind('/') + 1);
    if (command_line.empty()) {
      line.Add("[" + name + "]", Style::kFaint);  // A thread of the kernel, as in ps.
    } else if (!name.empty() && program.starts_with(name)) {
      line.Add(program, Style::kBold).Add(command_line.substr(end), Style::kFaint);
    } else {
      line.Add(name, Style::kBold).Add("  " + command_line, Style::kFaint);
    }
  }

  static void Label(Line& line, std::string_view label) {
    line.Add(" ").AddLeft(label, kLabelColumns - 1, Style::kHeading);
  }

  static constexpr int kLabelColumns = 8;

  const Monitor& monitor_;
  const Screen& screen_;
  const int64_t now_;
  int last_row_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> DrawTable(const Monitor& monitor, const Screen& screen, int64_t now,
                                   const std::string& clock) {
  return Table(monitor, screen, now).Draw(clock);
}

}  // namespace system_monitor
