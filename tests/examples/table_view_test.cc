#include "table_view.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "format.h"
#include "plain_view.h"
#include "screen.h"

namespace system_monitor {
namespace {

constexpr int64_t kViewSecond = 1'000'000'000;
constexpr int64_t kNow = 1'000 * kViewSecond;

// One topic with a publisher, one without, and something of all else.
Monitor MakeMonitor(uint32_t cores = 6) {
  Monitor monitor;
  TopicStatus cpu{.name = "system/cpu"};
  cpu.lost = 3;
  cpu.sequence = 1'234;
  cpu.publish_time = kNow - kViewSecond / 50;
  cpu.changed_since = kNow - 90 * kViewSecond;
  cpu.publishers[4711] = {.node_name = "driver\x1b[2J", .is_matched = true};
  for (int64_t i = 0; i <= 20; ++i) {
    cpu.counts.Add(kNow + (i - 20) * kViewSecond / 10, static_cast<uint64_t>(i));
  }
  monitor.topics.push_back(cpu);
  monitor.topics.push_back({.name = "system/processes", .changed_since = kNow - 3 * kViewSecond});

  machine::Cpu times;
  times.mutate_core_count(cores);
  for (uint32_t i = 0; i < cores; ++i) {
    times.mutable_cores()->Mutate(i, machine::CoreTimes(i, machine::CpuTimes()));
  }
  monitor.system.Add(times, kNow - kViewSecond);
  for (uint32_t i = 0; i < cores; ++i) {
    const machine::CpuTimes half(kViewSecond / 2, 0, 0, kViewSecond / 2, 0, 0, 0, 0);
    times.mutable_cores()->Mutate(i, machine::CoreTimes(i, half));
  }
  monitor.system.Add(times, kNow);
  monitor.system.Add(machine::Memory(8 << 20, 6 << 20, 0, 0, 0, 0, 0, 1 << 20, 0), kNow);
  monitor.system.Add(machine::Load(0.5, 1.25, 2, 3, 400, 3'600), kNow);

  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<machine::Process>> list;
  for (int32_t pid = 1; pid <= 50; ++pid) {
    const auto name = builder.CreateString("gr\xc3\xbcn\x1b[31m" + std::to_string(pid));
    const auto line = builder.CreateString(std::string(200, 'x'));
    list.push_back(machine::CreateProcess(builder, pid, 1, name, machine::ProcessState_Running, 0,
                                          0, 0, 4096, 1, line));
  }
  builder.Finish(machine::CreateProcesses(builder, builder.CreateVector(list)));
  monitor.system.Add(*flatbuffers::GetRoot<machine::Processes>(builder.GetBufferPointer()), kNow);
  monitor.Say("14:03:22.123", "driver (pid 4711) is there", false);
  return monitor;
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// `text` without escape sequences for styles. None but these are expected.
std::string WithoutStyles(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\x1b') {
      plain += text[i];
      continue;
    }
    EXPECT_EQ(text[i + 1], '[');
    i = text.find_first_not_of("0123456789;", i + 2);
    EXPECT_EQ(text[i], 'm');
  }
  return plain;
}

TEST(DrawTable, ShowsEverything) {
  const Screen screen{.columns = 100, .rows = 40, .colors = false, .utf8 = false};
  const std::string text = Joined(DrawTable(MakeMonitor(), screen, kNow, "14:03:22"));
  for (const char* part :
       {"1 of 2 topics alive", "14:03:22", "up 1 h 00 min", "* system/cpu", "10.0 Hz", "1234",
        "20 ms", "driver?[2J (4711) for 90 s", "o system/processes", "absent for 3.0 s", " 50 %",
        "2.0 MiB of 8.0 MiB", "swap 1.0 MiB", "0.50  1.25  2.00", "3 of 400 tasks", "50 processes",
        "gr??n?[31m1", "driver (pid 4711) is there"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(DrawTable, FillsEveryWindowExactly) {
  for (const uint32_t cores : {1u, 2u, 7u, 64u, 256u}) {
    const Monitor monitor = MakeMonitor(cores);
    for (const int columns : {1, 2, 7, 12, 20, 39, 40, 60, 76, 80, 96, 100, 250}) {
      for (const int rows : {1, 2, 3, 5, 8, 9, 10, 12, 15, 20, 24, 40, 100}) {
        for (const bool utf8 : {false, true}) {
          const Screen screen{.columns = columns, .rows = rows, .colors = utf8, .utf8 = utf8};
          const auto lines = DrawTable(monitor, screen, kNow, "14:03:22");
          ASSERT_EQ(lines.size(), static_cast<size_t>(rows)) << columns << "x" << rows;
          for (const std::string& line : lines) {
            ASSERT_EQ(Width(WithoutStyles(line)), columns) << columns << "x" << rows << line;
          }
        }
      }
    }
  }
}

TEST(DrawTable, IsPlainWithoutColorsAndUtf8) {
  const Screen screen{.columns = 120, .rows = 40, .colors = false, .utf8 = false};
  for (const std::string& line : DrawTable(MakeMonitor(), screen, kNow, "")) {
    EXPECT_EQ(line, PrintableAscii(line));
  }
}

TEST(DrawTable, NothingIsKnownYet) {
  const Screen screen{.columns = 80, .rows = 24, .colors = true, .utf8 = true};
  EXPECT_EQ(DrawTable(Monitor(), screen, kNow, "14:03:22").size(), 24u);
}

TEST(TopicStatus, RateEndsWithTheSamples) {
  TopicStatus topic = MakeMonitor().topics.front();
  EXPECT_NEAR(topic.Rate(kNow), 10, 0.01);
  EXPECT_NEAR(topic.Rate(kNow + kViewSecond), 10, 0.01);
  EXPECT_EQ(topic.Rate(kNow + 5 * kViewSecond), 0);
  topic.publishers.clear();
  EXPECT_EQ(topic.Rate(kNow), 0);
}

TEST(SummaryLine, TellsWhatThereIs) {
  Monitor monitor = MakeMonitor();
  const std::string line = SummaryLine(monitor, kNow);
  EXPECT_NE(line.find("load 0.50"), std::string::npos) << line;
  EXPECT_NE(line.find("memory 2.0 MiB of 8.0 MiB"), std::string::npos) << line;
  EXPECT_NE(line.find("50 processes"), std::string::npos) << line;
  EXPECT_NE(line.find("1 of 2 topics, 10 samples/s, 3 lost"), std::string::npos) << line;
  EXPECT_EQ(line, PrintableAscii(line));
  monitor.topics.front().publishers.clear();
  EXPECT_EQ(SummaryLine(monitor, kNow), "no publisher for 3.0 s, 3 lost");
}

TEST(Format, IsShort) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1'023), "1.0 KiB");
  EXPECT_EQ(FormatBytes(99.9 * 1024), "99.9 KiB");
  EXPECT_EQ(FormatBytes(100 * 1024), "100 KiB");
  EXPECT_EQ(FormatBytes(1e30), "888178419700125 PiB");
  EXPECT_EQ(FormatByteRate(1'234), "1.2 kB/s");
  EXPECT_EQ(FormatByteRate(999'600), "1.0 MB/s");
  EXPECT_EQ(FormatByteRate(-1), "0 B/s");
  EXPECT_EQ(FormatAge(-5), "0.0 ms");
  EXPECT_EQ(FormatAge(400'000), "0.4 ms");
  EXPECT_EQ(FormatAge(12'000'000), "12 ms");
  EXPECT_EQ(FormatAge(3'200'000'000), "3.2 s");
  EXPECT_EQ(FormatAge(90 * kViewSecond), "90 s");
  EXPECT_EQ(FormatAge(300 * kViewSecond), "5 min");
  EXPECT_EQ(FormatAge(7'380 * kViewSecond), "2 h 03 min");
  EXPECT_EQ(FormatAge(90'000 * kViewSecond), "1 d 01 h");
  EXPECT_EQ(FormatPercent(0.424), "42 %");
  EXPECT_EQ(FormatPercent(-1), "0 %");
}

}  // namespace
}  // namespace system_monitor
