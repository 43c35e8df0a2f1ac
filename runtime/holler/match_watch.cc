#include "holler/match_watch.h"

#include <sys/epoll.h>

#include "absl/strings/str_cat.h"

namespace holler {

MatchWatch::MatchWatch(LoopCore& loop, const std::string& topic, std::shared_ptr<MatchNews> news,
                       MatchHandler handler)
    : LoopSource(loop, absl::StrCat("topic '", topic, "': matches"), news->fd(), EPOLLIN),
      news_(std::move(news)),
      handler_(std::move(handler)) {}

LoopSource::Left MatchWatch::OnReady(uint32_t) {
  const int count = news_->Hear();
  if (news_->closed()) {
    loop().Remove(*this);
  } else {
    loop().Call(*this, [&] { handler_(count); });
  }
  return Left::kNothing;
}

}  // namespace holler
