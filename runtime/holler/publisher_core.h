// What all publishers have in common, whatever their message type: segment, ring, matches.
#ifndef HOLLER_PUBLISHER_CORE_H_
#define HOLLER_PUBLISHER_CORE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/back_pressure.h"
#include "holler/clock.h"
#include "holler/counters.h"
#include "holler/doorbell.h"
#include "holler/endpoint.h"
#include "holler/futex.h"
#include "holler/gate.h"
#include "holler/node.h"
#include "holler/options.h"
#include "holler/peers.h"
#include "holler/pulse.h"
#include "holler/segment.h"
#include "holler/slot_ring.h"
#include "holler/tick_clock.h"

namespace holler {

// Why Publish refuses a message.
enum class Refusal { kUnfinished, kTooLarge, kForeignLoan };

// Thread safety: Acquire, Return, Publish, loans and the Count calls by one thread at a time; the
// rest by any.
class PublisherCore final : public PublisherEndpoint {
 public:
  // Errors: a bad topic name; what Segment::Create says.
  static absl::StatusOr<std::unique_ptr<PublisherCore>> Create(Node& node, TopicInfo topic,
                                                               PublisherOptions options);
  ~PublisherCore() override;

  // The publisher goes away: nobody is matched any more, and no callback runs after this.
  void Close();

  // Whether samples go anywhere: somebody listens, or the topic keeps the last one for later.
  bool is_wanted() const noexcept { return topic_.latched || ring_.readers().count() != 0; }

  // On reliable topics, before Acquire: waits for room. Returns whether there is; subscribers that
  // stall meanwhile are dropped, and told so.
  bool AwaitRoom(absl::Duration timeout) noexcept {
    return ring_.HasRoom() || AwaitRoomUntil(timeout);
  }
  uint32_t Acquire() noexcept { return ring_.Acquire(); }
  void Return(uint32_t slot) noexcept { ring_.Return(slot); }
  uint64_t Publish(uint32_t slot, uint32_t size) noexcept {
    if (topic_.call_header_bytes != 0) return PublishCall(slot, size);
    const uint64_t sequence = ring_.Publish(slot, size, Now(), Waker{});
    if (pulse_ != nullptr) [[unlikely]]
      pulse_->Beat();
    return sequence;
  }
  // Many at once, which share their time: Put each, and Announce when HasRoom says no, and in the
  // end. Not for calls.
  int64_t Now() noexcept { return clock_.is_monotonic_clock() ? tick_clock_.Now() : clock_.Now(); }
  bool HasRoom() noexcept { return ring_.HasRoom(); }
  void Put(uint32_t slot, uint32_t size, int64_t now) noexcept {
    ring_.Put(slot, size, now);
    if (ring_.unannounced() >= most_unannounced_) Announce();
  }
  void Announce() noexcept {
    if (ring_.unannounced() == 0) return;
    ring_.Announce(Waker{});
    if (pulse_ != nullptr) [[unlikely]]
      pulse_->Beat();
  }
  std::byte* payload(uint32_t slot) const noexcept { return ring_.payload(slot); }
  uint32_t loans() const noexcept { return ring_.loans(); }
  uint64_t published() const noexcept { return ring_.head(); }

  PublisherCounters counters() const noexcept { return ring_.counters(); }
  // Those matched at present.
  std::vector<SubscriberPeer> subscribers() const;

  // A loan was not given: max_loans are out, or there is no room.
  void CountTooManyLoans() noexcept { ring_.tally().too_many_loans.Add(); }
  void CountFull() noexcept { ring_.tally().full.Add(); }
  // Publish refused a message of `size` bytes; logs it the first time for each reason.
  void CountRefusal(Refusal why, uint64_t size, uint64_t max_bytes) noexcept;

  // Those that were told where they start; WaitForSubscriber waits for the first of them.
  int subscriber_count() const noexcept { return gate_.count(); }
  bool WaitForSubscriber(absl::Duration timeout) const { return gate_.Wait(timeout); }

  Gate& gate() noexcept { return gate_; }

  // For calls, each of which is for the subscriber its header names: that one alone is woken, and
  // waited for until it has taken it. Whether `subscriber` would get the next one: it is matched,
  // and has not stalled. By the publishing thread.
  bool Reaches(const EndpointKey& subscriber) noexcept;

