// The subscriber of a generated topic.
#ifndef HOLLER_SUBSCRIBER_H_
#define HOLLER_SUBSCRIBER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "flatbuffers/flatbuffers.h"
#include "holler/callback_watch.h"
#include "holler/node.h"
#include "holler/options.h"
#include "holler/sample.h"
#include "holler/subscriber_core.h"
#include "holler/topic.h"
#include "holler/writer.h"

namespace holler {

// Receives the samples of all publishers of one topic, each as its publisher wrote it.
//
//   auto imu = sensors::ImuSubscriber::Create(*node);
//   while (imu->Wait(absl::Milliseconds(100)))
//     while (auto sample = imu->Take()) Use(sample->stamp_ns(), sample.sequence());
//
// From a publisher matched before the call, everything is received from its next sample on (on a
// latched topic, from its last). Samples of a publisher that died can still be taken, unless 32
// others whose samples wait died after it.
// Thread safety: thread-compatible, but for the calls that say "by any thread".
template <typename Topic>
class Subscriber {
 public:
  using Message = typename Topic::Message;

  // Does not block: publishers are found in the background. Errors: a bad topic name in
  // `options`; the limit on open files.
  static absl::StatusOr<Subscriber> Create(Node& node, SubscriberOptions options = {}) {
    const TopicInfo topic = InfoOf<Topic>();
    auto core =
        SubscriberCore::Create(node, topic, WatchCallbacks(node, topic.name, std::move(options)));
    if (!core.ok()) return core.status();
    return Subscriber(std::move(*core));
  }

  Subscriber(Subscriber&&) noexcept = default;
  Subscriber& operator=(Subscriber&& other) noexcept {
    if (this == &other) return *this;
    Close();
    core_ = std::move(other.core_);
    return *this;
  }
  ~Subscriber() { Close(); }

  // The oldest sample not taken yet, of all publishers by publish time. Empty: nothing new, or
  // max_samples of the schema are held already. Never blocks; no system call unless fd() is used.
  Sample<Message> Take() noexcept { return TakeFrom(*core_); }

  // The newest sample, if it was not taken yet; all older ones are skipped().
  Sample<Message> TakeLatest() noexcept { return TakeLatestFrom(*core_); }

  // Takes up to `most` samples, as Take does, and calls handle(Sample<Message>& sample) for each,
  // which may move it elsewhere to keep it, and must neither close this subscriber, nor take from
  // it or wait for it. Returns how many there were. Where many wait, each costs less than one by
  // one.
  template <typename Handle>
  size_t TakeBatch(size_t most, Handle&& handle) {
    static_assert(std::is_invocable_v<Handle&, Sample<Message>&>,
                  "handle is called as handle(Sample<Message>& sample)");
    struct Batch {
      explicit Batch(SubscriberCore& of) : core(of) { core.StartBatch(); }
      ~Batch() { core.EndBatch(); }
      SubscriberCore& core;
    };
    size_t taken = 0;
    const auto take_one = [&] {
      Sample<Message> sample = Take();
      if (!sample) return false;
      ++taken;
      handle(sample);
      return true;
    };
    while (taken < most) {
      {
        const Batch batch(*core_);
        while (taken < most && take_one()) {
        }
      }
      // What came meanwhile; or there is nothing, and fd() is to be quiet.
      if (taken == most || !take_one()) break;
    }
    return taken;
  }

  // While max_samples are held nothing can be taken, so Wait and fd() act as if there were nothing.
  // A release by another thread ends no Wait that has begun; and before fd() is polled again, Take
  // must be called once more.

  // Sleeps until there is a sample to take, or `timeout` is over (absl::InfiniteDuration: for
  // ever). Returns whether there is one. A signal does not end it. Costs no CPU while asleep;
  // SubscriberOptions::spin has it look for a while first.
  bool Wait(absl::Duration timeout) noexcept { return core_->Wait(timeout); }

  // For poll, epoll and event loops: readable when there may be samples. Then Take until it
  // returns nothing: only after that is the fd quiet again. Owned by the subscriber.
  int fd() noexcept { return core_->fd(); }

