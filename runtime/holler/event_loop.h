// One thread for many subscribers, timers and file descriptors.
#ifndef HOLLER_EVENT_LOOP_H_
#define HOLLER_EVENT_LOOP_H_

#include <sys/epoll.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/call_subscription.h"
#include "holler/client.h"
#include "holler/client_watch.h"
#include "holler/deferred.h"
#include "holler/fd_watch.h"
#include "holler/loop_core.h"
#include "holler/loop_options.h"
#include "holler/match_watch.h"
#include "holler/publisher.h"
#include "holler/registration.h"
#include "holler/server.h"
#include "holler/subscriber.h"
#include "holler/subscription.h"
#include "holler/task_queue.h"
#include "holler/timer.h"

namespace holler {

// Calls handlers: one at a time, all on the thread that calls Run. It sleeps in one epoll_wait.
//
//   auto loop = holler::EventLoop::Create();
//   auto on_imu = loop->OnSample(*imu, [&](const auto& sample) { Use(sample->stamp_ns()); });
//   auto tick = loop->Every(absl::Milliseconds(10), [&] { Control(); });
//   if (auto status = loop->StopOnSignals({SIGINT, SIGTERM}); !status.ok()) return Fail(status);
//   loop->Run();
//
// In another loop (epoll, Asio, Qt): wait for fd() and call RunOnce().
//
// Fair: in a turn each timer that is due is called, then each subscriber gets at most
// SampleOptions::samples_per_turn samples, each fd one call, and 64 posted tasks are run; then it
// is everybody's turn again. So a topic that floods starves nobody.
// A handler that throws, or runs longer than EventLoopOptions::slow_handler, is reported with its
// topic and the time it ran; the loop goes on. Once all is registered and has been busy for a
// while, the loop allocates nothing.
// Handlers may do everything here, but for Run, RunOnce and destroying the loop: remove and add
// registrations, set timers, destroy endpoints. What a registration serves may be destroyed before
// the registration: then there are no more calls.
// docs/event_loop.md tells more.
// A forked child may destroy its copies of the loop and of registrations, and nothing else.
// Thread safety: Post, Wake, Stop, stopped and what Defer returns: any thread. The rest: the thread
// that runs the loop, or any one while none does; a subscriber in the loop belongs to that thread,
// too.
class EventLoop {
 public:
  // Errors: the limit on open files.
  static absl::StatusOr<EventLoop> Create(EventLoopOptions options = {});

  EventLoop(EventLoop&&) noexcept = default;
  EventLoop& operator=(EventLoop&&) noexcept = default;
  ~EventLoop() = default;

  // Serves until Stop. If Stop came already, only that.
  void Run() { core_->Run(); }
  // One turn: sleeps until there is something to do, at most `timeout` (rounded up to whole
  // milliseconds), and does it. Returns whether any handler was called.
  bool RunOnce(absl::Duration timeout = absl::ZeroDuration()) { return core_->RunOnce(timeout); }
  // Readable when RunOnce has something to do. Owned by the loop.
  int fd() { return core_->fd(); }

  // Ends Run after the present turn. By any thread.
  void Stop() noexcept { core_->Stop(); }
  // Whether Stop came, for whoever calls RunOnce: from then on until Run has returned for it, or
  // for ever where nobody calls Run. By any thread.
  bool stopped() const noexcept { return core_->stopped(); }
  // Has a turn begin. To be called after samples that handlers kept were given back outside of a
  // handler, of which the loop hears nothing: see docs/event_loop.md. By any thread.
  void Wake() noexcept { core_->Wake(); }
  // Has `task` run on the loop's thread; tasks run in the order in which they were posted. Those
  // that are left when the loop goes are dropped. By any thread.
  void Post(Task task) { core_->Post(std::move(task)); }

  // Samples: handler(Sample<Message>), which may keep it. Samples that wait already count as new.
  // Errors: InvalidArgument: `options`; AlreadyExists: the subscriber is in the loop already.
  template <typename Topic, typename Handler>
  absl::StatusOr<Registration> OnSample(Subscriber<Topic>& subscriber, Handler handler,
                                        SampleOptions options = {}) {
    if (absl::Status status = CheckOptions(options); !status.ok()) return status;
    auto source = std::make_shared<TypedSubscription<Topic, Handler>>(
        *core_, subscriber.core(), std::move(options), std::move(handler));
    absl::StatusOr<Registration> registration = Add(source);
    if (registration.ok()) source->Start();
    return registration;
  }

  // Services: handler(const IncomingCall<Method>& call, Writer& reply), which returns nothing or an
  // absl::StatusCode to fail with; or handler(IncomingCall<Method> call), which may answer later.
  // Errors: AlreadyExists: the server is in the loop already.
  template <typename Method, typename Handler>
  absl::StatusOr<Registration> OnCall(Server<Method>& server, Handler handler) {
    return Add(std::make_shared<CallSubscription<Method, Handler>>(*core_, server.state(),
                                                                   std::move(handler)));
  }
  // handler(Reply<Message>) for each call of the client that ends, however it ends. Errors:
  // AlreadyExists: the client is in the loop already.
  template <typename Method, typename Handler>
  absl::StatusOr<Registration> OnReply(Client<Method>& client, Handler handler) {
    auto source = std::make_shared<TypedClientWatch<typename Method::Reply::Message, Handler>>(
        *core_, client.core(), std::move(handler));
    absl::StatusOr<Registration> registration = Add(source);
    if (registration.ok()) source->Start();
    return registration;
  }

