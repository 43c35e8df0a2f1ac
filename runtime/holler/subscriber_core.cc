#include "holler/subscriber_core.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "holler/clock.h"
#include "holler/discovery.h"
#include "holler/schema_check.h"

namespace holler {
namespace {

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
  absl::StatusOr<UniqueFd> bell = doorbell->AddBell();
  if (!bell.ok()) return bell.status();
  std::shared_ptr<SubscriberCore> core(new SubscriberCore(node.discovery(), topic, std::move(name),
                                                          std::move(*doorbell), std::move(*bell),
                                                          std::move(options)));
  if (absl::Status status = core->discovery_->Add(core->id_, core.get()); !status.ok()) {
    return status;
  }
  return core;
}

SubscriberCore::SubscriberCore(std::shared_ptr<Discovery> discovery, TopicInfo topic,
                               std::string topic_name, Doorbell doorbell, UniqueFd own_bell,
                               SubscriberOptions options)
    : discovery_(std::move(discovery)),
      id_(discovery_->NewEndpointId()),
      topic_name_(std::move(topic_name)),
      topic_(topic),
      options_(std::make_shared<const SubscriberOptions>(std::move(options))),
      doorbell_(std::move(doorbell)),
      own_bell_(std::move(own_bell)) {}

SubscriberCore::~SubscriberCore() = default;

// ---- Taking ----

std::optional<TakenSample> SubscriberCore::Take() noexcept {
  if (auto sample = TryTake()) return sample;
  DropEnded();
  if (!fd_in_use_) return std::nullopt;
  // The user goes back to poll fd(): forget old rings, ask for new ones, and look once more, as
  // before any sleep. A publisher whose ring was just forgotten must be asked, too.
  doorbell_.Clear();
  if (changed_.raised()) Adopt();
  Sleep();
  return HeadMoved() ? TryTake() : std::nullopt;
}

std::optional<TakenSample> SubscriberCore::TryTake() noexcept {
  if (changed_.raised()) [[unlikely]]
    Adopt();
  if (sources_.size() == 1) [[likely]] {
    Source* source = sources_.front().get();
    if (const auto held = source->ring().Take()) return TakenSample{*held, source};
    return std::nullopt;
  }
  // A source that was overtaken between Oldest and Take, or that lies, is passed over in this
  // call, so that the others get their turn.
  ++turn_;
  while (Source* source = Oldest()) {
    if (const auto held = source->ring().Take()) return TakenSample{*held, source};
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

std::optional<TakenSample> SubscriberCore::TakeLatest() noexcept {
  if (changed_.raised()) [[unlikely]]
    Adopt();
  std::optional<TakenSample> latest;
  for (const auto& source : sources_) {
    const std::optional<HeldSample> held = source->ring().TakeLatest();
    if (!held.has_value()) continue;
    const TakenSample sample{*held, source.get()};
    if (!latest.has_value() || held->publish_time > latest->held.publish_time) {
      if (latest.has_value()) Release(*latest);
      if (latest.has_value()) ++skipped_before_;
      latest = sample;
    } else {
      Release(sample);
      ++skipped_before_;
    }
  }
  if (latest.has_value()) return latest;
  return Take();  // Nothing new; it does what is to do before a sleep.
}

void SubscriberCore::Reject(const TakenSample& sample) noexcept {
  ++malformed_;
  Release(sample);
}

void SubscriberCore::LookAgain() noexcept { RingBell(own_bell_.get()); }

uint64_t SubscriberCore::lost() const noexcept {
  uint64_t lost = lost_before_;
  for (const auto& source : sources_) lost += source->ring().lost();
  return lost;
}

uint64_t SubscriberCore::skipped() const noexcept {
  uint64_t skipped = skipped_before_;
  for (const auto& source : sources_) skipped += source->ring().skipped();
  return skipped;
}

// ---- Sleeping ----

bool SubscriberCore::Wait(absl::Duration timeout) noexcept {
  if (changed_.raised()) [[unlikely]]
    Adopt();
  if (HasNext()) return true;
  const bool forever = timeout == absl::InfiniteDuration();
  const int64_t start = MonotonicNow();
  absl::Duration left = timeout;
  bool available = false;
  while (true) {
    Sleep();
    if (HeadMoved()) {
      available = true;
      break;
    }
    const bool rang = doorbell_.Wait(left);  // S3
    DropEnded();
    if (changed_.raised()) Adopt();
    available = HasNext();
    if (available || !rang) break;
    // Rung for a publisher that came or went, or for a sample that was taken already.
    if (forever) continue;
    left = timeout - absl::Nanoseconds(MonotonicNow() - start);
    if (left <= absl::ZeroDuration()) break;
  }
  WakeUp();
  return available;
}

int SubscriberCore::fd() noexcept {
  if (!fd_in_use_) {
    fd_in_use_ = true;
    if (changed_.raised()) Adopt();
    Sleep();
    if (HeadMoved()) RingBell(own_bell_.get());
  }
  return doorbell_.fd();
}

void SubscriberCore::Sleep() noexcept {
  if (++epoch_ == 0) epoch_ = 1;
  for (const auto& source : sources_) source->ring().Arm(epoch_);
}

void SubscriberCore::WakeUp() noexcept {
  if (fd_in_use_) return;  // Armed for good: the user may poll at any time.
  for (const auto& source : sources_) source->ring().Disarm();
}

bool SubscriberCore::HasNext() noexcept {
  return std::any_of(sources_.begin(), sources_.end(), [](const auto& source) {
    return source->ring().HasNext() && !source->ring().at_limit();
  });
}

bool SubscriberCore::HeadMoved() noexcept {
  return std::any_of(sources_.begin(), sources_.end(), [](const auto& source) {
    return source->ring().HeadMoved() && !source->ring().at_limit();
  });
}

// ---- Publishers that come and go ----

void SubscriberCore::Adopt() noexcept {
  std::lock_guard lock(handoff_);
  changed_.Lower();
  for (auto& source : arrivals_) {
    // Whoever polls fd() counts as asleep; the look at its head that follows makes this S1 and S2.
    if (fd_in_use_) source->ring().Arm(epoch_);
    sources_.push_back(std::move(source));
  }
  arrivals_.clear();
  DropEnded();  // Who never finds nothing to take would keep them all.
}

void SubscriberCore::DropEnded() noexcept {
  std::erase_if(ended_, [](const auto& source) { return !source->ring().holds_any(); });
  std::erase_if(sources_, [&](const std::shared_ptr<Source>& source) {
    // First whether it ended, then whether it is empty: nothing is published after its end.
    if (!source->ended.raised() || source->ring().HasNext()) return false;
    lost_before_ += source->ring().lost();
    skipped_before_ += source->ring().skipped();
    if (source->ring().holds_any()) ended_.push_back(source);
    return true;
  });
}

void SubscriberCore::Close(std::shared_ptr<SubscriberCore> core) {
  const std::shared_ptr<Discovery> discovery = core->discovery_;
  const uint64_t id = core->id_;
  if (core->holds_samples()) {
    discovery->RemoveWhenReleased(id, std::move(core));
  } else {
    discovery->RemoveSubscriber(id);
  }
}

bool SubscriberCore::holds_samples() {
  const auto holds = [](const auto& source) { return source->ring().holds_any(); };
  return std::any_of(sources_.begin(), sources_.end(), holds) ||
         std::any_of(ended_.begin(), ended_.end(), holds);
}

absl::Status SubscriberCore::CheckMatch(const PeerSegment& segment) const {
  if (segment.fingerprint() != topic_.fingerprint || segment.type_name() != topic_.type_name) {
    const std::string schema = segment.CopySchema();
    const absl::Status status =
        CheckReadable({.schema = schema, .type_name = segment.type_name()},
                      {.schema = ToView(topic_.schema), .type_name = topic_.type_name});
    if (!status.ok()) return status;
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
  if (absl::Status status = CheckMatch(*segment); !status.ok()) return status;
  absl::StatusOr<OwnPage> page = OwnPage::Create(segment->layout().max_samples);
  if (!page.ok()) return page.status();
  absl::StatusOr<UniqueFd> bell = doorbell_.AddBell();
  if (!bell.ok()) return bell.status();
  auto source = std::make_shared<Source>(publisher, peer, std::move(segment), std::move(*page),
                                         std::move(*bell));
  const Offer offer{source->page_fd(), source->bell()};
  known_[publisher] = std::move(source);
  return offer;
}

bool SubscriberCore::Confirm(const EndpointKey& publisher, uint64_t start) {
  const auto it = known_.find(publisher);
  if (it == known_.end() || it->second->started()) return false;
  it->second->Start(start);
  {
    std::lock_guard lock(handoff_);
    arrivals_.push_back(it->second);
    changed_.Raise();
  }
  RingBell(own_bell_.get());
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
  doorbell_.RemoveBell(source->bell());
  source->CloseBell();
  if (!source->started()) return;
  source->ended.Raise();
  RingBell(own_bell_.get());
  gate_.Add(-1);
  if (options_->on_unmatched) {
    discovery_->PostCallback(
        id_, [options = options_, peer = source->peer()] { options->on_unmatched(peer); });
  }
}

void SubscriberCore::Refused(const PeerInfo& peer, const absl::Status& why) {
  if (!options_->on_refused) return;
  discovery_->PostCallback(id_,
                           [options = options_, peer, why] { options->on_refused(peer, why); });
}

}  // namespace holler
