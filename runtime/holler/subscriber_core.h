// What all subscribers have in common, whatever their message type: publishers matched, taking,
// sleeping.
#ifndef HOLLER_SUBSCRIBER_CORE_H_
#define HOLLER_SUBSCRIBER_CORE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/counters.h"
#include "holler/doorbell.h"
#include "holler/endpoint.h"
#include "holler/gate.h"
#include "holler/node.h"
#include "holler/options.h"
#include "holler/peers.h"
#include "holler/segment.h"
#include "holler/slot_ring.h"
#include "holler/source.h"
#include "holler/source_list.h"

namespace holler {

// Thread safety: thread-compatible, but for Release, counters, publishers and the
// SubscriberEndpoint part.
class SubscriberCore final : public SubscriberEndpoint {
 public:
  // Errors: a bad topic name; limits.
  static absl::StatusOr<std::shared_ptr<SubscriberCore>> Create(Node& node, TopicInfo topic,
                                                                SubscriberOptions options);
  ~SubscriberCore() override;

  // The subscriber goes away. Samples still held stay valid: publishers are told only when the
  // last one is released, and until then count it as matched.
  static void Close(std::shared_ptr<SubscriberCore> core);

  using IsValid = absl::FunctionRef<bool(const TakenSample&)>;

  // The oldest sample not taken yet, over all publishers by publish time.
  std::optional<TakenSample> Take() noexcept;
  // The newest sample of all publishers that `is_valid` says is a message, asked last of the one
  // returned; older ones are skipped, the others rejected.
  std::optional<TakenSample> TakeLatest(IsValid is_valid) noexcept;
  // Around takes that follow each other at once: see RingReader::StartBatch. That nothing is left
  // of the batch does not mean that there is nothing: a take after it is to say so.
  void StartBatch() noexcept {
    in_batch_ = true;
    for (const auto& source : sources_) source->ring().StartBatch();
  }
  void EndBatch() noexcept {
    in_batch_ = false;
    for (const auto& source : sources_) source->ring().EndBatch();
  }
  // Gives a sample back; by any thread. Its source may be gone right after.
  static void Release(const TakenSample& sample) noexcept {
    sample.source->ring().Release(sample.held.pin);
  }
  // Gives a sample back that was found to be malformed.
  static void Reject(const TakenSample& sample) noexcept;
  // Has fd() be readable, and Wait look again, though nothing new comes.
  void LookAgain() noexcept;

  bool Wait(absl::Duration timeout) noexcept { return WaitUnless(nullptr, timeout); }
  int fd() noexcept;

  // For calls, which also end when a publisher goes. By the taking thread.
  EndpointKey key() const noexcept;
  // Counts what there is to know besides samples: publishers that came and went, and calls of Tell.
  uint32_t news() const noexcept { return news_.load(); }
  // As Wait, but ends as well when news() is not `seen`.
  bool WaitForNews(uint32_t seen, absl::Duration timeout) noexcept {
    return WaitUnless(&seen, timeout);
  }
  // Ends WaitForNews, and has fd() be readable. By any thread.
  void Tell() noexcept;
  // Calls `visit(Source&)` for each publisher of which there is or may be something to take, those
  // matched longest first.
  template <typename Visit>
  void ForEachSource(Visit&& visit) noexcept {
    if (sources_.changed()) Adopt();
    for (const auto& source : sources_) visit(*source);
  }

  uint64_t lost() const noexcept { return sources_.lost(); }
  uint64_t skipped() const noexcept { return sources_.skipped(); }
  uint64_t malformed() const noexcept { return sources_.malformed(); }
  uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

  // By any thread: all counters, and those that are matched at present.
  SubscriberCounters counters() const override;
  std::vector<PublisherPeer> publishers() const { return sources_.publishers(); }

  // For event loops, by the taking thread.
  bool closed() const noexcept { return closed_; }
  bool has_next() noexcept;
  // Whether the user holds max_samples of some publisher: nothing is taken from it before one is
  // released, and nobody rings then.
  bool at_limit() noexcept;

  Gate& gate() noexcept { return gate_; }
  int publisher_count() const { return gate_.count(); }
  bool WaitForPublisher(absl::Duration timeout) const { return gate_.Wait(timeout); }
  const SubscriberOptions& options() const noexcept { return *options_; }

  // SubscriberEndpoint.
  const std::string& topic_name() const override { return topic_name_; }
  std::string_view type_name() const override { return topic_.type_name; }
  absl::StatusOr<Offer> Propose(const EndpointKey& publisher, const PeerInfo& peer,
                                std::shared_ptr<const PeerSegment> segment) override;
  bool Confirm(const EndpointKey& publisher, JoinPoint join) override;
  void End(const EndpointKey& publisher) override;
  void Refused(const PeerInfo& peer, const absl::Status& why) override;
  void Stalled(const EndpointKey& publisher, const PeerInfo& peer,
               const absl::Status& why) override;
  void TakeNoMore() override;
  bool holds_samples() override;

 private:
  // Of samples that end no sleep. To ask for the time costs nearly as much as to take.
  static constexpr uint64_t kMeasureOneOf = 64;
  SubscriberCore(std::shared_ptr<Discovery> discovery, TopicInfo topic, std::string topic_name,
                 Doorbell doorbell, SubscriberOptions options);

  absl::Status CheckMatch(const PeerSegment& segment) const;
  void LookAtSources() noexcept;
  bool IsWhole(const TakenSample& sample) noexcept;
  std::optional<TakenSample> TryTake() noexcept;
  std::optional<TakenSample> TryTakeLatest(IsValid is_valid) noexcept;
  bool FoundNothing() noexcept;
  Source* Oldest() noexcept;
  void Count(const TakenSample& sample) noexcept;
  void Adopt() noexcept;
  void ArmBells() noexcept;
  void Disarm() noexcept;
  bool WaitUnless(const uint32_t* seen, absl::Duration timeout) noexcept;
  bool HeadMoved() noexcept;
  bool SleepOnFutexes(uint32_t news, int64_t deadline) noexcept;
  template <size_t kMost>  // Words to sleep on. Not inline: see kFewFutexWords.
  [[gnu::noinline]] bool SleepOnSome(uint32_t news, int64_t deadline) noexcept;
  bool Spin(int64_t deadline) noexcept;
  bool SleepOnBells(int64_t deadline) noexcept;

  const std::shared_ptr<Discovery> discovery_;
  const uint64_t id_;
  const std::string topic_name_;
  const TopicInfo topic_;
  // Shared with callbacks that are on their way: one may destroy the endpoint.
  const std::shared_ptr<const SubscriberOptions> options_;
  Doorbell doorbell_;
  std::atomic<uint32_t> news_{0};  // Counts calls of Tell; what Wait sleeps on as well.
  std::atomic<uint64_t> dropped_{0};
  Gate gate_;

  // Guarded by discovery's lock: every publisher proposed or confirmed and not ended.
  std::map<EndpointKey, std::shared_ptr<Source>> known_;

  SourceList sources_;

  // The taking thread's own.
  uint64_t turn_ = 0;  // Counts calls of Take with several sources.
  bool fd_in_use_ = false;
  bool has_slept_ = false;  // Since the last sample that the user got.
  bool in_batch_ = false;
  bool closed_ = false;
};

}  // namespace holler

#endif  // HOLLER_SUBSCRIBER_CORE_H_
