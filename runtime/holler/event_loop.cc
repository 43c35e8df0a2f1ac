#include "holler/event_loop.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "holler/rate_watch.h"
#include "holler/signal_watch.h"

namespace holler {
namespace {

// A signal in the loop.
class SignalSource final : public LoopSource {
 public:
  SignalSource(LoopCore& loop, SignalWatch watch, absl::AnyInvocable<void(int signal)> handler)
      : LoopSource(loop, absl::StrCat("signal ", watch.signal()), watch.fd(), EPOLLIN),
        watch_(std::move(watch)),
        handler_(std::move(handler)) {}

  Left OnReady(uint32_t) override {
    if (watch_.Hear()) loop().Call(*this, [&] { handler_(watch_.signal()); });
    return Left::kNothing;
  }

 private:
  SignalWatch watch_;
  absl::AnyInvocable<void(int signal)> handler_;
};

absl::Status CheckLength(const char* what, absl::Duration length) {
  if (length > absl::ZeroDuration()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the ", what, " is ", absl::FormatDuration(length), "; it must be positive"));
}

}  // namespace

absl::StatusOr<EventLoop> EventLoop::Create(EventLoopOptions options) {
  absl::StatusOr<std::shared_ptr<LoopCore>> core = LoopCore::Create(std::move(options));
  if (!core.ok()) return core.status();
  return EventLoop(std::move(*core));
}

absl::Status EventLoop::CheckOptions(const SampleOptions& options) {
  if (options.samples_per_turn < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("samples_per_turn is ", options.samples_per_turn, "; it must be positive"));
  }
  if (options.on_deadline) return CheckLength("deadline", options.deadline);
  if (options.deadline != absl::ZeroDuration()) {
    return absl::InvalidArgumentError("there is a deadline, but no on_deadline to call");
  }
  return absl::OkStatus();
}

absl::StatusOr<Registration> EventLoop::Add(const std::shared_ptr<LoopSource>& source) {
  if (absl::Status status = core_->Add(source); !status.ok()) return status;
  return Registration(core_, source);
}

absl::StatusOr<Registration> EventLoop::AddMatchWatch(const std::string& topic, Gate& gate,
                                                      MatchHandler handler) {
  absl::StatusOr<std::shared_ptr<MatchNews>> news = gate.Listen();
  if (!news.ok()) return news.status();
  return Add(std::make_shared<MatchWatch>(*core_, topic, std::move(*news), std::move(handler)));
}

absl::StatusOr<Registration> EventLoop::AddRateWatch(PublisherCore& publisher,
                                                     absl::Duration deadline,
                                                     DeadlineHandler handler) {
  if (absl::Status status = CheckLength("deadline", deadline); !status.ok()) return status;
  std::weak_ptr<LoopSource>& watch = publisher.gate().rate_watch();
  if (const auto other = watch.lock(); other != nullptr && !other->removed()) {
    return absl::AlreadyExistsError(
        absl::StrCat("topic '", publisher.topic_name(),
                     "': the publisher has a deadline already; remove that one first"));
  }
  absl::StatusOr<std::shared_ptr<MatchNews>> news = publisher.gate().Listen();
  if (!news.ok()) return news.status();
  auto pulse = std::make_shared<Pulse>(*news, core_->clock());
  auto source = std::make_shared<RateWatch>(*core_, publisher.topic_name(), std::move(*news), pulse,
                                            absl::ToInt64Nanoseconds(deadline),
                                            publisher.topic().latched, std::move(handler));
  absl::StatusOr<Registration> registration = Add(source);
  if (!registration.ok()) return registration;
  publisher.SetPulse(std::move(pulse));
  watch = source;
  return registration;
}

absl::StatusOr<Timer> EventLoop::AddPeriodic(int64_t first, absl::Duration period,
                                             TimerHandler handler) {
  if (absl::Status status = CheckLength("period", period); !status.ok()) return status;
  const auto source = std::make_shared<TimerSource>(*core_, std::move(handler));
  if (absl::Status status = core_->Add(source); !status.ok()) return status;
  source->Set(first, std::max<int64_t>(absl::ToInt64Nanoseconds(period), 1));
  return Timer(core_, source);
}

Timer EventLoop::AddTimer(TimerHandler handler) {
  const auto source = std::make_shared<TimerSource>(*core_, std::move(handler));
  core_->Add(source).IgnoreError();  // Has no fd, so cannot fail.
  return Timer(core_, source);
}

absl::StatusOr<FdWatch> EventLoop::OnFd(int fd, uint32_t events, FdHandler handler) {
  if (fd < 0) return absl::InvalidArgumentError(absl::StrCat("fd ", fd, " is no open file"));
  const auto source = std::make_shared<FdSource>(*core_, fd, events, std::move(handler));
  if (absl::Status status = core_->Add(source); !status.ok()) return status;
  return FdWatch(core_, source);
}

absl::StatusOr<Registration> EventLoop::OnSignal(int signal,
                                                 absl::AnyInvocable<void(int signal)> handler) {
  absl::StatusOr<SignalWatch> watch = SignalWatch::Create(signal);
  if (!watch.ok()) return watch.status();
  return Add(std::make_shared<SignalSource>(*core_, std::move(*watch), std::move(handler)));
}

absl::Status EventLoop::StopOnSignals(std::initializer_list<int> signals) {
  std::vector<Registration> registrations;
  for (const int signal : signals) {
    absl::StatusOr<Registration> registration =
        OnSignal(signal, [core = core_.get()](int) { core->Stop(); });
    if (!registration.ok()) return registration.status();
    registrations.push_back(std::move(*registration));
  }
  for (Registration& registration : registrations) registration.Release();
  return absl::OkStatus();
}

}  // namespace holler
