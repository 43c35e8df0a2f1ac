// Event loops whose clock stands still until it is moved, and whose reports are kept, for tests.
#ifndef HOLLER_TESTS_RUNTIME_LOOP_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_LOOP_SUPPORT_H_

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holler/event_loop.h"
#include "holler/unique_fd.h"
#include "node_support.h"

namespace holler {

inline constexpr int64_t kSecond = 1'000 * kMillisecond;

// Moved by hand. Thread safety: thread-safe; copies are the same clock.
class FakeClock {
 public:
  int64_t Now() const { return now_->load(); }
  void Advance(int64_t by) { *now_ += by; }
  ClockFunction function() const {
    return [now = now_] { return now->load(); };
  }

 private:
  std::shared_ptr<std::atomic<int64_t>> now_ =
      std::make_shared<std::atomic<int64_t>>(1'000 * kSecond);
};

struct TestLoop {
  // With a clock: that one instead of the real one.
  explicit TestLoop(ClockFunction clock = nullptr, bool rethrow = false) {
    auto created = EventLoop::Create(
        {.rethrow = rethrow,
         .log = [log = log](LogSeverity, const std::string& line) { log->Add(line); },
         .clock = std::move(clock)});
    EXPECT_TRUE(created.ok()) << created.status();
    loop = std::make_unique<EventLoop>(std::move(*created));
  }
  EventLoop& operator*() const { return *loop; }
  EventLoop* operator->() const { return loop.get(); }

  // Runs turns until `state` holds. Returns whether it does.
  template <typename State>
  bool RunUntil(State&& state) {
    const absl::Time deadline = absl::Now() + kLong;
    while (!state()) {
      if (absl::Now() > deadline) return false;
      loop->RunOnce(absl::Milliseconds(1));
    }
    return true;
  }
  // Runs turns as long as there is something to do.
  void RunAll() {
    while (loop->RunOnce()) {
    }
  }

  std::shared_ptr<Lines> log = std::make_shared<Lines>();
  std::unique_ptr<EventLoop> loop;
};

// What a loop can wait for.
struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    in = UniqueFd(ends[0]);
    out = UniqueFd(ends[1]);
  }
  void Write() { EXPECT_EQ(::write(out.get(), "x", 1), 1); }
  void Read() {
    char byte;
    EXPECT_EQ(::read(in.get(), &byte, 1), 1);
  }
  UniqueFd in, out;
};

inline bool Readable(int fd, int milliseconds = 0) {
  pollfd poll{fd, POLLIN, 0};
  return ::poll(&poll, 1, milliseconds) == 1;
}

// A handler that notes the numbers of its samples.
using Numbers = std::vector<uint64_t>;
inline auto NoteNumbers(Numbers& numbers) {
  return [&numbers](const auto& sample) { numbers.push_back(sample->number()); };
}

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_LOOP_SUPPORT_H_
