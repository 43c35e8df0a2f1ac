// A publisher's own deadline in an event loop.
#ifndef HOLLER_RATE_WATCH_H_
#define HOLLER_RATE_WATCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "holler/deadline.h"
#include "holler/loop_core.h"
#include "holler/loop_options.h"
#include "holler/loop_source.h"
#include "holler/match_news.h"
#include "holler/pulse.h"

namespace holler {

// Counts while somebody listens, for nobody publishes to nobody. Ends itself when the publisher is
// gone.
// Thread safety: thread-compatible; belongs to the loop's thread.
class RateWatch final : public LoopSource {
 public:
  // `always`: on latched topics, which are published whoever listens.
  RateWatch(LoopCore& loop, const std::string& topic, std::shared_ptr<MatchNews> news,
            std::shared_ptr<Pulse> pulse, int64_t length, bool always, DeadlineHandler handler);

  Left OnReady(uint32_t events) override;
  void OnTimer(int64_t now) override;

 private:
  void Look();
  void Tell(DeadlineState state, int64_t silence);

  const std::shared_ptr<MatchNews> news_;
  const std::shared_ptr<Pulse> pulse_;
  const bool always_;
  Deadline deadline_;
  uint64_t seen_ = 0;  // Beats.
  bool counting_ = false;
  DeadlineHandler handler_;
};

}  // namespace holler

#endif  // HOLLER_RATE_WATCH_H_
