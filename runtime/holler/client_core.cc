#include "holler/client_core.h"

#include <algorithm>
#include <utility>

#include "holler/call_header.h"

namespace holler {
namespace {

// Samples taken in one go, after which the user gets a turn: others' servers may reply faster than
// they are passed over.
constexpr int kMostAtOnce = 1'000;

}  // namespace

ClientCore::ClientCore(PublisherCore& requests, std::shared_ptr<SubscriberCore> replies,
                       Clock clock, uint32_t max_calls, Validate validate)
    : requests_(&requests),
      replies_(std::move(replies)),
      clock_(std::move(clock)),
      self_(replies_->key()),
      validate_(validate),
      places_(max_calls) {}

void ClientCore::Close() noexcept {
  if (std::exchange(requests_, nullptr) == nullptr) return;
  for (Place& place : places_) {
    if (place.result.message != nullptr) SubscriberCore::Release(place.result.sample);
    place = {};
  }
}

// ---- Sending ----

// The servers are looked at anew for each call: one may have come, gone, or stalled.
const Source* ClientCore::FindServer() noexcept {
  const Source* found = nullptr;
  if (closed()) return found;
  replies_->ForEachSource([&](const Source& source) {
    if (found != nullptr || source.ended.raised()) return;
    // Its replies reach us; do our requests reach it?
    if (requests_->Reaches(source.partner())) found = &source;
  });
  return found;
}

std::optional<PeerInfo> ClientCore::server() noexcept {
  const Source* source = FindServer();
  if (source == nullptr) return std::nullopt;
  return source->peer();
}

uint32_t ClientCore::count() const noexcept {
  return static_cast<uint32_t>(std::count_if(
      places_.begin(), places_.end(), [](const Place& place) { return place.result.call != 0; }));
}

CallEnd ClientCore::Readiness() noexcept {
  if (FindServer() == nullptr) return CallEnd::kNoServer;
  // Each loan will need a place.
  return count() + requests_->loans() < places_.size() ? CallEnd::kPending : CallEnd::kFull;
}

CallId ClientCore::Begin(int64_t deadline, std::byte* payload) noexcept {
  const Source* server = FindServer();
  const auto place = std::find_if(places_.begin(), places_.end(),
                                  [](const Place& free) { return free.result.call == 0; });
  if (server == nullptr || place == places_.end()) return 0;
  place->result = {.call = ++last_call_, .end = CallEnd::kPending};
  place->server = server->key();
  place->deadline = deadline;
  WriteCallHeader(payload, {.to = server->partner(), .call = last_call_, .deadline = deadline});
  return last_call_;
}

void ClientCore::Forget(CallId call) noexcept {
  if (Place* place = Find(call)) *place = {};
}

bool ClientCore::Cancel(CallId call) noexcept {
  Place* place = Find(call);
  if (place == nullptr || place->result.end != CallEnd::kPending) return false;
  End(*place, CallEnd::kCancelled);
  TellListener();
  return true;
}

// ---- Ends ----

ClientCore::Place* ClientCore::Find(CallId call) noexcept {
  if (call == 0) return nullptr;
  const auto place = std::find_if(places_.begin(), places_.end(), [call](const Place& candidate) {
    return candidate.result.call == call;
  });
  return place == places_.end() ? nullptr : &*place;
}

void ClientCore::End(Place& place, CallEnd end, absl::StatusCode code) noexcept {
  place.result.end = end;
  place.result.code = code;
  place.ended_as = ++ends_;
}

void ClientCore::Pump() noexcept {
  if (closed()) return;
  int left = kMostAtOnce;
  for (; left > 0; --left) {
    const std::optional<TakenSample> taken = replies_->Take();
    if (!taken.has_value()) break;
    Sort(*taken);
  }
  if (left == 0) replies_->LookAgain();
  EndThoseWithoutServer();
  EndOverdue();
}

void ClientCore::Sort(const TakenSample& taken) noexcept {
  const CallHeader header = ReadCallHeader(taken.held.payload);
  if (!(header.to == self_)) {  // Another client's.
    SubscriberCore::Release(taken);
    return;
  }
  Place* place = Find(header.call);
  if (place == nullptr || place->result.end != CallEnd::kPending ||
      !(place->server == taken.source->key())) {
    ++late_;
    SubscriberCore::Release(taken);
    return;
  }
  if (taken.held.publish_time >= place->deadline) {
    ++late_;
    End(*place, CallEnd::kDeadline);
    SubscriberCore::Release(taken);
    return;
  }
  if (header.status != 0) {
    End(*place, CallEnd::kFailed, StatusCodeOf(header.status));
    SubscriberCore::Release(taken);
    return;
  }
  const void* message = validate_(*replies_, taken);
  if (message == nullptr) {
    End(*place, CallEnd::kFailed, absl::StatusCode::kDataLoss);
    replies_->Reject(taken);
    return;
  }
  place->result.sample = taken;
  place->result.message = message;
  End(*place, CallEnd::kReply);
}

void ClientCore::EndThoseWithoutServer() noexcept {
  for (Place& place : places_) {
    if (place.result.end != CallEnd::kPending) continue;
    Source* source = FindSource(place.server);
    // What it had sent before was taken.
    if (source == nullptr || source->is_drained()) End(place, CallEnd::kPeerGone);
  }
}

Source* ClientCore::FindSource(const EndpointKey& server) noexcept {
  Source* found = nullptr;
  replies_->ForEachSource([&](Source& source) {
    if (source.key() == server) found = &source;
  });
  return found;
}

// Whether a reply that was sent in time may wait to be taken: behind many others', or because it
// came just now. What was not there at the first look after the deadline was sent too late.
bool ClientCore::MayHaveReply(Place& place) noexcept {
  Source* source = FindSource(place.server);
  if (source == nullptr || !source->ring().HasNext() || source->ring().at_limit()) return false;
  if (!place.last_in_time.has_value()) place.last_in_time = source->ring().head();
  return source->ring().position() < *place.last_in_time;
}

void ClientCore::EndOverdue() noexcept {
  int64_t now = INT64_MIN;  // Asked for only if there is a reason.
  for (Place& place : places_) {
    if (place.result.end != CallEnd::kPending || place.deadline == INT64_MAX) continue;
    if (now == INT64_MIN) now = clock_.Now();
    if (now >= place.deadline && !MayHaveReply(place)) End(place, CallEnd::kDeadline);
  }
}

ClientCore::Ended ClientCore::Collect(CallId call) noexcept {
  Place* first = nullptr;
  for (Place& place : places_) {
    if (place.result.call == 0 || (call != 0 && place.result.call != call)) continue;
    if (place.result.end == CallEnd::kPending) {
      if (call != 0) return {.call = call, .end = CallEnd::kPending};
      continue;
    }
    if (first == nullptr || place.ended_as < first->ended_as) first = &place;
  }
  if (first == nullptr) return {.call = call, .end = CallEnd::kUnknown};
  return std::exchange(*first, Place{}).result;
}

bool ClientCore::any_ended() const noexcept {
  return std::any_of(places_.begin(), places_.end(), [](const Place& place) {
    return place.result.call != 0 && place.result.end != CallEnd::kPending;
  });
}

int64_t ClientCore::next_deadline() const noexcept {
  int64_t next = INT64_MAX;
  for (const Place& place : places_) {
    if (place.result.call != 0 && place.result.end == CallEnd::kPending) {
      next = std::min(next, place.deadline);
    }
  }
  return next;
}

void ClientCore::TellListener() noexcept {
  if (listener_ != nullptr) listener_->CallsChanged();
}

// ---- Sleeping ----

void ClientCore::Sleep(uint32_t seen, int64_t until) noexcept {
  // Another clock tells nothing about how long to sleep.
  if (clock_.is_monotonic_clock()) until = std::min(until, next_deadline());
  replies_->WaitForNews(seen, until == INT64_MAX ? absl::InfiniteDuration()
                                                 : absl::Nanoseconds(until - MonotonicNow()));
}

ClientCore::Ended ClientCore::Await(CallId call, absl::Duration timeout) noexcept {
  const int64_t until = DeadlineAfter(timeout);
  while (true) {
    const uint32_t seen = replies_->news();  // Before the look at what it tells of.
    Pump();
    Ended ended = Collect(call);
    const bool is_waited_for = ended.end == CallEnd::kPending ||
                               (call == 0 && ended.end == CallEnd::kUnknown && count() > 0);
    if (!is_waited_for || MonotonicNow() >= until) return ended;
    Sleep(seen, until);
  }
}

bool ClientCore::WaitForServer(absl::Duration timeout) noexcept {
  const int64_t until = DeadlineAfter(timeout);
  while (true) {
    const uint32_t seen = replies_->news();
    Pump();
    if (FindServer() != nullptr) return true;
    if (MonotonicNow() >= until) return false;
    Sleep(seen, until);
  }
}

}  // namespace holler
