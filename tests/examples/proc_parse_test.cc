#include "proc_parse.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>

namespace system_monitor {
namespace {

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

TEST(ParseCpu, ReadsTotalAndEachCore) {
  machine::Cpu cpu;
  ASSERT_TRUE(
      ParseCpu("cpu  10 20 30 40 50 60 70 80 90 100\n"
               "cpu0 1 2 3 4 5 6 7 8 0 0\n"
               "cpu3 9 0 0 11 0 0 0 0 0 0\n"
               "intr 5 6 7\nctxt 1\n",
               10, cpu));
  EXPECT_EQ(cpu.core_count(), 2u);
  EXPECT_EQ(cpu.total().user_ns(), 100u);
  EXPECT_EQ(cpu.total().steal_ns(), 800u);
  EXPECT_EQ(cpu.cores()->Get(0)->number(), 0u);
  EXPECT_EQ(cpu.cores()->Get(0)->times().iowait_ns(), 50u);
  EXPECT_EQ(cpu.cores()->Get(1)->number(), 3u);  // Cores between are offline.
  EXPECT_EQ(cpu.cores()->Get(1)->times().idle_ns(), 110u);
}

TEST(ParseCpu, CountsCoresBeyondTheArray) {
  std::string text = "cpu 1 1 1 1\n";
  for (int i = 0; i < 300; ++i) text += "cpu" + std::to_string(i) + " 1 2 3 4\n";
  machine::Cpu cpu;
  ASSERT_TRUE(ParseCpu(text, 1, cpu));
  EXPECT_EQ(cpu.core_count(), 300u);
  EXPECT_EQ(cpu.cores()->Get(255)->number(), 255u);
}

TEST(ParseCpu, OddContent) {
  machine::Cpu cpu;
  EXPECT_FALSE(ParseCpu("", 10, cpu));
  EXPECT_FALSE(ParseCpu("cpu", 10, cpu));
  EXPECT_FALSE(ParseCpu("intr 1\n", 10, cpu));
  ASSERT_TRUE(ParseCpu("cpu 1\ncpu0 99999999999999999999999 x -3", 10, cpu));
  EXPECT_EQ(cpu.total().nice_ns(), 0u);
  EXPECT_EQ(cpu.cores()->Get(0)->times().user_ns(), kMost);
  EXPECT_EQ(cpu.cores()->Get(0)->times().nice_ns(), 0u);
  EXPECT_EQ(cpu.cores()->Get(0)->times().system_ns(), 0u);
}

TEST(ParseMemory, IsInBytes) {
  machine::Memory memory;
  ASSERT_TRUE(
      ParseMemory("MemTotal:       1000 kB\nMemFree:  100 kB\nMemAvailable: 700 kB\n"
                  "Cached: 5 kB\nSwapTotal: 64 kB\nSwapFree: 32 kB\nHugePages_Total: 3\n",
                  memory));
  EXPECT_EQ(memory.total(), 1'024'000u);
  EXPECT_EQ(memory.available(), 716'800u);
  EXPECT_EQ(memory.swap_free(), 32'768u);
}

TEST(ParseMemory, OldKernelsDoNotSayWhatIsAvailable) {
  machine::Memory memory;
  ASSERT_TRUE(ParseMemory("MemTotal: 1000 kB\nMemFree: 100 kB\n", memory));
  EXPECT_EQ(memory.available(), memory.free());
  machine::Memory none;
  EXPECT_FALSE(ParseMemory("MemFree: 100 kB\n", none));
  EXPECT_FALSE(ParseMemory("MemTotal:", none));
}

TEST(ParseLoad, ReadsBothFiles) {
  machine::Load load;
  ASSERT_TRUE(ParseLoad("0.52 1.25 12.00 3/456 12345\n", "100.25 90.00\n", load));
  EXPECT_DOUBLE_EQ(load.average_1(), 0.52);
  EXPECT_DOUBLE_EQ(load.average_15(), 12);
  EXPECT_EQ(load.running(), 3u);
  EXPECT_EQ(load.tasks(), 456u);
  EXPECT_DOUBLE_EQ(load.uptime(), 100.25);
}

TEST(ParseLoad, OddContent) {
  machine::Load load;
  EXPECT_FALSE(ParseLoad("", "1", load));
  EXPECT_FALSE(ParseLoad("nan 1 1", "1", load));
  EXPECT_TRUE(ParseLoad("1.5", "", load));
  EXPECT_EQ(load.uptime(), 0);
}

TEST(ParseNetwork, SkipsHeadings) {
  const auto interfaces = ParseNetwork(
      "Inter-|   Receive                            |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes ...\n"
      "    lo:  10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25\n"
      "wlp0s20f3:99999999999 1 0 0 0 0 0 0 5 6 7 8 0 0 0 0\n"
      "eth1: 7\n");
  ASSERT_EQ(interfaces.size(), 3u);
  EXPECT_EQ(interfaces[0].name, "lo");
  EXPECT_EQ(interfaces[0].received_bytes, 10u);
  EXPECT_EQ(interfaces[0].receive_drops, 13u);
  EXPECT_EQ(interfaces[0].sent_bytes, 18u);
  EXPECT_EQ(interfaces[0].send_drops, 21u);
  EXPECT_EQ(interfaces[1].name, "wlp0s20f3");  // No space after the colon.
  EXPECT_EQ(interfaces[1].received_bytes, 99'999'999'999u);
  EXPECT_EQ(interfaces[2].sent_bytes, 0u);
}

TEST(ParseDisks, ListsWholeDisksThatWereUsed) {
  const auto disks = ParseDisks(
      "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n"
      "   7       1 loop1 5 0 10 0 0 0 0 0 0 0 0\n"
      "   7      12 loop12 5 0 10 0 0 0 0 0 0 0 0\n"
      "   8       0 sda 10 1 100 5 20 2 200 7 0 33 12\n"
      "   8       1 sda1 10 1 100 5 20 2 200 7 0 33 12\n"
      "  65       0 sdaa 1 0 1 0 0 0 0 0 0 0 0\n"
      " 259       0 nvme0n1 1 0 1 0 0 0 0 0 0 0 0\n"
      " 259       1 nvme0n1p1 1 0 1 0 0 0 0 0 0 0 0\n"
      " 259       2 nvme0n1p12 1 0 1 0 0 0 0 0 0 0 0\n"
      "garbage\n");
  std::string names;
  for (const DiskCounters& disk : disks) names += disk.name + " ";
  EXPECT_EQ(names, "loop1 loop12 sda sdaa nvme0n1 ");
  EXPECT_EQ(disks[2].reads, 10u);
  EXPECT_EQ(disks[2].read_bytes, 51'200u);
  EXPECT_EQ(disks[2].writes, 20u);
  EXPECT_EQ(disks[2].written_bytes, 102'400u);
  EXPECT_EQ(disks[2].busy_ns, 33'000'000u);
}

constexpr char kStat[] =
    " S 1 2 3 4 5 6 7 8 9 10 111 222 0 0 20 0 7 0 4242 1000000 55 18446744073709551615 1 1\n";

TEST(ParseProcess, ReadsFields) {
  const std::string text = std::string("42 (bash)") + kStat;
  const auto process = ParseProcess(text);
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(process->pid, 42);
  EXPECT_EQ(process->parent_pid, 1);
  EXPECT_EQ(process->name, "bash");
  EXPECT_EQ(process->state, machine::ProcessState_Sleeping);
  EXPECT_EQ(process->user_ticks, 111u);
  EXPECT_EQ(process->system_ticks, 222u);
  EXPECT_EQ(process->threads, 7u);
  EXPECT_EQ(process->start_ticks, 4242u);
  EXPECT_EQ(process->resident_pages, 55u);
}

TEST(ParseProcess, NamesMayHoldAnything) {
  for (const std::string name : {"a b", ") R 9 (", "()", "", "x\ny", "\xff\x1b[2J"}) {
    const std::string text = "42 (" + name + ")" + kStat;
    const auto process = ParseProcess(text);
    ASSERT_TRUE(process.has_value()) << name;
    EXPECT_EQ(process->name, name);
    EXPECT_EQ(process->parent_pid, 1) << name;
  }
}

TEST(ParseProcess, OddContent) {
  for (const char* text : {"", "42", "42 (", "42 )", ")(", "(x) S 1", "-1 (x) S", "x (y) S 1"}) {
    EXPECT_FALSE(ParseProcess(text).has_value()) << text;
  }
  const auto process = ParseProcess("42 (x)");
  ASSERT_TRUE(process.has_value());
  EXPECT_EQ(process->state, machine::ProcessState_Unknown);
  EXPECT_EQ(process->threads, 0u);
}

TEST(ParseCommandLine, PutsSpacesBetweenArguments) {
  using namespace std::string_literals;
  EXPECT_EQ(ParseCommandLine("ls\0-l\0/tmp\0"s, 256), "ls -l /tmp");
  EXPECT_EQ(ParseCommandLine("title\0\0\0\0"s, 256), "title");
  EXPECT_EQ(ParseCommandLine("sh\0-c\0echo \x1b[31m\n"s, 256), "sh -c echo ?[31m");
  EXPECT_EQ(ParseCommandLine("", 256), "");
}

TEST(ParseCommandLine, IsNotCutWithinACharacter) {
  EXPECT_EQ(ParseCommandLine("12345", 3), "123");
  EXPECT_EQ(ParseCommandLine("aä€", 3), "aä");
  EXPECT_EQ(ParseCommandLine("aä€", 4), "aä");
  EXPECT_EQ(ParseCommandLine("aä€", 5), "aä");
  EXPECT_EQ(ParseCommandLine("aä€", 6), "aä€");
}

TEST(PrintableUtf8, ReplacesWhatIsNot) {
  EXPECT_EQ(PrintableUtf8("plain, grün, €, 🙂"), "plain, grün, €, 🙂");
  EXPECT_EQ(PrintableUtf8("\x1b\x7f\t"), "???");
  EXPECT_EQ(PrintableUtf8("\xc2\x9b."), "??.");          // A control character beyond ASCII.
  EXPECT_EQ(PrintableUtf8("\xc0\xaf"), "??");            // Longer than need be.
  EXPECT_EQ(PrintableUtf8("\xed\xa0\x80"), "???");       // Half of a pair of UTF-16.
  EXPECT_EQ(PrintableUtf8("\xf4\x90\x80\x80"), "????");  // Beyond Unicode.
  EXPECT_EQ(PrintableUtf8("a\xe2\x82"), "a??");          // Cut.
  EXPECT_EQ(PrintableUtf8("\xff\xfe"), "??");
}

// Nothing in a file may do harm: run with sanitizers, this finds what does.
TEST(Parsers, SurviveAnything) {
  const std::string seeds[] = {"cpu  1 2 3 4\ncpu0 1 2 3 4\n",
                               "MemTotal: 5 kB\nMemFree: 3 kB\n",
                               "0.1 0.2 0.3 1/2 3\n",
                               "lo: 1 2 3 4 5 6 7 8 9 10\n",
                               "8 0 sda 1 2 3 4 5 6 7\n8 1 sda1 1 1 1 1 1\n",
                               std::string("42 (bash)") + kStat};
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seeds[random() % std::size(seeds)];
    for (uint32_t changes = random() % 6; changes > 0; --changes) {
      const size_t at = random() % (text.size() + 1);
      switch (random() % 3) {
        case 0:
          text.insert(at, 1 + random() % 30, static_cast<char>("9: \n)\xc3\0(-"[random() % 9]));
          break;
        case 1:
          text.resize(at);
          break;
        default:
          if (at < text.size()) text[at] = static_cast<char>(random());
      }
    }
    machine::Cpu cpu;
    ParseCpu(text, 10'000'000, cpu);
    machine::Memory memory;
    ParseMemory(text, memory);
    machine::Load load;
    ParseLoad(text, text, load);
    ParseNetwork(text);
    ParseDisks(text);
    ParseProcess(text);
    EXPECT_LE(ParseCommandLine(text, 16).size(), 16u);
  }
}

}  // namespace
}  // namespace system_monitor