  // Has `pulse` beat with each sample from now on. By the publishing thread.
  void SetPulse(std::shared_ptr<Pulse> pulse) noexcept { pulse_ = std::move(pulse); }

  // PublisherEndpoint.
  const std::string& topic_name() const override { return topic_name_; }
  const TopicInfo& topic() const override { return topic_; }
  int segment_fd() const override { return segment_.fd(); }
  absl::StatusOr<std::optional<JoinPoint>> Admit(const EndpointKey& subscriber,
                                                 const PeerInfo& peer, PeerPage page,
                                                 UniqueFd bell) override;
  void Confirmed(const EndpointKey& subscriber) override;
  std::vector<Admitted> Dismiss(const EndpointKey& subscriber) override;
  std::vector<Admitted> DismissNode(const wire::NodeId& node) override;
  std::vector<EndpointKey> TakeStalled() override;
  absl::Status StalledStatus() const override;
  std::vector<std::pair<EndpointKey, SubscriberPeer>> matches() const override;
  void Refused(const PeerInfo& peer, const absl::Status& why) override;

 private:
  // Subscribers that wait for a place; more are turned away.
  static constexpr size_t kMostWaiting = 256;

  // In the ring's table; all readers there are such.
  struct MatchReader : Reader {
    EndpointKey key;
    Flag confirmed;     // It was told where it starts.
    uint64_t owed = 0;  // The last call that was for it; the publishing thread's own.
  };

  // How RingWriter wakes sleepers.
  struct Waker {
    bool Wake(const Reader& reader, WakeBy how) const noexcept {
      if (how == WakeBy::kBell) return RingBell(reader.doorbell);
      WakeSleeper(&reader.page->armed, /*is_shared=*/true);
      return true;
    }
  };

  // Those whose call it is. The others are left asleep, and asked again with the next.
  struct CallWaker : Waker {
    bool Wake(const Reader& reader, WakeBy how) const noexcept {
      return static_cast<const MatchReader&>(reader).key == to && Waker::Wake(reader, how);
    }
    const EndpointKey& to;
  };

  struct Match {
    PeerInfo peer;
    PeerPage page;
    UniqueFd bell;
    MatchReader reader;
    bool entered = false;    // In the table; else it waits for a place.
    bool confirmed = false;  // And was told so.
    uint64_t arrival = 0;    // Whoever waits longest is next.
    uint32_t drops = 0;      // Of the reader's, those it was told of.
  };
  using Matches = std::map<EndpointKey, std::unique_ptr<Match>>;

  PublisherCore(std::shared_ptr<Discovery> discovery, TopicInfo topic, std::string topic_name,
                Segment segment, PublisherOptions options);

  uint64_t PublishCall(uint32_t slot, uint32_t size) noexcept;
  bool AwaitRoomUntil(absl::Duration timeout) noexcept;
  void ExcuseWhoIsOwedNothing() noexcept;
  template <typename Visit>
  void WithReader(const EndpointKey& subscriber, Visit&& visit) noexcept;
  JoinPoint JoinNow(const Match& match) const;
  std::optional<JoinPoint> Enter(const EndpointKey& subscriber, Match& match);
  void Forget(Matches::iterator it);
  std::vector<Admitted> FillPlaces();

  const std::shared_ptr<Discovery> discovery_;
  const Clock clock_;
  TickClock<CpuTicks> tick_clock_;  // In its place, if it is CLOCK_MONOTONIC.
  const uint64_t id_;
  const std::string topic_name_;
  const TopicInfo topic_;
  const Segment segment_;
  RingWriter ring_;
  // Of a batch, so that subscribers take the first while the last are written.
  const uint64_t most_unannounced_;
  // Shared with callbacks that are on their way: one may destroy the endpoint.
  const std::shared_ptr<const PublisherOptions> options_;
  BackPressure pressure_;
  Gate gate_;
  // The publishing thread's own.
  std::shared_ptr<Pulse> pulse_;
  std::array<bool, 3> warned_of_{};  // By Refusal.
  bool closed_ = false;
  Matches matches_;  // Guarded by discovery's lock.
  uint64_t arrivals_ = 0;
};

}  // namespace holler

#endif  // HOLLER_PUBLISHER_CORE_H_
