// The processes of bench_startup, apart from the driver.
#ifndef HOLLER_BENCH_BENCH_STARTUP_PARTS_H_
#define HOLLER_BENCH_BENCH_STARTUP_PARTS_H_

#include <cstdint>
#include <string>

namespace bench {

// The moments of a newcomer's life. CLOCK_MONOTONIC, nanoseconds.
struct Moments {
  int64_t exec = 0;  // Just before execve.
  int64_t main = 0;
  int64_t node = 0;      // Node::Create returned.
  int64_t endpoint = 0;  // So did Create of the publisher or subscriber.
  int64_t sample = 0;    // The subscriber, whichever process that is, has the first sample.
};

// What the floors tell the driver, on stdout.
struct FloorMoments {
  int64_t exec = 0;
  int64_t main = 0;
};

// What the others tell the driver, on stdout.
struct Message {
  enum Kind : int64_t { kReady, kFirstSample, kUnmatched } kind = kReady;
  Moments moments{};
  int64_t unmatched = 0;  // on_unmatched was called.
};

inline constexpr char kSubscriberLast[] = "bench/startup/subscriber_last";
inline constexpr char kPublisherLast[] = "bench/startup/publisher_last";

// A resident was there before, and lives through all runs; a newcomer is started, and killed, in
// each. They end with the driver only. `role` is "resident-publisher", "resident-subscriber",
// "newcomer-publisher", "newcomer-subscriber"; or "main", a floor.
int RunPart(const std::string& role, uint32_t domain, int64_t exec_time, int64_t main_time);

}  // namespace bench

#endif  // HOLLER_BENCH_BENCH_STARTUP_PARTS_H_
