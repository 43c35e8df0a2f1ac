#include "holler/publisher_core.h"

#include <time.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "holler/call_header.h"
#include "holler/callback_watch.h"
#include "holler/discovery.h"

namespace holler {

absl::StatusOr<std::unique_ptr<PublisherCore>> PublisherCore::Create(Node& node, TopicInfo topic,
                                                                     PublisherOptions options) {
  std::string name = options.topic.empty() ? std::string(topic.name) : options.topic;
  if (absl::Status status = CheckTopicName(name); !status.ok()) return status;
  if (options.stall_limit < absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "topic '", name, "': stall_limit is ", absl::FormatDuration(options.stall_limit),
        "; give a time, InfiniteDuration, or 0 for who is not to be waited for at all"));
  }
  options = WatchCallbacks(node, topic.name, std::move(options));
  topic.name = name;
  absl::StatusOr<Segment> segment = Segment::Create(topic, options.memory);
  if (!segment.ok()) return segment.status();
  std::unique_ptr<PublisherCore> core(new PublisherCore(node.discovery(), topic, std::move(name),
                                                        std::move(*segment), std::move(options)));
  if (absl::Status status = core->discovery_->Add(core->id_, core.get()); !status.ok()) {
    return status;
  }
  return core;
}

PublisherCore::PublisherCore(std::shared_ptr<Discovery> discovery, TopicInfo topic,
                             std::string topic_name, Segment segment, PublisherOptions options)
    : discovery_(std::move(discovery)),
      clock_(discovery_->clock()),
      tick_clock_(clock_.is_monotonic_clock() && CpuTicks::Exist()),
      id_(discovery_->NewEndpointId()),
      topic_name_(std::move(topic_name)),
      topic_([&] {
        topic.name = topic_name_;  // Not the caller's string, which goes away.
        return topic;
      }()),
      segment_(std::move(segment)),
      ring_(segment_.data(), segment_.layout()),
      most_unannounced_(std::clamp<uint64_t>(topic_.layout.depth / 2, 1, kMostUnannounced)),
      options_(std::make_shared<const PublisherOptions>(std::move(options))),
      pressure_(ring_, options_->stall_limit) {}

PublisherCore::~PublisherCore() { Close(); }

void PublisherCore::Close() {
  if (std::exchange(closed_, true) || discovery_->is_forked()) return;
  gate_.Close();
  discovery_->RemovePublisher(id_);
}

std::vector<SubscriberPeer> PublisherCore::subscribers() const {
  std::vector<SubscriberPeer> subscribers;
  discovery_->WithLock([&] {
    for (auto& [key, peer] : matches()) subscribers.push_back(std::move(peer));
  });
  return subscribers;
}

std::vector<std::pair<EndpointKey, SubscriberPeer>> PublisherCore::matches() const {
  std::vector<std::pair<EndpointKey, SubscriberPeer>> matches;
  for (const auto& [key, match] : matches_) {
    if (!match->confirmed) continue;
    const SubscriberPage& page = *match->page.get();
    // One that is closed, but for samples it holds, says kTakesNoMore.
    matches.emplace_back(key, SubscriberPeer{.peer = match->peer,
                                             .position = std::min(page.position(), ring_.head()),
                                             .counters = page.tally.Read()});
  }
  return matches;
}

void PublisherCore::CountRefusal(Refusal why, uint64_t size, uint64_t max_bytes) noexcept {
  ring_.tally().refused.Add();
  // The log would say it once as well, but at the price of a lock and memory.
  if (std::exchange(warned_of_[static_cast<size_t>(why)], true)) return;
  std::string reason;
  switch (why) {
    case Refusal::kUnfinished:
      reason = "it was not finished: call Finish of the loan";
      break;
    case Refusal::kTooLarge:
      reason = absl::StrCat("it has ", size, " bytes, and max_bytes of the schema is ", max_bytes);
      break;
    case Refusal::kForeignLoan:
      reason = "the loan is another publisher's";
      break;
  }
  discovery_->Warn(
      absl::StrCat("topic '", topic_name_, "': a message was not published: ", reason));
}

bool PublisherCore::AwaitRoomUntil(absl::Duration timeout) noexcept {
  const int64_t deadline = timeout > absl::ZeroDuration() ? DeadlineAfter(timeout) : 0;
  if (topic_.call_header_bytes != 0) ExcuseWhoIsOwedNothing();
  while (true) {
    const BackPressure::Outcome outcome = pressure_.Await(deadline);
    if (outcome != BackPressure::kDropped) return outcome == BackPressure::kRoom;
    discovery_->TellStalledSoon();
  }
}

void PublisherCore::ExcuseWhoIsOwedNothing() noexcept {
  ring_.ForEachReliable([&](Reader& reader, uint64_t cursor) {
    const uint64_t position = std::max(cursor, reader.start);
    if (position >= static_cast<MatchReader&>(reader).owed) reader.start = ring_.head();
  });
}

template <typename Visit>
void PublisherCore::WithReader(const EndpointKey& subscriber, Visit&& visit) noexcept {
  ring_.ForEachReliable([&](Reader& reader, uint64_t) {
    auto& match_reader = static_cast<MatchReader&>(reader);
    if (match_reader.key == subscriber && match_reader.confirmed.raised()) visit(match_reader);
  });
}

bool PublisherCore::Reaches(const EndpointKey& subscriber) noexcept {
  bool found = false;
  WithReader(subscriber, [&](MatchReader&) { found = true; });
  return found;
}

