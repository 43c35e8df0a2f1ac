// What one run of a program of the comparison does, as its command line says.
#ifndef HOLLER_BENCH_COMPARE_SETUP_H_
#define HOLLER_BENCH_COMPARE_SETUP_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

// How a process waits for a message.
enum class Waiting {
  kSpin,   // It looks again and again.
  kBlock,  // It sleeps, as the system in question has its users wait.
};

// What is done with the bytes of a message.
enum class Work {
  kTouched,  // The first eight are written, and read.
  kFilled,   // All are.
};

inline constexpr const char* kWhats[] = {"latency", "throughput", "fan-out", "fan-in",
                                         "publish", "subscribe",  "watch"};

// The same in all processes of a run.
struct Setup {
  std::string what;  // One of kWhats.
  size_t bytes = 64;
  Waiting waiting = Waiting::kSpin;
  Work work = Work::kTouched;
  double seconds = 1;     // How long to measure, after a fifth of that to warm up.
  uint32_t others = 1;    // Processes at the other end.
  uint32_t hz = 1'000;    // Messages a second, where they do not follow each other at once.
  uint32_t batch = 1;     // Messages handed over by one call, where the system has such a call.
  int first_cpu = 0;      // Of the process that measures.
  int other_cpu = 1;      // Of the others.
  uint32_t topics = 1;    // Channels that "publish" and "subscribe" make,
  uint32_t active = 0;    // and on how many of them something is sent. 0: on all.
  std::string mode;       // One of the system's own variants, where it has some.
  uint32_t instance = 0;  // Keeps runs apart that are at the same time.
};

// Whether this process is a receiver of one that is started by itself, before or after it.
inline bool IsReceiverApart(const Setup& setup) {
  return setup.what == "subscribe" || setup.what == "watch";
}
inline uint32_t ActiveTopics(const Setup& setup) {
  return setup.active == 0 ? setup.topics : setup.active;
}
// Whether nothing may be lost, however fast the sender is.
inline bool IsLossless(const Setup& setup) { return setup.what == "throughput"; }
// Whether there may be several receivers of a channel.
inline bool IsOneToMany(const Setup& setup) {
  return setup.what == "fan-out" || setup.what == "publish" || IsReceiverApart(setup);
}

// How many messages wait for a receiver at most, for systems that want to know: of large ones that
// go to and fro as few as possible, so that their memory stays in the caches.
inline uint32_t QueueDepth(const Setup& setup) {
  if (setup.bytes <= 64 && IsLossless(setup)) return 128;
  if (setup.bytes <= 65'536) return 64;
  return IsLossless(setup) ? 4 : 1;
}

// Reads the command line; on --help, or if there is anything wrong with it, says so and exits.
// The first of `modes`, if there are any, is meant where none is given.
Setup ReadSetup(const char* system, int argc, char** argv,
                const std::vector<std::string>& modes = {});

}  // namespace bench

#endif  // HOLLER_BENCH_COMPARE_SETUP_H_