  // Go / no-go. By any thread.
  bool has_publishers() const { return core_->publisher_count() > 0; }
  int publisher_count() const { return core_->publisher_count(); }
  // For poll and its like: readable at first, and whenever a publisher came or left; then
  // HearMatches, which makes it quiet and returns publisher_count(). Owned by the subscriber.
  // Errors: the limit on open files.
  absl::StatusOr<int> match_fd() { return core_->gate().Fd(); }
  int HearMatches() noexcept { return core_->gate().Hear(); }
  // Sleeps until a publisher is matched; returns whether one is. By any thread.
  bool WaitForPublisher(absl::Duration timeout) const { return core_->WaitForPublisher(timeout); }

  // Samples this subscriber was too slow for: exactly those published while it was matched that
  // neither Take nor TakeLatest returned, less skipped() and malformed().
  uint64_t lost() const noexcept { return core_->lost(); }
  // Samples passed over by TakeLatest.
  uint64_t skipped() const noexcept { return core_->skipped(); }
  // Times a publisher of a reliable topic did not wait for this subscriber any longer. By any
  // thread.
  uint64_t dropped() const noexcept { return core_->dropped(); }
  // Samples passed over because they were no valid message: their publisher is broken.
  uint64_t malformed() const noexcept { return core_->malformed(); }
  // All of these, and more, over all publishers there ever were. By any thread.
  SubscriberCounters counters() const { return core_->counters(); }
  // The publishers matched at present, what they count, and what was taken from each of them. By
  // any thread.
  std::vector<PublisherPeer> publishers() const { return core_->publishers(); }

  const std::string& topic() const noexcept { return core_->topic_name(); }

  // For event loops, which must not depend on where the subscriber is moved to: what it stands
  // for, and taking from that.
  const std::shared_ptr<SubscriberCore>& core() const noexcept { return core_; }
  static Sample<Message> TakeFrom(SubscriberCore& core) noexcept {
    for (int i = 0; i < kMostRejected; ++i) {
      const auto taken = core.Take();
      if (!taken.has_value()) return {};
      if (const Message* message = MessageIn(core, *taken)) return Sample<Message>(*taken, message);
      core.Reject(*taken);
    }
    core.LookAgain();
    return {};
  }
  static Sample<Message> TakeLatestFrom(SubscriberCore& core) noexcept {
    const Message* message = nullptr;
    const auto taken = core.TakeLatest([&](const TakenSample& candidate) {
      const Message* valid = MessageIn(core, candidate);
      if (valid != nullptr) message = valid;
      return valid != nullptr;
    });
    return taken.has_value() ? Sample<Message>(*taken, message) : Sample<Message>();
  }

  // The message in a sample; null if there is no valid one.
  static const Message* MessageIn(const SubscriberCore& core, const TakenSample& taken) noexcept {
    const HeldSample& held = taken.held;
    if constexpr (Topic::kLayout.payload_kind == PayloadKind::kStruct) {
      if (held.size == sizeof(Message)) return reinterpret_cast<const Message*>(held.payload);
    } else {
      const std::byte* start = held.payload + MessageOffset(taken.source->layout(), held.size);
      const auto* bytes = reinterpret_cast<const uint8_t*>(start);
      if (held.size % kMessageAlignment == 0 &&
          (!core.options().verify ||
           flatbuffers::Verifier(bytes, held.size).VerifyBuffer<Message>(nullptr))) {
        return flatbuffers::GetRoot<Message>(bytes);
      }
    }
    return nullptr;
  }

 private:
  // Malformed samples in a row, after which the user gets a turn: their publisher may write them
  // faster than they are read.
  static constexpr int kMostRejected = 1'000;

  explicit Subscriber(std::shared_ptr<SubscriberCore> core) : core_(std::move(core)) {}

  void Close() {
    if (core_ != nullptr) SubscriberCore::Close(std::move(core_));
  }

  std::shared_ptr<SubscriberCore> core_;
};

}  // namespace holler

#endif  // HOLLER_SUBSCRIBER_H_
