#include "holler/subscriber_core.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "holler/clock.h"
#include "holler/discovery.h"
#include "holler/futex.h"
#include "holler/relax_cpu.h"
#include "holler/schema_check.h"

namespace holler {
namespace {

// Two words for each, and one for news.
constexpr size_t kMostSourcesOnWords = (kMostFutexWords - 1) / 2;

std::string_view ToView(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

absl::StatusOr<std::shared_ptr<SubscriberCore>> SubscriberCore::Create(Node& node, TopicInfo topic,
                                                                       SubscriberOptions options) {
  std::string name = options.topic.empty() ? std::string(topic.name) : options.topic;
  if (absl::Status status = CheckTopicName(name); !status.ok()) return status;
  absl::StatusOr<Doorbell> doorbell = Doorbell::Create();
  if (!doorbell.ok()) return doorbell.status();
  std::shared_ptr<SubscriberCore> core(new SubscriberCore(
      node.discovery(), topic, std::move(name), std::move(*doorbell), std::move(options)));
  if (absl::Status status = core->discovery_->Add(core->id_, core.get()); !status.ok()) {
    return status;
  }
  return core;
}

SubscriberCore::SubscriberCore(std::shared_ptr<Discovery> discovery, TopicInfo topic,
                               std::string topic_name, Doorbell doorbell, SubscriberOptions options)
    : discovery_(std::move(discovery)),
      id_(discovery_->NewEndpointId()),
      topic_name_(std::move(topic_name)),
      topic_(topic),
      options_(std::make_shared<const SubscriberOptions>(std::move(options))),
      doorbell_(std::move(doorbell)) {}

SubscriberCore::~SubscriberCore() = default;

// ---- Taking ----

// A sample that the user gets, unless it turns out to be malformed. The time is asked for only if
// that costs little against the rest: docs/slot_ring.md, "Counters".
inline void SubscriberCore::Count(const TakenSample& sample) noexcept {
  RingReader& ring = sample.source->ring();
  const bool is_due = ring.CountTaken() % kMeasureOneOf == 0;
  if (!is_due && !has_slept_) [[likely]]
    return;
  const int64_t age = Since(sample.source->clock().Now(), sample.held.publish_time);
  ring.CountLatency(age, std::exchange(has_slept_, false));
}

std::optional<TakenSample> SubscriberCore::Take() noexcept {
  auto sample = TryTake();
  if (!sample.has_value() && !in_batch_ && FoundNothing()) sample = TryTake();
  if (sample.has_value()) Count(*sample);
  return sample;
}

// What is to do before the user turns to other things, or looks again at once. Returns whether
// there is a sample now.
inline bool SubscriberCore::FoundNothing() noexcept {
  if (sources_.has_leftovers()) [[unlikely]]
    sources_.DropEnded();
  if (!fd_in_use_) return false;
  // The user goes back to poll fd(): forget old rings, ask for new ones, and look once more, as
  // before any sleep. A publisher whose ring was just forgotten must be asked, too.
  doorbell_.Clear();
  if (sources_.changed()) Adopt();
  ArmBells();
  const bool moved = HeadMoved();
  has_slept_ = !moved;  // Or is about to.
  return moved;
}

// Adopts what is new, and drops publishers that went on after their end.
inline void SubscriberCore::LookAtSources() noexcept {
  if (sources_.changed()) [[unlikely]]
    Adopt();
  if (sources_.has_ended()) [[unlikely]]
    sources_.DropEnded();
}

// Whether a sample just taken is what its publisher left. One that goes on after its end may have
// done so during the take: then the sample is lost, if it came before the end.
inline bool SubscriberCore::IsWhole(const TakenSample& sample) noexcept {
  if (!sources_.has_ended()) [[likely]]
    return true;
  const Source& source = *sample.source;
  const bool is_owed = !source.ended.raised() || sample.held.sequence <= source.last;
  if (is_owed && !source.went_on()) return true;
  if (is_owed) sample.source->ring().CountLost();
  Release(sample);
  return false;
}

std::optional<TakenSample> SubscriberCore::TryTake() noexcept {
  LookAtSources();
  if (sources_.size() == 1) [[likely]] {
    Source* source = sources_.begin()->get();
    const auto held = source->ring().Take();
    if (held.has_value() && IsWhole({*held, source})) return TakenSample{*held, source};
    return std::nullopt;
  }
  // A source that was overtaken between Oldest and Take, or that lies, is passed over in this
  // call, so that the others get their turn.
  ++turn_;
  while (Source* source = Oldest()) {
    const auto held = source->ring().Take();
    if (held.has_value() && IsWhole({*held, source})) return TakenSample{*held, source};
    source->passed_over_in = turn_;
  }
  return std::nullopt;
}

Source* SubscriberCore::Oldest() noexcept {
  Source* oldest = nullptr;
  int64_t oldest_time = INT64_MAX;
  for (const auto& source : sources_) {
    const std::optional<int64_t> time = source->ring().PeekPublishTime();
    if (!time.has_value() || source->ring().at_limit() || source->passed_over_in == turn_) continue;
    // The first counts whatever its time, or one that lies about it would never be taken.
    if (oldest != nullptr && *time >= oldest_time) continue;
    oldest = source.get();
    oldest_time = *time;
  }
  return oldest;
}

std::optional<TakenSample> SubscriberCore::TakeLatest(IsValid is_valid) noexcept {
  auto sample = TryTakeLatest(is_valid);
  if (!sample.has_value() && FoundNothing()) sample = TryTakeLatest(is_valid);
  if (sample.has_value()) Count(*sample);
  return sample;
}

std::optional<TakenSample> SubscriberCore::TryTakeLatest(IsValid is_valid) noexcept {
  LookAtSources();
  std::optional<TakenSample> latest;
  for (const auto& source : sources_) {
    const std::optional<HeldSample> held = source->ring().TakeLatest();
    if (!held.has_value() || !IsWhole({*held, source.get()})) continue;
    const TakenSample sample{*held, source.get()};
    std::optional<TakenSample> older = sample;
    if (!latest.has_value() || held->publish_time > latest->held.publish_time) {
      if (!is_valid(sample)) {               // Others may have better ones, though older.
        sample.source->ring().CountTaken();  // Which Reject takes back.
        Reject(sample);
        continue;
      }
      older = std::exchange(latest, sample);
    }
    if (!older.has_value()) continue;
    older->source->ring().CountSkipped();
    Release(*older);
  }
  return latest;
}

void SubscriberCore::Reject(const TakenSample& sample) noexcept {
  sample.source->ring().CountMalformed();
  Release(sample);
}

void SubscriberCore::LookAgain() noexcept { doorbell_.Ring(); }

SubscriberCounters SubscriberCore::counters() const {
  SubscriberCounters counters = sources_.counters();
  counters.dropped = dropped();  // Counted by discovery, in pages that may be gone.
  return counters;
}

// ---- Sleeping ----

bool SubscriberCore::WaitUnless(const uint32_t* seen, absl::Duration timeout) noexcept {
  LookAtSources();
  if (has_next()) return true;
  const int64_t deadline = DeadlineAfter(timeout);
  if (options_->spin > absl::ZeroDuration()) {
    if (Spin(deadline)) return true;
    if (IsOver(deadline)) return false;
  }
  while (true) {
    const uint32_t news = news_.load();  // Before the look at what it tells of.
    if (seen != nullptr && news != *seen) break;
    if (sources_.changed()) Adopt();
    sources_.DropEnded();
    // Whoever polls fd() is armed for it for good.
    const bool on_words =
        !fd_in_use_ && sources_.size() <= kMostSourcesOnWords && CanSleepOnWords();
    // Woken perhaps by a publisher that came or went, or for a sample that was taken already.
    const bool in_time = on_words ? SleepOnFutexes(news, deadline) : SleepOnBells(deadline);
    if (has_next() || !in_time) break;
  }
  Disarm();
  if (sources_.changed()) Adopt();
  const bool found = has_next();
  if (!found) has_slept_ = false;  // What comes later ends no sleep.
  return found;
}

// Looks without sleeping, as long as the options say. Returns whether there is a sample.
bool SubscriberCore::Spin(int64_t deadline) noexcept {
  constexpr int kLooksAtOnce = 64;  // A look costs less than asking for the time.
  const int64_t until = std::min(deadline, DeadlineAfter(options_->spin));
  do {
    for (int i = 0; i < kLooksAtOnce; ++i) {
      if (sources_.changed()) [[unlikely]]
        Adopt();
      if (has_next()) return true;
      RelaxCpu();
    }
    sources_.DropEnded();
  } while (MonotonicNow() < until);
  return false;
}

bool SubscriberCore::SleepOnFutexes(uint32_t news, int64_t deadline) noexcept {
  return sources_.size() <= 1 ? SleepOnSome<kFewFutexWords>(news, deadline)
                              : SleepOnSome<kMostFutexWords>(news, deadline);
}

// S1 to S3 for futexes. Returns whether it was ended by anything but the deadline.
template <size_t kMost>
bool SubscriberCore::SleepOnSome(uint32_t news, int64_t deadline) noexcept {
  std::array<FutexWord, kMost> words;
  size_t count = 0;
  words[count++] = {.address = &news_, .expected = news, .is_shared = false};
  for (const auto& source : sources_) {
    RingReader& ring = source->ring();
    const uint64_t known = ring.Arm(WakeBy::kFutex);
    if (ring.HeadMoved() && !ring.at_limit()) return true;
    // The publisher wakes who sleeps on the armed word, a page that nobody else has: whoever has
    // mapped a word can move its sleepers elsewhere (FUTEX_REQUEUE), or pile up sleepers of its
    // own. Then head, only to be compared: nobody is woken there, so to the kernel it is this
    // process's own, which saves it a walk to the page.
    words[count++] = {.address = ring.armed_word(),
                      .expected = ArmedWord(known, WakeBy::kFutex),
                      .is_shared = true};
    words[count++] = {
        .address = ring.head_word(), .expected = static_cast<uint32_t>(known), .is_shared = false};
  }
  if (IsOver(deadline)) return false;
  has_slept_ = true;
  return SleepOnWords({words.data(), count}, deadline);
}

// The same for doorbells.
bool SubscriberCore::SleepOnBells(int64_t deadline) noexcept {
  ArmBells();
  if (HeadMoved()) return true;
  has_slept_ = true;
  const bool forever = deadline == INT64_MAX;
  return doorbell_.Wait(forever ? absl::InfiniteDuration()
                                : absl::Nanoseconds(deadline - MonotonicNow()));
}

int SubscriberCore::fd() noexcept {
  if (!fd_in_use_) {
    fd_in_use_ = true;
    if (sources_.changed()) Adopt();
    ArmBells();
    const bool moved = HeadMoved();
    has_slept_ = !moved;  // Or is about to.
    if (moved) doorbell_.Ring();
  }
  return doorbell_.fd();
}

void SubscriberCore::ArmBells() noexcept {
  for (const auto& source : sources_) source->ring().Arm(WakeBy::kBell);
}

void SubscriberCore::Disarm() noexcept {
  if (fd_in_use_) return;  // The user may poll at any time.
  for (const auto& source : sources_) source->ring().Disarm();
}

EndpointKey SubscriberCore::key() const noexcept { return discovery_->LocalKey(id_); }

// Has the taking thread, if it sleeps, look at what changed and ended.
void SubscriberCore::Tell() noexcept {
  news_.fetch_add(1);
  WakeSleeper(&news_, /*is_shared=*/false);
  doorbell_.Ring();
}

bool SubscriberCore::has_next() noexcept {
  return std::any_of(sources_.begin(), sources_.end(), [](const auto& source) {
    return source->ring().HasNext() && !source->ring().at_limit();
  });
}

bool SubscriberCore::at_limit() noexcept {
  return std::any_of(sources_.begin(), sources_.end(),
                     [](const auto& source) { return source->ring().at_limit(); });
}

bool SubscriberCore::HeadMoved() noexcept {
  return std::any_of(sources_.begin(), sources_.end(), [](const auto& source) {
    return source->ring().HeadMoved() && !source->ring().at_limit();
  });
}

// ---- Publishers that come and go ----

void SubscriberCore::Adopt() noexcept {
  sources_.Adopt([this](Source& source) {
    // Whoever polls fd() counts as asleep; the look at its head that follows makes this S1 and S2.
    if (fd_in_use_) source.ring().Arm(WakeBy::kBell);
  });
}

void SubscriberCore::Close(std::shared_ptr<SubscriberCore> core) {
  const std::shared_ptr<Discovery> discovery = core->discovery_;
  if (discovery->is_forked()) return;
  const uint64_t id = core->id_;
  // An event loop lets go of it then; nobody is to take from it any more.
  core->closed_ = true;
  core->gate_.Close();
  if (core->fd_in_use_) core->doorbell_.Ring();
  if (core->sources_.holds_any()) {
    discovery->RemoveWhenReleased(id, std::move(core));
  } else {
    discovery->RemoveSubscriber(id);
  }
}

void SubscriberCore::TakeNoMore() {
  for (const auto& [key, source] : known_) source->TakeNoMore();
}

bool SubscriberCore::holds_samples() { return sources_.holds_any(); }

absl::Status SubscriberCore::CheckMatch(const PeerSegment& segment) const {
  if (segment.fingerprint() != topic_.fingerprint || segment.type_name() != topic_.type_name) {
    const std::string schema = segment.CopySchema();
    const absl::Status status =
        CheckReadable({.schema = schema, .type_name = segment.type_name()},
                      {.schema = ToView(topic_.schema), .type_name = topic_.type_name});
    if (!status.ok()) return status;
  }
  if (segment.call_header_bytes() != topic_.call_header_bytes) {
    return absl::InvalidArgumentError("one side has a service, the other a topic of that name");
  }
  const SegmentLayout& theirs = segment.layout();
  const SegmentLayout& ours = topic_.layout;
  if ((theirs.payload_kind == PayloadKind::kStruct) !=
      (ours.payload_kind == PayloadKind::kStruct)) {
    return absl::InvalidArgumentError("one side has a struct, the other a table");
  }
  if (ours.payload_kind == PayloadKind::kStruct &&
      (theirs.payload_capacity != ours.payload_capacity ||
       theirs.payload_offset != ours.payload_offset)) {
    return absl::InvalidArgumentError(absl::StrCat("the message has ", theirs.payload_capacity,
                                                   " bytes at the publisher, ",
                                                   ours.payload_capacity, " at the subscriber"));
  }
  return absl::OkStatus();
}

absl::StatusOr<SubscriberEndpoint::Offer> SubscriberCore::Propose(
    const EndpointKey& publisher, const PeerInfo& peer,
    std::shared_ptr<const PeerSegment> segment) {
  if (known_.contains(publisher)) {
    return absl::AlreadyExistsError("this publisher is known already");
  }
  if (absl::Status status = CheckMatch(*segment); !status.ok()) return status;
  absl::StatusOr<OwnPage> page =
      OwnPage::Create(segment->layout().max_samples, options_->start_at, options_->best_effort);
  if (!page.ok()) return page.status();
  absl::Status prepared = segment->Prepare(options_->memory);
  if (prepared.ok()) prepared = page->Prepare(options_->memory);
  if (!prepared.ok()) return prepared;
  absl::StatusOr<Bell> bell = doorbell_.AddBell();
  if (!bell.ok()) return bell.status();
  auto source = std::make_shared<Source>(discovery_->clock(), publisher, peer, std::move(segment),
                                         std::move(*page), std::move(*bell));
  const Offer offer{source->page_fd(), source->bell_pull()};
  known_[publisher] = std::move(source);
  return offer;
}

bool SubscriberCore::Confirm(const EndpointKey& publisher, JoinPoint join) {
  const auto it = known_.find(publisher);
  if (it == known_.end() || it->second->started()) return false;
  it->second->Start(join);
  sources_.Arrive(it->second);
  Tell();
  gate_.Add(1);
  if (options_->on_matched) {
    discovery_->PostCallback(
        id_, [options = options_, peer = it->second->peer()] { options->on_matched(peer); });
  }
  return true;
}

void SubscriberCore::End(const EndpointKey& publisher) {
  const auto it = known_.find(publisher);
  if (it == known_.end()) return;
  const std::shared_ptr<Source> source = std::move(it->second);
  known_.erase(it);
  // At once, not when its last sample is taken: peers that come and go must not pile up fds.
  doorbell_.RemoveBell(source->TakeEar());
  if (!source->started()) return;
  sources_.End(*source);
  Tell();
  gate_.Add(-1);
  if (options_->on_unmatched) {
    discovery_->PostCallback(
        id_, [options = options_, peer = source->peer()] { options->on_unmatched(peer); });
  }
}

void SubscriberCore::Stalled(const EndpointKey& publisher, const PeerInfo& peer,
                             const absl::Status& why) {
  const auto it = known_.find(publisher);
  if (it == known_.end()) return;
  it->second->CountDropped();
  dropped_.fetch_add(1, std::memory_order_relaxed);
  Refused(peer, why);
}

void SubscriberCore::Refused(const PeerInfo& peer, const absl::Status& why) {
  if (!options_->on_refused) return;
  discovery_->PostCallback(id_,
                           [options = options_, peer, why] { options->on_refused(peer, why); });
}

}  // namespace holler
