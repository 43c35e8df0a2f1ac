#include "holler/source_list.h"

namespace holler {
namespace {

// Publishers that are gone and whose samples wait to be taken: each keeps its segment alive, which
// must not go on for ever where a publisher starts and dies again and again.
constexpr std::ptrdiff_t kMostEnded = 32;

}  // namespace

void SourceList::Arrive(std::shared_ptr<Source> source) {
  Sources forgotten;  // Unmapped after the lock is released.
  std::lock_guard lock(handoff_);
  arrivals_.push_back(std::move(source));
  lost_unseen_ += ForgetFirstEnded(arrivals_, forgotten).lost;
  changed_.Raise();
}

void SourceList::End(Source& source) noexcept {
  source.written = source.ring().written();
  source.last = source.ring().head();
  source.ended.Raise();
  changed_.Raise();
}

void SourceList::DropEnded() noexcept {
  std::erase_if(ended_, [](const auto& source) { return !source->ring().holds_any(); });
  const std::ptrdiff_t ended = CountEnded(sources_);
  has_ended_ = ended > 0;
  if (ended == 0) return;
  if (ended <= kMostEnded && std::none_of(sources_.begin(), sources_.end(),
                                          [](const auto& s) { return s->is_drained(); })) {
    return;
  }
  Sources gone;  // Unmapped after the lock is released.
  std::lock_guard lock(handoff_);
  std::erase_if(sources_, [&](const std::shared_ptr<Source>& source) {
    if (!source->is_drained()) return false;
    before_ += source->ring().counters();
    before_.lost += Untaken(*source);
    (source->ring().holds_any() ? ended_ : gone).push_back(source);
    return true;
  });
  before_ += ForgetFirstEnded(sources_, gone);
}

bool SourceList::holds_any() const noexcept {
  const auto holds = [](const auto& source) { return source->ring().holds_any(); };
  return std::any_of(sources_.begin(), sources_.end(), holds) ||
         std::any_of(ended_.begin(), ended_.end(), holds);
}

uint64_t SourceList::lost() const noexcept {
  uint64_t lost = before_.lost;
  for (const auto& source : sources_) lost += source->ring().lost();
  return lost;
}

uint64_t SourceList::skipped() const noexcept {
  uint64_t skipped = before_.skipped;
  for (const auto& source : sources_) skipped += source->ring().skipped();
  return skipped;
}

uint64_t SourceList::malformed() const noexcept {
  uint64_t malformed = before_.malformed;
  for (const auto& source : sources_) malformed += source->ring().malformed();
  return malformed;
}

SubscriberCounters SourceList::counters() const {
  std::lock_guard lock(handoff_);
  SubscriberCounters counters = before_;
  counters.lost += lost_unseen_;
  for (const auto& source : sources_) counters += source->ring().counters();
  return counters;
}

std::vector<PublisherPeer> SourceList::publishers() const {
  std::lock_guard lock(handoff_);
  std::vector<PublisherPeer> publishers;
  for (const Sources* sources : {&sources_, &arrivals_}) {
    for (const auto& source : *sources) {
      if (source->ended.raised()) continue;
      publishers.push_back({.peer = source->peer(),
                            .counters = source->ring().publisher_counters(),
                            .from = source->ring().counters()});
    }
  }
  return publishers;
}

// The samples up to its end that were not taken, and now will not be.
uint64_t SourceList::Untaken(const Source& source) noexcept {
  const uint64_t position = source.ring().position();
  return std::max(source.last, position) - position;
}

std::ptrdiff_t SourceList::CountEnded(const Sources& sources) noexcept {
  return std::count_if(sources.begin(), sources.end(),
                       [](const auto& source) { return source->ended.raised(); });
}

// Those that are too many, but for those of which samples are held. Returns what they counted, and
// what nobody will take.
SubscriberCounters SourceList::ForgetFirstEnded(Sources& sources, Sources& forgotten) noexcept {
  std::ptrdiff_t too_many = CountEnded(sources) - kMostEnded;
  SubscriberCounters counters;
  std::erase_if(sources, [&](const std::shared_ptr<Source>& source) {
    if (too_many <= 0 || !source->ended.raised() || source->ring().holds_any()) return false;
    --too_many;
    counters += source->ring().counters();
    counters.lost += Untaken(*source);
    forgotten.push_back(source);
    return true;
  });
  return counters;
}

}  // namespace holler
