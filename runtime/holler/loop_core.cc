#include "holler/loop_core.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <climits>
#include <exception>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "holler/system_error.h"

namespace holler {
namespace {

// True while it lives, whatever is thrown meanwhile.
class Inside {
 public:
  explicit Inside(bool& inside) : inside_(inside) { inside_ = true; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside() { inside_ = false; }

 private:
  bool& inside_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<LoopCore>> LoopCore::Create(EventLoopOptions options) {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return SystemError(errno, "epoll_create1 for an event loop");
  UniqueFd timerfd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timerfd) return SystemError(errno, "timerfd_create for an event loop");
  UniqueFd eventfd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!eventfd) return SystemError(errno, "eventfd for an event loop");
  if (!options.log) options.log = StderrLog(program_invocation_short_name);
  std::shared_ptr<LoopCore> core(
      new LoopCore(std::move(options), std::move(epoll), std::move(timerfd), std::move(eventfd)));
  absl::Status status = core->Watch(core->timerfd_.get(), EPOLLIN, kTimerId);
  if (status.ok()) status = core->Watch(core->tasks_->fd(), EPOLLIN, kTasksId);
  if (!status.ok()) return status;
  return core;
}

LoopCore::LoopCore(EventLoopOptions options, UniqueFd epoll, UniqueFd timerfd, UniqueFd eventfd)
    : rethrow_(options.rethrow),
      clock_(std::move(options.clock)),
      watch_(absl::ToInt64Nanoseconds(options.slow_handler), std::move(options.log), clock_),
      epoll_(std::move(epoll)),
      timerfd_(std::move(timerfd)),
      tasks_(std::make_shared<TaskQueue>(std::move(eventfd))) {}

LoopCore::~LoopCore() {
  assert(!in_turn_ && "an event loop destroyed by one of its handlers");
  // What handlers hold may be registrations of this loop; they find it gone already.
  tasks_->Close();
}

absl::Status LoopCore::Watch(int fd, uint32_t events, uint64_t id) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return absl::OkStatus();
  if (errno == EEXIST) {
    return absl::AlreadyExistsError("the loop serves this file descriptor or subscriber already");
  }
  if (errno == EPERM) {
    return absl::InvalidArgumentError(
        "it is an ordinary file or a folder, which nobody can wait for");
  }
  if (errno == EBADF) return absl::InvalidArgumentError("it is not open");
  return SystemError(errno, "epoll_ctl");
}

// ---- Sources ----

absl::Status LoopCore::Add(std::shared_ptr<LoopSource> source) {
  const uint64_t id = ++last_id_;
  if (source->fd_ >= 0) {
    if (!home_.is_here()) {
      return absl::FailedPreconditionError(absl::StrCat(
          source->name_, ": the event loop is that of the parent: make one after fork"));
    }
    absl::Status status = Watch(source->fd_, source->events_, id);
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat(source->name_, ": ", status.message()));
    }
  }
  source->id_ = id;
  if (source->fd_ >= 0) ids_[source->fd_] = id;
  sources_.emplace(id, std::move(source));
  return absl::OkStatus();
}

// Not if its user has closed it, and another source has the number.
bool LoopCore::HasFd(const LoopSource& source) const noexcept {
  const auto it = ids_.find(source.fd_);
  return it != ids_.end() && it->second == source.id_;
}

void LoopCore::Remove(LoopSource& source) noexcept {
  const auto it = sources_.find(source.id_);
  if (it == sources_.end()) return;
  source.removed_ = true;
  Unschedule(source);
  std::erase(more_, &source);
  if (!in_turn_) std::erase(more_now_, &source);  // Of a turn that an exception ended.
  std::erase(blocked_, &source);
  if (HasFd(source)) {
    // Closing an fd is not enough where a forked child has a copy.
    if (home_.is_here()) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, source.fd_, nullptr);
    ids_.erase(source.fd_);
  }
  // What its handler holds goes with it, and may be other registrations: only when all is in order.
  std::shared_ptr<LoopSource> last = std::move(it->second);
  sources_.erase(it);
  if (in_turn_) removed_.push_back(std::move(last));
}

absl::Status LoopCore::ChangeEvents(LoopSource& source, uint32_t events) {
  if (!HasFd(source) || !home_.is_here()) {
    return absl::FailedPreconditionError(
        absl::StrCat(source.name_, ": its file was closed, or the loop is that of the parent"));
  }
  epoll_event event{};
  event.events = events;
  event.data.u64 = source.id_;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, source.fd_, &event) != 0) {
    return SystemError(errno, absl::StrCat(source.name_, ": epoll_ctl for fd ", source.fd_));
  }
  source.events_ = events;
  return absl::OkStatus();
}

// ---- Timers ----

void LoopCore::Schedule(LoopSource& source, int64_t due) {
  if (source.removed_) return;
  // Not in the past: there it would be ahead of others whenever it schedules itself anew.
  timers_.Schedule(source.timer_, std::max(due, Now()));
  TimersChanged();
}

void LoopCore::Unschedule(LoopSource& source) noexcept {
  timers_.Cancel(source.timer_);
  TimersChanged();
}

