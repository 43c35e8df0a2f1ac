#include "holler/thread_setup.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "process_support.h"

namespace holler {
namespace {

using testing::HasSubstr;

int FirstCpu() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(::sched_getaffinity(0, sizeof(set), &set), 0);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &set)) ++cpu;
  return cpu;
}

TEST(ThreadSetup, ByDefaultNothingChanges) {
  EXPECT_TRUE(SetUpThread(::pthread_self(), {}, "a thread").ok());
}

// In children, whose threads may be changed for good.
TEST(ThreadSetup, KeepsAThreadToItsCpus) {
  const int cpu = FirstCpu();
  EXPECT_EQ(InChild([&] {
              if (!SetUpThread(::pthread_self(), {.cpus = {cpu}}, "a thread").ok()) return 1;
              cpu_set_t set;
              CPU_ZERO(&set);
              if (::sched_getaffinity(0, sizeof(set), &set) != 0) return 2;
              return CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set) ? 0 : 3;
            }),
            0);
}

TEST(ThreadSetup, SetsPriorities) {
  const int result = InChild([] {
    const absl::Status status = SetUpThread(::pthread_self(), {.priority = 7}, "a thread");
    if (absl::IsPermissionDenied(status)) return 77;
    sched_param param{};
    if (::sched_getscheduler(0) != SCHED_FIFO || ::sched_getparam(0, &param) != 0) return 1;
    if (param.sched_priority != 7) return 2;
    if (!SetUpThread(::pthread_self(), {.priority = 0}, "a thread").ok()) return 3;
    return ::sched_getscheduler(0) == SCHED_OTHER ? 0 : 4;
  });
  if (WIFEXITED(result) && WEXITSTATUS(result) == 77) GTEST_SKIP() << "not allowed here";
  EXPECT_EQ(result, 0);
}

TEST(ThreadSetup, WhatIsWrongIsNamed) {
  const auto text = [](const ThreadOptions& options) {
    const absl::Status status = SetUpThread(::pthread_self(), options, "the discovery thread");
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(text({.priority = 100}), HasSubstr("1 to 99"));
  EXPECT_THAT(text({.priority = -1}), HasSubstr("the discovery thread"));
  EXPECT_THAT(text({.cpus = {-1}}), HasSubstr("CPU -1"));
  EXPECT_THAT(text({.cpus = {100'000}}), HasSubstr("CPU 100000"));
  EXPECT_THAT(text({.cpus = {1'022, 1'023}}), HasSubstr("CPUs 1022, 1023"));
}

TEST(ThreadSetup, ALimitOnPrioritiesIsNamed) {
  EXPECT_EQ(InChild([] {
              const rlimit limit{.rlim_cur = 0, .rlim_max = 0};
              if (::setrlimit(RLIMIT_RTPRIO, &limit) != 0) return 1;
              if (::geteuid() == 0 && ::setuid(65'534) != 0) return 2;
              const absl::Status status = SetUpThread(::pthread_self(), {.priority = 1}, "it");
              const std::string text(status.message());
              return absl::IsPermissionDenied(status) &&
                             text.find("RLIMIT_RTPRIO") != std::string::npos
                         ? 0
                         : 3;
            }),
            0);
}

}  // namespace
}  // namespace holler
