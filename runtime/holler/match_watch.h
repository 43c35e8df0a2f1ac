// An endpoint's matches in an event loop.
#ifndef HOLLER_MATCH_WATCH_H_
#define HOLLER_MATCH_WATCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "holler/loop_core.h"
#include "holler/loop_source.h"
#include "holler/match_news.h"

namespace holler {

// Receives the number of peers matched at present.
using MatchHandler = absl::AnyInvocable<void(int count)>;

// Ends itself when the endpoint is gone.
// Thread safety: thread-compatible; belongs to the loop's thread.
class MatchWatch final : public LoopSource {
 public:
  MatchWatch(LoopCore& loop, const std::string& topic, std::shared_ptr<MatchNews> news,
             MatchHandler handler);

  Left OnReady(uint32_t events) override;

 private:
  const std::shared_ptr<MatchNews> news_;
  MatchHandler handler_;
};

}  // namespace holler

#endif  // HOLLER_MATCH_WATCH_H_
