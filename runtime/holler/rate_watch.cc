#include "holler/rate_watch.h"

#include <sys/epoll.h>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace holler {

RateWatch::RateWatch(LoopCore& loop, const std::string& topic, std::shared_ptr<MatchNews> news,
                     std::shared_ptr<Pulse> pulse, int64_t length, bool always,
                     DeadlineHandler handler)
    : LoopSource(loop, absl::StrCat("topic '", topic, "': deadline"), news->fd(), EPOLLIN),
      news_(std::move(news)),
      pulse_(std::move(pulse)),
      always_(always),
      deadline_(length),
      handler_(std::move(handler)) {}

// Somebody came or left, or published after a silence.
LoopSource::Left RateWatch::OnReady(uint32_t) {
  const bool wanted = news_->Hear() > 0 || always_;
  if (news_->closed()) {
    loop().Remove(*this);
    return Left::kNothing;
  }
  if (wanted && !counting_) {
    deadline_.Start(loop().Now());
    seen_ = pulse_->count();
    loop().Schedule(*this, deadline_.due());
  } else if (!wanted) {
    loop().Unschedule(*this);
  }
  counting_ = wanted;
  if (counting_) Look();
  return Left::kNothing;
}

// Whether something was published since the last look.
void RateWatch::Look() {
  const uint64_t count = pulse_->count();
  if (count == seen_) return;
  seen_ = count;
  const int64_t last = pulse_->last();
  const int64_t silence = last - deadline_.last();
  if (!deadline_.Beat(last)) return;
  loop().Schedule(*this, deadline_.due());
  Tell(DeadlineState::kMet, silence);
}

void RateWatch::OnTimer(int64_t now) {
  if (news_->closed()) return;  // Its ring ends this.
  Look();
  if (removed()) return;
  if (now < deadline_.due()) {
    loop().Schedule(*this, deadline_.due());
    return;
  }
  if (!deadline_.Check(now)) return;
  const bool published = pulse_->WakeAtNext() != seen_;
  Tell(DeadlineState::kSilent, now - deadline_.last());
  if (published && !removed())
    Look();  // Just now; perhaps before it could know that it is to ring.
}

void RateWatch::Tell(DeadlineState state, int64_t silence) {
  const DeadlineEvent event{.state = state, .silence = absl::Nanoseconds(silence)};
  loop().Call(*this, [&] { handler_(event); });
}

}  // namespace holler
