#include "process.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace bench {
namespace {

int64_t Read(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

int64_t Now() noexcept { return Read(CLOCK_MONOTONIC); }
int64_t CpuTime() noexcept { return Read(CLOCK_PROCESS_CPUTIME_ID); }

void Die(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, what.c_str());
  std::exit(1);
}

void PinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof(set), &set) != 0) {
    Die("no CPU " + std::to_string(cpu) + " for this process: " + std::strerror(errno));
  }
}

Others::Others(uint32_t count, int cpu, const std::function<void(uint32_t)>& body) {
  for (uint32_t i = 0; i < count; ++i) {
    const pid_t pid = ::fork();
    if (pid < 0) Die(std::string("fork: ") + std::strerror(errno));
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      PinTo(cpu);
      body(i);
      std::_Exit(0);
    }
    pids_.push_back(pid);
  }
}

void Others::Join() {
  for (const pid_t pid : pids_) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (status != 0) Die("a process at the other end failed");
  }
  pids_.clear();
}

void* SharedMemory(size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) Die(std::string("mmap: ") + std::strerror(errno));
  return memory;
}

}  // namespace bench