  // Go / no-go: called first with the number of peers matched at present, then after each change
  // (after several at once, once). `endpoint` is a Publisher or a Subscriber. Who came and left
  // tell the callbacks of the endpoint's options: see Defer. Errors: the limit on open files.
  template <typename Endpoint>
  absl::StatusOr<Registration> OnMatchCount(Endpoint& endpoint, MatchHandler handler) {
    return AddMatchWatch(endpoint.topic(), GateOf(endpoint), std::move(handler));
  }

  // Wraps a callback for the options of an endpoint, so that it runs on the loop's thread:
  //   Create(*node, {.on_matched = loop->Defer([&](const PeerInfo& peer) { ... })})
  template <typename Handler>
  Deferred<Handler> Defer(Handler handler) {
    return Deferred<Handler>(core_->tasks(), std::move(handler));
  }

  // A publisher's own rate: called once when it has not published for `deadline` while somebody
  // listened (on latched topics: whoever listened), and once when it does again. The publisher
  // belongs to the loop's thread while it is watched; if it publishes on another, then not while
  // this is called. Errors: InvalidArgument: `deadline`; AlreadyExists: the publisher has one; the
  // limit on open files.
  template <typename Topic>
  absl::StatusOr<Registration> OnDeadline(Publisher<Topic>& publisher, absl::Duration deadline,
                                          DeadlineHandler handler) {
    return AddRateWatch(publisher.core(), deadline, std::move(handler));
  }

  // Timers: handler(const TimerEvent&) or handler(). Times are the loop's clock's, by default
  // CLOCK_MONOTONIC in nanoseconds. A periodic timer does not drift: it is due at the first time
  // plus whole periods. If the loop is late for several, it calls once, and says how many it left
  // out. Errors: InvalidArgument: a period that is not positive.
  template <typename Handler>
  absl::StatusOr<Timer> Every(absl::Duration period, Handler handler) {
    return AddPeriodic(TimeAfter(Now(), period), period, ToTimer(std::move(handler)));
  }
  // The same from `first` on: e.g. the next full second.
  template <typename Handler>
  absl::StatusOr<Timer> EveryFrom(int64_t first, absl::Duration period, Handler handler) {
    return AddPeriodic(first, period, ToTimer(std::move(handler)));
  }
  template <typename Handler>
  Timer At(int64_t time, Handler handler) {
    Timer timer = AddTimer(ToTimer(std::move(handler)));
    timer.At(time);
    return timer;
  }
  template <typename Handler>
  Timer After(absl::Duration delay, Handler handler) {
    Timer timer = AddTimer(ToTimer(std::move(handler)));
    timer.After(delay);
    return timer;
  }
  // The loop's clock.
  int64_t Now() const noexcept { return core_->Now(); }

  // Other files: sockets, pipes, cameras. Level-triggered: called in each turn while one of
  // `events` (EPOLLIN, EPOLLOUT) holds. Errors: InvalidArgument: a file nobody can wait for;
  // AlreadyExists: the fd is in the loop already.
  absl::StatusOr<FdWatch> OnFd(int fd, uint32_t events, FdHandler handler);
  template <typename Handler>
  absl::StatusOr<FdWatch> OnReadable(int fd, Handler handler) {
    return OnFd(fd, EPOLLIN, [handler = std::move(handler)](uint32_t) mutable { handler(); });
  }

  // Signals, caught while the registration lives: handler(int signal). See SignalWatch for what
  // that means to the process. Errors: as SignalWatch::Create.
  absl::StatusOr<Registration> OnSignal(int signal, absl::AnyInvocable<void(int signal)> handler);
  // Has each of them call Stop, as long as the loop lives; whoever calls RunOnce asks stopped().
  // Errors: as OnSignal.
  absl::Status StopOnSignals(std::initializer_list<int> signals);

 private:
  explicit EventLoop(std::shared_ptr<LoopCore> core) : core_(std::move(core)) {}

  template <typename Handler>
  static TimerHandler ToTimer(Handler handler) {
    if constexpr (std::is_invocable_v<Handler&, const TimerEvent&>) {
      return TimerHandler(std::move(handler));
    } else {
      return [handler = std::move(handler)](const TimerEvent&) mutable { handler(); };
    }
  }
  template <typename Topic>
  static Gate& GateOf(Publisher<Topic>& publisher) {
    return publisher.core().gate();
  }
  template <typename Topic>
  static Gate& GateOf(Subscriber<Topic>& subscriber) {
    return subscriber.core()->gate();
  }

  static absl::Status CheckOptions(const SampleOptions& options);
  absl::StatusOr<Registration> Add(const std::shared_ptr<LoopSource>& source);
  absl::StatusOr<Registration> AddMatchWatch(const std::string& topic, Gate& gate,
                                             MatchHandler handler);
  absl::StatusOr<Registration> AddRateWatch(PublisherCore& publisher, absl::Duration deadline,
                                            DeadlineHandler handler);
  absl::StatusOr<Timer> AddPeriodic(int64_t first, absl::Duration period, TimerHandler handler);
  Timer AddTimer(TimerHandler handler);

  std::shared_ptr<LoopCore> core_;
};

}  // namespace holler

#endif  // HOLLER_EVENT_LOOP_H_