uint64_t PublisherCore::PublishCall(uint32_t slot, uint32_t size) noexcept {
  const EndpointKey to = ReadCallHeader(ring_.payload(slot)).to;
  // Before it is there: who was dropped and takes again is owed what comes after this look.
  const uint64_t next = ring_.head() + 1;
  WithReader(to, [&](MatchReader& reader) { reader.owed = next; });
  return ring_.Publish(slot, size, Now(), CallWaker{{}, to});
}

std::vector<EndpointKey> PublisherCore::TakeStalled() {
  std::vector<EndpointKey> stalled;
  for (auto& [key, match] : matches_) {
    const uint32_t drops = match->reader.drops();
    if (std::exchange(match->drops, drops) != drops) stalled.push_back(key);
  }
  return stalled;
}

absl::Status PublisherCore::StalledStatus() const {
  return absl::DeadlineExceededError(absl::StrCat(
      "the subscriber took nothing for ", absl::FormatDuration(options_->stall_limit),
      " while the publisher had no room for more: it is not waited for until it takes again, and "
      "loses what it misses. Have it take more often, raise depth in the publisher's schema or "
      "stall_limit in its PublisherOptions, or set best_effort in its own SubscriberOptions"));
}

JoinPoint PublisherCore::JoinNow(const Match& match) const {
  return JoinAt(ring_.head(), static_cast<StartAt>(match.page.get()->start_at), topic_.latched,
                topic_.layout.depth);
}

std::optional<JoinPoint> PublisherCore::Enter(const EndpointKey& subscriber, Match& match) {
  match.reader.page = match.page.get();
  match.reader.key = subscriber;
  match.reader.is_reliable = topic_.reliable && match.page.get()->best_effort == 0;
  match.reader.start = JoinNow(match).start;
  match.reader.doorbell = match.bell.get();
  if (!ring_.readers().Enter(&match.reader)) return std::nullopt;
  match.entered = true;
  // Only now, with the page in the table, is it safe to say where the subscriber starts.
  return JoinNow(match);
}

absl::StatusOr<std::optional<JoinPoint>> PublisherCore::Admit(const EndpointKey& subscriber,
                                                              const PeerInfo& peer, PeerPage page,
                                                              UniqueFd bell) {
  if (absl::Status status = page.Prepare(options_->memory); !status.ok()) return status;
  const auto [it, added] = matches_.try_emplace(subscriber, nullptr);
  if (!added) return absl::AlreadyExistsError("this subscriber is known already");
  it->second.reset(new Match{.peer = peer,
                             .page = std::move(page),
                             .bell = std::move(bell),
                             .reader = {},
                             .entered = false,
                             .confirmed = false,
                             .arrival = ++arrivals_});
  std::optional<JoinPoint> join = Enter(subscriber, *it->second);
  if (!join.has_value() && matches_.size() > ring_.readers().capacity() + kMostWaiting) {
    matches_.erase(it);
    return absl::ResourceExhaustedError(absl::StrCat("max_subscribers are matched and ",
                                                     kMostWaiting,
                                                     " more wait already: raise "
                                                     "max_subscribers in the publisher's schema"));
  }
  return join;
}

void PublisherCore::Confirmed(const EndpointKey& subscriber) {
  const auto it = matches_.find(subscriber);
  if (it == matches_.end() || !it->second->entered || it->second->confirmed) return;
  it->second->confirmed = true;
  it->second->reader.confirmed.Raise();
  gate_.Add(1);
  if (options_->on_matched) {
    discovery_->PostCallback(
        id_, [options = options_, peer = it->second->peer] { options->on_matched(peer); });
  }
}

void PublisherCore::Forget(Matches::iterator it) {
  const std::unique_ptr<Match> match = std::move(it->second);
  matches_.erase(it);
  if (!match->entered) return;
  ring_.readers().Remove(&match->reader);
  pressure_.OnMatchEnded();
  // The publishing thread may be looking at the page or ringing the bell right now. It is done in
  // well under a microsecond, unless it was preempted: then it needs this CPU.
  ring_.AwaitScan([] {
    const timespec pause{.tv_sec = 0, .tv_nsec = 20'000};
    ::nanosleep(&pause, nullptr);
  });
  if (!match->confirmed) return;
  gate_.Add(-1);
  if (options_->on_unmatched) {
    discovery_->PostCallback(
        id_, [options = options_, peer = match->peer] { options->on_unmatched(peer); });
  }
}

std::vector<PublisherEndpoint::Admitted> PublisherCore::Dismiss(const EndpointKey& subscriber) {
  const auto it = matches_.find(subscriber);
  if (it == matches_.end()) return {};
  Forget(it);
  return FillPlaces();
}

std::vector<PublisherEndpoint::Admitted> PublisherCore::DismissNode(const wire::NodeId& node) {
  bool any = false;
  for (auto it = matches_.lower_bound({node, 0}); it != matches_.end() && it->first.node == node;) {
    Forget(it++);
    any = true;
  }
  return any ? FillPlaces() : std::vector<Admitted>{};
}

std::vector<PublisherEndpoint::Admitted> PublisherCore::FillPlaces() {
  std::vector<Admitted> admitted;
  while (ring_.readers().count() < ring_.readers().capacity()) {
    auto next = matches_.end();
    for (auto it = matches_.begin(); it != matches_.end(); ++it) {
      if (it->second->entered) continue;
      if (next == matches_.end() || it->second->arrival < next->second->arrival) next = it;
    }
    if (next == matches_.end()) break;
    if (const auto join = Enter(next->first, *next->second))
      admitted.emplace_back(next->first, *join);
  }
  return admitted;
}

void PublisherCore::Refused(const PeerInfo& peer, const absl::Status& why) {
  if (!options_->on_refused) return;
  discovery_->PostCallback(id_,
                           [options = options_, peer, why] { options->on_refused(peer, why); });
}

}  // namespace holler
