#include "holler/fd_watch.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace holler {

FdSource::FdSource(LoopCore& loop, int fd, uint32_t events, FdHandler handler)
    : LoopSource(loop, absl::StrCat("fd ", fd), fd, events), handler_(std::move(handler)) {}

LoopSource::Left FdSource::OnReady(uint32_t events) {
  loop().Call(*this, [&] { handler_(events); });
  return Left::kNothing;
}

absl::Status FdWatch::SetEvents(uint32_t events) {
  const std::shared_ptr<LoopCore> alive = loop().lock();
  const std::shared_ptr<LoopSource> watch = source().lock();
  if (alive == nullptr || watch == nullptr || watch->removed()) {
    return absl::FailedPreconditionError("the watch of this file descriptor has ended");
  }
  return alive->ChangeEvents(*watch, events);
}

}  // namespace holler
