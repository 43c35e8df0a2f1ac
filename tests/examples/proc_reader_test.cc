#include "proc_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace system_monitor {
namespace {

using flatbuffers::FlatBufferBuilder;
using namespace std::string_literals;

// A /proc of one's own.
class ProcReaderTest : public testing::Test {
 protected:
  ProcReaderTest() {
    std::string pattern = testing::TempDir() + "proc.XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~ProcReaderTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
  }
  void AddProcess(int pid, const std::string& name, const std::string& command_line,
                  int start = 5) {
    const std::string number = std::to_string(pid);
    Write(number + "/stat", number + " (" + name + ") R 1 2 3 4 5 6 7 8 9 10 1 2 0 0 20 0 3 0 " +
                                std::to_string(start) + " 1000 2\n");
    Write(number + "/cmdline", command_line);
  }

  // The processes as the subscribers of the topic see them.
  const machine::Processes& ReadProcesses(ProcReader& reader, size_t max_bytes = 1 << 20) {
    builder_.Clear();
    builder_.Finish(reader.ReadProcesses(builder_, max_bytes));
    EXPECT_LE(builder_.GetSize(), max_bytes);
    flatbuffers::Verifier verifier(builder_.GetBufferPointer(), builder_.GetSize());
    EXPECT_TRUE(verifier.VerifyBuffer<machine::Processes>());
    return *flatbuffers::GetRoot<machine::Processes>(builder_.GetBufferPointer());
  }

  std::filesystem::path root_;
  FlatBufferBuilder builder_;
};

TEST_F(ProcReaderTest, ReadsAFileAnew) {
  Write("loadavg", "1.00 2.00 3.00 1/2 3\n");
  Write("uptime", "7.5 1\n");
  ProcReader reader(root_.string());
  machine::Load load;
  ASSERT_TRUE(reader.ReadLoad(load));
  EXPECT_DOUBLE_EQ(load.average_5(), 2);
  Write("loadavg", "4.00 5.00 6.00 1/2 3\n");
  ASSERT_TRUE(reader.ReadLoad(load));
  EXPECT_DOUBLE_EQ(load.average_5(), 5);
}

TEST_F(ProcReaderTest, ReadsFilesOfAnySize) {
  std::string text = "Inter-| x\n";
  for (int i = 0; i < 5'000; ++i) text += "veth" + std::to_string(i) + ": 1 2 3 4 5 6 7 8 9\n";
  Write("net/dev", text);
  ProcReader reader(root_.string());
  const auto slot = std::make_unique<machine::NetworkSlot>();
  machine::NetworkWriter writer;
  writer.Start(slot->payload, nullptr);
  ASSERT_TRUE(reader.ReadNetwork(writer));
  const machine::Network& network = writer.message();
  EXPECT_EQ(network.interfaces()->size(), 256u);
  EXPECT_EQ(network.interfaces()->Get(255)->name()->str(), "veth255");
  EXPECT_EQ(network.interfaces()->Get(255)->received_bytes(), 1u);
  EXPECT_EQ(network.omitted(), 5'000u - 256u);
}

TEST_F(ProcReaderTest, SaysWhenThereIsNothingToRead) {
  ProcReader reader(root_.string());
  FlatBufferBuilder builder;
  machine::Cpu cpu;
  machine::Memory memory;
  EXPECT_FALSE(reader.ReadCpu(cpu));
  EXPECT_FALSE(reader.ReadMemory(memory));
  EXPECT_TRUE(reader.ReadDisks(builder, 65'536).IsNull());
  ProcReader nowhere((root_ / "none").string());
  EXPECT_TRUE(nowhere.ReadProcesses(builder, 65'536).IsNull());
}

TEST_F(ProcReaderTest, ListsProcesses) {
  AddProcess(7, "some (odd) name", "program\0--flag\0"s);
  AddProcess(8, "kthread", "");
  Write("9/stat", "");        // Ended meanwhile.
  Write("10x/stat", "oops");  // Nothing the kernel would do.
  Write("sys/kernel", "");
  ProcReader reader(root_.string());
  const machine::Processes& list = ReadProcesses(reader);
  ASSERT_EQ(list.processes()->size(), 2u);
  const bool is_first = list.processes()->Get(0)->pid() == 7;
  const machine::Process& process = *list.processes()->Get(is_first ? 0 : 1);
  EXPECT_EQ(process.name()->str(), "some (odd) name");
  EXPECT_EQ(process.command_line()->str(), "program --flag");
  EXPECT_EQ(process.state(), machine::ProcessState_Running);
  EXPECT_EQ(process.threads(), 3u);
  EXPECT_EQ(process.resident_bytes(), 2u * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(process.system_ns(), 2 * process.user_ns());
}

TEST_F(ProcReaderTest, NoticesAnotherProcessOfTheSamePid) {
  AddProcess(7, "old", "old\0"s);
  ProcReader reader(root_.string());
  EXPECT_EQ(ReadProcesses(reader).processes()->Get(0)->command_line()->str(), "old");
  AddProcess(7, "new", "new\0"s);  // exec
  EXPECT_EQ(ReadProcesses(reader).processes()->Get(0)->command_line()->str(), "new");
  AddProcess(7, "new", "newest\0"s, 6);  // Ended, and its pid was used again.
  EXPECT_EQ(ReadProcesses(reader).processes()->Get(0)->command_line()->str(), "newest");
  std::filesystem::remove_all(root_ / "7");
  EXPECT_EQ(ReadProcesses(reader).processes()->size(), 0u);
}

TEST_F(ProcReaderTest, LeavesOutWhatDoesNotFit) {
  for (int pid = 1; pid <= 200; ++pid) AddProcess(pid, "name", std::string(1'000, 'x'));
  ProcReader reader(root_.string());
  for (const size_t max_bytes : {300, 1'000, 5'000, 20'000}) {
    const machine::Processes& list = ReadProcesses(reader, max_bytes);
    EXPECT_EQ(list.processes()->size() + list.omitted(), 200u);
    EXPECT_GT(list.omitted(), 0u);
  }
  EXPECT_EQ(ReadProcesses(reader, 200'000).omitted(), 0u);
}

TEST(ProcReader, ReadsThisMachine) {
  ProcReader reader;
  machine::Cpu cpu;
  ASSERT_TRUE(reader.ReadCpu(cpu));
  EXPECT_GE(cpu.core_count(), 1u);
  machine::Memory memory;
  ASSERT_TRUE(reader.ReadMemory(memory));
  EXPECT_GE(memory.total(), memory.available());
  FlatBufferBuilder builder;
  builder.Finish(reader.ReadProcesses(builder, 1 << 20));
  const auto* list = flatbuffers::GetRoot<machine::Processes>(builder.GetBufferPointer());
  bool is_found = false;
  for (const machine::Process* process : *list->processes()) {
    is_found = is_found || process->pid() == ::getpid();
  }
  EXPECT_TRUE(is_found);
}

}  // namespace
}  // namespace system_monitor