// A turn arms the timer before it sleeps, and RunOnce when it ends; else somebody else sleeps.
void LoopCore::TimersChanged() noexcept {
  if (!in_turn_ && embedded_) ArmTimer();
}

void LoopCore::ArmTimer() noexcept {
  const int64_t next = timers_.next_due();
  if (!clock_.is_monotonic_clock() || next == armed_for_ || !home_.is_here()) return;
  armed_for_ = next;
  itimerspec spec{};  // All zero: disarmed.
  if (next != TimerQueue::kNever) {
    spec.it_value = absl::ToTimespec(absl::Nanoseconds(std::max<int64_t>(next, 1)));
  }
  // Setting it also makes it unreadable, so that it need not be read.
  ::timerfd_settime(timerfd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void LoopCore::ServeTimers() {
  const int64_t now = Now();
  const uint64_t order = timers_.next_order();
  while (TimerNode* node = timers_.PopDue(now, order)) node->source->OnTimer(now);
}

// ---- A turn ----

int LoopCore::fd() {
  if (!embedded_) {
    embedded_ = true;
    ArmTimer();
    if (!more_.empty() || more_tasks_) Wake();
  }
  return epoll_.get();
}

void LoopCore::Stop() noexcept {
  stop_.store(true);
  Wake();
}

void LoopCore::Run() {
  while (!stop_.load()) RunOnce(absl::InfiniteDuration());
  stop_.store(false);
}

int LoopCore::Sleep(absl::Duration timeout) {
  int milliseconds = -1;
  if (!more_.empty() || more_tasks_ || timeout <= absl::ZeroDuration()) {
    milliseconds = 0;
  } else if (timeout != absl::InfiniteDuration()) {
    const int64_t up = absl::ToInt64Milliseconds(absl::Ceil(timeout, absl::Milliseconds(1)));
    milliseconds = static_cast<int>(std::min<int64_t>(up, INT_MAX));
  }
  ArmTimer();
  return ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), milliseconds);
}

bool LoopCore::RunOnce(absl::Duration timeout) {
  assert(!in_turn_ && "a handler runs its own event loop");
  if (in_turn_) return false;
  LookAtBlocked();  // Whoever runs the turns may have unblocked them since the last.
  const int count = Sleep(timeout);
  const uint64_t calls_before = calls_;
  {
    const Inside inside(in_turn_);
    Turn(count);
  }
  removed_.clear();
  if (embedded_) {
    ArmTimer();
    if (!more_.empty() || more_tasks_) Wake();
  }
  if (const std::exception_ptr exception = watch_.TakeException(); exception && rethrow_) {
    std::rethrow_exception(exception);
  }
  return calls_ != calls_before;
}

void LoopCore::Turn(int count) {
  ++turn_;
  LookAtBlocked();  // Somebody outside may have unblocked them, and called Wake.
  std::swap(more_, more_now_);
  ServeTimers();
  bool has_tasks = more_tasks_;
  for (const epoll_event& event :
       std::span(events_.data(), static_cast<size_t>(std::max(count, 0)))) {
    const uint64_t id = event.data.u64;  // A copy: epoll_event is packed on x86-64.
    if (id == kTimerId) {
      armed_for_ = 0;  // It has run out: whatever is next, it must be set anew.
    } else if (id == kTasksId) {
      tasks_->Hush();
      has_tasks = true;
    } else if (const auto it = sources_.find(id); it != sources_.end()) {
      Serve(*it->second, event.events);
    }
  }
  for (LoopSource* source : more_now_) Serve(*source, 0);
  more_now_.clear();
  if (has_tasks) ServeTasks();
  LookAtBlocked();
}

void LoopCore::Serve(LoopSource& source, uint32_t events) {
  if (source.removed_ || source.served_in_ == turn_) return;
  source.served_in_ = turn_;
  switch (source.OnReady(events)) {
    case LoopSource::Left::kNothing:
      break;
    case LoopSource::Left::kMore:
      ServeAgain(source);
      break;
    case LoopSource::Left::kBlocked:
      if (!source.removed_ &&
          std::find(blocked_.begin(), blocked_.end(), &source) == blocked_.end())
        blocked_.push_back(&source);
      break;
  }
}

void LoopCore::ServeAgain(LoopSource& source) {
  if (source.removed_ || std::find(more_.begin(), more_.end(), &source) != more_.end()) return;
  more_.push_back(&source);
  if (!in_turn_ && embedded_) Wake();  // Somebody else sleeps.
}

void LoopCore::ServeTasks() {
  more_tasks_ = true;
  for (int i = 0; i < kTasksPerTurn; ++i) {
    Task task = tasks_->Next();
    if (!task) {
      more_tasks_ = false;
      return;
    }
    ++calls_;
    watch_.Run(task_name_, task_record_, task);
  }
}

// Who has been unblocked meanwhile, perhaps by a handler of this turn.
void LoopCore::LookAtBlocked() {
  std::erase_if(blocked_, [&](LoopSource* source) {
    const LoopSource::Left left = source->Unblocked();
    if (left == LoopSource::Left::kMore) ServeAgain(*source);
    return left != LoopSource::Left::kBlocked;
  });
}

}  // namespace holler
