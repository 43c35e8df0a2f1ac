#include "system_state.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace system_monitor {
namespace {

using flatbuffers::FlatBufferBuilder;

constexpr int64_t kSecond = 1'000'000'000;

// Cores by number, each with its busy and idle seconds.
machine::Cpu MakeCpu(const std::vector<std::pair<uint32_t, std::pair<int, int>>>& cores) {
  machine::Cpu cpu;
  cpu.mutate_core_count(static_cast<uint32_t>(cores.size()));
  for (uint32_t i = 0; i < cores.size(); ++i) {
    const auto& [number, seconds] = cores[i];
    const auto busy = static_cast<uint64_t>(seconds.first * kSecond);
    const auto idle = static_cast<uint64_t>(seconds.second * kSecond);
    const machine::CpuTimes times(busy, 0, 0, idle, 0, 0, 0, 0);
    cpu.mutable_cores()->Mutate(i, machine::CoreTimes(number, times));
  }
  return cpu;
}

TEST(RateWindow, LooksBackOneSpan) {
  RateWindow<int> window(kSecond);
  EXPECT_FALSE(window.has_rate());
  for (int i = 0; i <= 50; ++i) window.Add(i * kSecond / 10, i);
  EXPECT_EQ(window.newest(), 50);
  EXPECT_EQ(window.oldest(), 40);
  EXPECT_DOUBLE_EQ(window.seconds(), 1);
  window.Add(kSecond, 99);  // Of the past.
  EXPECT_EQ(window.newest(), 50);
  window.Add(20 * kSecond, 51);  // After a long silence.
  EXPECT_EQ(window.oldest(), 50);
  EXPECT_DOUBLE_EQ(window.seconds(), 15);
}

TEST(SystemState, CpuUsageIsOfTheLastSecond) {
  SystemState state;
  EXPECT_FALSE(state.cpu().has_value());
  state.Add(MakeCpu({{0, {100, 100}}, {2, {5, 5}}}), 1 * kSecond);
  EXPECT_FALSE(state.cpu().has_value());
  state.Add(MakeCpu({{0, {103, 101}}, {1, {7, 7}}, {2, {5, 9}}}), 2 * kSecond);
  const auto usage = state.cpu();
  ASSERT_TRUE(usage.has_value());
  ASSERT_EQ(usage->cores.size(), 3u);
  EXPECT_DOUBLE_EQ(usage->cores[0].busy, 0.75);
  EXPECT_DOUBLE_EQ(usage->cores[1].busy, 0);  // It was not there before.
  EXPECT_DOUBLE_EQ(usage->cores[2].busy, 0);
}

TEST(SystemState, SurvivesTimesThatRunBackAndWrongCounts) {
  SystemState state;
  machine::Cpu cpu = MakeCpu({{0, {100, 100}}});
  cpu.mutate_core_count(1'000'000);
  state.Add(cpu, 1 * kSecond);
  cpu = MakeCpu({{0, {101, 99}}});
  cpu.mutate_core_count(1'000'000);
  state.Add(cpu, 2 * kSecond);
  ASSERT_TRUE(state.cpu().has_value());
  EXPECT_DOUBLE_EQ(state.cpu()->cores[0].busy, 1);
}

void AddNetwork(SystemState& state, int64_t time, uint64_t eth_bytes, uint64_t lo_bytes) {
  FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<machine::Interface>> list;
  for (const auto& [name, bytes] : {std::pair{"lo", lo_bytes}, std::pair{"eth0", eth_bytes}}) {
    list.push_back(machine::CreateInterface(builder, builder.CreateString(name), bytes, 1, 0, 0,
                                            2 * bytes, 1));
  }
  builder.Finish(machine::CreateNetwork(builder, builder.CreateVector(list)));
  state.Add(*flatbuffers::GetRoot<machine::Network>(builder.GetBufferPointer()), time);
}

TEST(SystemState, TrafficIsPerSecond) {
  SystemState state;
  AddNetwork(state, 1 * kSecond, 1'000, 500);
  EXPECT_TRUE(state.network().empty());
  AddNetwork(state, 3 * kSecond, 5'000, 500);
  const std::vector<Traffic> network = state.network();
  ASSERT_EQ(network.size(), 2u);
  EXPECT_EQ(network[0].name, "eth0");  // With more traffic.
  EXPECT_DOUBLE_EQ(network[0].in, 2'000);
  EXPECT_DOUBLE_EQ(network[0].out, 4'000);
  EXPECT_DOUBLE_EQ(network[1].in, 0);
}

struct TestProcess {
  int32_t pid;
  uint64_t start_ns;
  uint64_t cpu_ns;
};

void AddProcesses(SystemState& state, int64_t time, const std::vector<TestProcess>& processes) {
  FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<machine::Process>> list;
  for (const TestProcess& p : processes) {
    const auto name = builder.CreateString(std::to_string(p.pid));
    list.push_back(machine::CreateProcess(builder, p.pid, 1, name, machine::ProcessState_Running,
                                          p.cpu_ns, 0, p.start_ns, 4096, 1, name));
  }
  builder.Finish(machine::CreateProcesses(builder, builder.CreateVector(list)));
  state.Add(*flatbuffers::GetRoot<machine::Processes>(builder.GetBufferPointer()), time);
}

TEST(SystemState, TheBusiestProcessComesFirst) {
  SystemState state;
  AddProcesses(state, 1 * kSecond, {{30, 1, 500}, {10, 1, 100}, {20, 1, 100}});
  AddProcesses(state, 2 * kSecond,
               {{10, 1, 100}, {20, 1, 100 + 2 * kSecond}, {30, 9, kSecond / 2}});
  const std::vector<ProcessUsage> processes = state.processes();
  ASSERT_EQ(processes.size(), 3u);
  EXPECT_EQ(processes[0].pid, 20);
  EXPECT_DOUBLE_EQ(processes[0].cpu, 2);  // Two cores.
  EXPECT_EQ(processes[1].pid, 30);        // Another than before: all it did is new.
  EXPECT_DOUBLE_EQ(processes[1].cpu, 0.5);
  EXPECT_DOUBLE_EQ(processes[2].cpu, 0);
}

}  // namespace
}  // namespace system_monitor
