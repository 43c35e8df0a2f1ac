// Processes of one run, and what they cost.
#ifndef HOLLER_BENCH_COMPARE_PROCESS_H_
#define HOLLER_BENCH_COMPARE_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

// CLOCK_MONOTONIC, ns.
int64_t Now() noexcept;

// Prints a message and ends the process.
[[noreturn]] void Die(const std::string& what);

void PinTo(int cpu);

// CPU time of this process so far, user and system: ns.
int64_t CpuTime() noexcept;

// The processes at the other end: forked before anything of a system was created, and killed if
// the one that measures goes first.
class Others {
 public:
  // Starts `count` processes on `cpu` that run `body(index)` and end.
  Others(uint32_t count, int cpu, const std::function<void(uint32_t)>& body);
  Others(const Others&) = delete;
  Others& operator=(const Others&) = delete;
  // Waits for their end; ends this process as well if one failed.
  void Join();

 private:
  std::vector<pid_t> pids_;
};

// Memory that processes forked later share: zeroes at first.
void* SharedMemory(size_t bytes);

}  // namespace bench

#endif  // HOLLER_BENCH_COMPARE_PROCESS_H_
