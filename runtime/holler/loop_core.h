// The engine of an event loop: one epoll set, one turn at a time.
#ifndef HOLLER_LOOP_CORE_H_
#define HOLLER_LOOP_CORE_H_

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/clock.h"
#include "holler/handler_watch.h"
#include "holler/home_process.h"
#include "holler/loop_options.h"
#include "holler/loop_source.h"
#include "holler/task_queue.h"
#include "holler/timer_queue.h"
#include "holler/unique_fd.h"

namespace holler {

// A turn: sleep until something is ready or due, then due timers, then each ready source once, then
// posted tasks. Whoever has more to do than its share of a turn goes on in the next, which does
// not sleep.
// Invariants: a source that was removed is not called again, and stays in memory until the turn is
// over, for its handler may be running. Epoll knows sources by numbers that are used once: an event
// that comes late, or of a file that its user closed too early, finds nobody.
// Thread safety: Post, Stop, stopped and Wake by any thread; the rest by one thread, the loop's.
class LoopCore {
 public:
  // Errors: the limit on open files.
  static absl::StatusOr<std::shared_ptr<LoopCore>> Create(EventLoopOptions options);
  ~LoopCore();

  void Run();
  bool RunOnce(absl::Duration timeout);
  void Stop() noexcept;
  bool stopped() const noexcept { return stop_.load(); }
  void Wake() noexcept { tasks_->Wake(); }
  void Post(Task task) { tasks_->Post(std::move(task)); }
  const std::shared_ptr<TaskQueue>& tasks() const noexcept { return tasks_; }
  int fd();

  // Serves `source` until Remove. Errors: epoll's, naming it.
  absl::Status Add(std::shared_ptr<LoopSource> source);
  // By whoever owns it, also from within its handler or another's. Once more does nothing.
  void Remove(LoopSource& source) noexcept;
  // Waits for other events of the source's fd from now on.
  absl::Status ChangeEvents(LoopSource& source, uint32_t events);

  // For sources.
  void Schedule(LoopSource& source, int64_t due);
  void Unschedule(LoopSource& source) noexcept;
  // Has OnReady called in the next turn.
  void ServeAgain(LoopSource& source);
  template <typename Handler>
  void Call(LoopSource& source, Handler&& handler) {
    ++calls_;
    watch_.Run(source.name_, source.record_, std::forward<Handler>(handler));
  }
  int64_t Now() const noexcept { return clock_.Now(); }
  const Clock& clock() const noexcept { return clock_; }

 private:
  // In place of a source's.
  static constexpr uint64_t kTimerId = 1;
  static constexpr uint64_t kTasksId = 2;

  static constexpr size_t kEventsPerTurn = 64;
  static constexpr int kTasksPerTurn = 64;

  LoopCore(EventLoopOptions options, UniqueFd epoll, UniqueFd timerfd, UniqueFd eventfd);

  absl::Status Watch(int fd, uint32_t events, uint64_t id);
  bool HasFd(const LoopSource& source) const noexcept;
  int Sleep(absl::Duration timeout);
  void Turn(int count);  // With so many events.
  void ServeTimers();
  void Serve(LoopSource& source, uint32_t events);
  void ServeTasks();
  void LookAtBlocked();
  void ArmTimer() noexcept;
  void TimersChanged() noexcept;

  const HomeProcess home_;
  const bool rethrow_;
  const Clock clock_;
  HandlerWatch watch_;
  const UniqueFd epoll_;
  const UniqueFd timerfd_;
  const std::shared_ptr<TaskQueue> tasks_;  // Others may keep it, to post to.
  std::atomic<bool> stop_{false};

  std::map<uint64_t, std::shared_ptr<LoopSource>> sources_;  // By id.
  std::map<int, uint64_t> ids_;  // Of those who have the fds: a closed one's number is used again.
  uint64_t last_id_ = kTasksId;
  std::vector<std::shared_ptr<LoopSource>> removed_;  // In this turn.
  std::vector<LoopSource*> more_;                     // To be served in the next turn.
  std::vector<LoopSource*> more_now_;                 // In this one.
  std::vector<LoopSource*> blocked_;
  TimerQueue timers_;
  int64_t armed_for_ = TimerQueue::kNever;
  std::array<epoll_event, kEventsPerTurn> events_{};
  const std::string task_name_ = "posted task";
  HandlerRecord task_record_;
  uint64_t turn_ = 0;
  uint64_t calls_ = 0;
  bool more_tasks_ = false;
  bool in_turn_ = false;
  bool embedded_ = false;  // Somebody else waits for fd().
};

}  // namespace holler

#endif  // HOLLER_LOOP_CORE_H_
