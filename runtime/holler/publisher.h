// The publisher of a generated topic.
#ifndef HOLLER_PUBLISHER_H_
#define HOLLER_PUBLISHER_H_

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/layout.h"
#include "holler/node.h"
#include "holler/options.h"
#include "holler/publisher_core.h"
#include "holler/topic.h"
#include "holler/writer.h"

namespace holler {

// Why there is no loan.
enum class NoLoan {
  kNone,           // There is one.
  kNoSubscribers,  // Nobody listens, and the topic is not latched: nothing to do.
  kTooManyLoans,   // max_loans of the schema are out already.
  kFull,           // On a reliable topic: a subscriber has not taken enough.
};

template <typename Topic>
class Publisher;

// A slot to write a message into; `->` reaches the topic's writer. Given back if it is destroyed
// unpublished. Must not outlive its publisher.
// Thread safety: thread-compatible, together with its publisher.
template <typename Topic>
class TopicLoan {
 public:
  using Writer = typename Topic::Writer;

  TopicLoan(TopicLoan&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)),
        slot_(other.slot_),
        writer_(std::exchange(other.writer_, nullptr)),
        why_(other.why_) {}
  TopicLoan& operator=(TopicLoan&& other) noexcept {
    if (this == &other) return *this;
    GiveBack();
    core_ = std::exchange(other.core_, nullptr);
    slot_ = other.slot_;
    writer_ = std::exchange(other.writer_, nullptr);
    why_ = other.why_;
    return *this;
  }
  ~TopicLoan() { GiveBack(); }

  explicit operator bool() const noexcept { return core_ != nullptr; }
  // Why there is none; kNone if there is.
  NoLoan why() const noexcept { return why_; }
  // Only if there is one.
  Writer* operator->() const noexcept {
    assert(writer_ != nullptr && "an empty loan: nobody listens, or see why(), or it is published");
    return writer_;
  }
  Writer& operator*() const noexcept { return *operator->(); }

 private:
  friend class Publisher<Topic>;
  struct State;

  explicit TopicLoan(NoLoan why) : why_(why) {}
  TopicLoan(State* core, uint32_t slot, Writer* writer)
      : core_(core), slot_(slot), writer_(writer) {}

  void GiveBack() noexcept {
    if (core_ != nullptr) std::exchange(core_, nullptr)->GiveBack(slot_, writer_);
  }

  State* core_ = nullptr;
  uint32_t slot_ = kNoSlot;
  Writer* writer_ = nullptr;
  NoLoan why_ = NoLoan::kNone;
};

// What a publisher and its loans share; stays where it is when the publisher is moved.
template <typename Topic>
struct TopicLoan<Topic>::State {
  std::unique_ptr<PublisherCore> core;
  std::array<Writer, Topic::kLayout.max_loans> writers{};
  std::array<Writer*, Topic::kLayout.max_loans> free{};  // Writers not on loan.
  uint32_t free_count = 0;

  void GiveBack(uint32_t slot, Writer* writer) noexcept {
    core->Return(slot);
    free[free_count++] = writer;
  }
};

// Publishes the samples of one topic.
//
//   auto imu = sensors::ImuPublisher::Create(*node);
//   imu->WaitForSubscriber(absl::InfiniteDuration());       // go / no-go
//   if (auto loan = imu->Loan()) {
//     loan->set_stamp_ns(now);
//     imu->Publish(std::move(loan));
//   }
//
// Loan and Publish are wait-free, whatever subscribers do, but for Loan and Publish of a message on
// reliable topics, which may wait for them. They allocate nothing and make no system call but to
// wake subscribers that sleep, and to sleep. Thread safety: thread-compatible; the go / no-go calls
// by any thread.
template <typename Topic>
class Publisher {
 public:
  using Message = typename Topic::Message;
  using LoanType = TopicLoan<Topic>;
  using Writer = typename Topic::Writer;

  // Does not block: subscribers are found in the background. Errors: a bad topic name in
  // `options`; limits on memory or open files.
  static absl::StatusOr<Publisher> Create(Node& node, PublisherOptions options = {}) {
    return CreateHalf(node, 0, std::move(options));
  }
  // For calls: the publisher of a client or a server, whose subscriber is the endpoint `partner`.
  static absl::StatusOr<Publisher> CreateHalf(Node& node, uint64_t partner,
                                              PublisherOptions options) {
    TopicInfo topic = InfoOf<Topic>();
    topic.partner = partner;
    auto core = PublisherCore::Create(node, topic, std::move(options));
    if (!core.ok()) return core.status();
    auto state = std::make_unique<State>();
    state->core = std::move(*core);
    for (auto& writer : state->writers) state->free[state->free_count++] = &writer;
    return Publisher(std::move(state));
  }

  Publisher(Publisher&&) noexcept = default;
  Publisher& operator=(Publisher&& other) noexcept {
    if (this == &other) return *this;
    Close();
    state_ = std::move(other.state_);
    return *this;
  }
  ~Publisher() { Close(); }

  // A slot for the next message, as the writer's Start leaves it: a struct with all bytes zero, an
  // empty builder. Empty if nobody would receive it, or max_loans are out: see TopicLoan::why().
  // On a reliable topic it sleeps until each subscriber has taken what it would overwrite; for none
  // longer than stall_limit without progress.
  LoanType Loan() noexcept { return Loan(absl::InfiniteDuration()); }
  // The same, waiting no longer than `timeout`, or not at all; then the loan may be kFull. On other
  // topics there is nothing to wait for.
  LoanType Loan(absl::Duration timeout) noexcept {
    LoanType loan = Borrow(timeout);
    if (loan) loan->Start(PayloadOf(loan.slot_), Topic::kFileIdentifier);
    return loan;
  }
  LoanType TryLoan() noexcept { return Loan(absl::ZeroDuration()); }

  // For large structs that are written whole: the slot as it is, with bytes of this publisher's
  // earlier samples in it.
  LoanType LoanUninitialized(absl::Duration timeout = absl::InfiniteDuration()) noexcept
      requires(Topic::kLayout.payload_kind == PayloadKind::kStruct) {
    LoanType loan = Borrow(timeout);
    if (loan) loan->StartUninitialized(PayloadOf(loan.slot_));
    return loan;
  }

  // Makes the message a sample. Returns its sequence number; 0 if it was refused: an empty loan,
  // a loan of another publisher, or a table that was not finished or exceeds max_bytes (the latter
  // three are counted by refused(); the first of a kind is logged, which allocates and locks).
  uint64_t Publish(LoanType&& loan) noexcept {
    if (!loan) return 0;
    const bool own = loan.core_ == state_.get();
    assert(own && "a loan of another publisher");
    const std::optional<uint32_t> size = loan.writer_->finished_size();
    if (!own || !size.has_value()) {
      CountRefusal(*loan.writer_, own);
      LoanType given_back = std::move(loan);
      return 0;
    }
    // Null, so that a use after publishing fails at once instead of changing the sample.
    state_->free[state_->free_count++] = std::exchange(loan.writer_, nullptr);
    loan.core_ = nullptr;
    return state_->core->Publish(loan.slot_, *size);
  }

  // Loan, copy and publish in one. Returns 0 as Publish does, or if there is no loan. On a reliable
  // topic it waits as Loan does, with the same timeout; there, only Publish of a loan never waits.
  uint64_t Publish(const Message& message,
                   absl::Duration timeout = absl::InfiniteDuration()) noexcept
      requires(Topic::kLayout.payload_kind == PayloadKind::kStruct) {
    LoanType loan = LoanUninitialized(timeout);
    if (!loan) return 0;
    loan->CopyFrom(message);
    return Publish(std::move(loan));
  }
  // The same without waiting: 0 if there is no room.
  uint64_t TryPublish(const Message& message) noexcept
      requires(Topic::kLayout.payload_kind == PayloadKind::kStruct) {
    return Publish(message, absl::ZeroDuration());
  }

  // Publishes up to `count` messages at once, which costs less for each than one by one: they share
  // a time, and a wake-up. Calls fill(Writer& message, size_t index) for each, with a writer as
  // that of a loan; it must not throw, nor use this publisher, and what it returns counts for
  // nothing. Returns how many became samples: fewer if nobody listens, for want of a loan, for
  // messages that Publish would refuse, and on a reliable topic if there is no room within
  // `timeout`, for each.
  template <typename Fill>
  size_t PublishBatch(size_t count, Fill&& fill,
                      absl::Duration timeout = absl::InfiniteDuration()) noexcept {
    static_assert(std::is_invocable_v<Fill&, Writer&, size_t>,
                  "fill is called as fill(Writer& message, size_t index)");
    return PutEach(
        count, timeout,
        [&](Writer& writer, PayloadSpan payload) { writer.Start(payload, Topic::kFileIdentifier); },
        fill);
  }
  // The same for structs that are there already.
  size_t PublishBatch(std::span<const Message> messages,
                      absl::Duration timeout = absl::InfiniteDuration()) noexcept
      requires(Topic::kLayout.payload_kind == PayloadKind::kStruct) {
    return PutEach(
        messages.size(), timeout,
        [](Writer& writer, PayloadSpan payload) { writer.StartUninitialized(payload); },
        [&](Writer& writer, size_t i) { writer.CopyFrom(messages[i]); });
  }

  // Go / no-go. By any thread.
  bool has_subscribers() const noexcept { return state_->core->subscriber_count() > 0; }
  int subscriber_count() const noexcept { return state_->core->subscriber_count(); }
  // Sleeps until a subscriber is matched, or `timeout` is over (absl::InfiniteDuration: for ever).
  // Returns whether one is: the next sample reaches it.
  bool WaitForSubscriber(absl::Duration timeout) const {
    return state_->core->WaitForSubscriber(timeout);
  }

  // For poll and its like: readable at first, and whenever a subscriber came or left; then
  // HearMatches, which makes it quiet and returns subscriber_count(). Owned by the publisher.
  // Errors: the limit on open files.
  absl::StatusOr<int> match_fd() { return state_->core->gate().Fd(); }
  int HearMatches() noexcept { return state_->core->gate().Hear(); }

  // Samples published so far, which is the newest sequence number. By any thread.
  uint64_t published() const noexcept { return state_->core->published(); }
  // On a reliable topic: times a subscriber stalled and was dropped. By any thread.
  uint64_t dropped() const noexcept { return counters().dropped; }
  // Messages Publish refused. By any thread.
  uint64_t refused() const noexcept { return counters().refused; }
  // All of these, and more. By any thread.
  PublisherCounters counters() const noexcept { return state_->core->counters(); }
  // The subscribers matched at present, and what they count of this publisher's samples. By any
  // thread; waits for a moment while nodes are being matched.
  std::vector<SubscriberPeer> subscribers() const { return state_->core->subscribers(); }
  const std::string& topic() const noexcept { return state_->core->topic_name(); }

  // For event loops, and for calls, which write their header before the payload of a loan.
  PublisherCore& core() noexcept { return *state_->core; }
  static std::byte* PayloadOf(const LoanType& loan) noexcept {
    return loan.core_->core->payload(loan.slot_);
  }

 private:
  using State = typename LoanType::State;

  explicit Publisher(std::unique_ptr<State> state) : state_(std::move(state)) {}

  void Close() {
    if (state_ == nullptr) return;
    state_->core->Close();  // First: a callback that runs may be publishing.
    if (state_->core->loans() == 0) return;
    // A mistake of the user's. The loan still refers to the state, so it must stay.
    assert(!"a loan outlives its publisher");
    (void)state_.release();
  }

  void CountRefusal(const Writer& writer, bool own) noexcept {
    if (!own) return state_->core->CountRefusal(Refusal::kForeignLoan, 0, 0);
    if constexpr (requires { writer.is_finished(); }) {  // Others are never too large.
      state_->core->CountRefusal(writer.is_finished() ? Refusal::kTooLarge : Refusal::kUnfinished,
                                 writer.is_finished() ? writer.built_size() : 0, Writer::kMaxBytes);
    }
  }

  template <typename Start, typename Fill>
  size_t PutEach(size_t count, absl::Duration timeout, Start&& start, Fill&& fill) noexcept {
    PublisherCore& core = *state_->core;
    int64_t now = core.Now();
    size_t published = 0;
    for (size_t i = 0; i < count; ++i) {
      bool has_to_wait = false;
      if constexpr (Topic::kReliable) {
        // Whoever is waited for must know of what there is.
        has_to_wait = !core.HasRoom();
        if (has_to_wait) core.Announce();
      }
      LoanType loan = Borrow(timeout);
      if (!loan) break;
      if (has_to_wait) now = core.Now();
      Writer& writer = *loan.writer_;
      start(writer, PayloadOf(loan.slot_));
      fill(writer, i);
      const std::optional<uint32_t> size = writer.finished_size();
      if (!size.has_value()) {
        CountRefusal(writer, true);
        continue;
      }
      state_->free[state_->free_count++] = &writer;
      loan.core_ = nullptr;
      core.Put(loan.slot_, *size, now);
      ++published;
    }
    core.Announce();
    return published;
  }

  LoanType Borrow([[maybe_unused]] absl::Duration timeout) noexcept {
    if (!state_->core->is_wanted()) return LoanType(NoLoan::kNoSubscribers);
    if constexpr (Topic::kReliable) {
      if (state_->free_count == 0) return NoLoanFor(NoLoan::kTooManyLoans);  // No use in waiting.
      if (!state_->core->AwaitRoom(timeout)) return NoLoanFor(NoLoan::kFull);
      // The last of those waited for may have left.
      if (!state_->core->is_wanted()) return LoanType(NoLoan::kNoSubscribers);
    }
    const uint32_t slot = state_->core->Acquire();
    if (slot == kNoSlot) return NoLoanFor(NoLoan::kTooManyLoans);
    return LoanType(state_.get(), slot, state_->free[--state_->free_count]);
  }

  LoanType NoLoanFor(NoLoan why) noexcept {
    if (why == NoLoan::kTooManyLoans) state_->core->CountTooManyLoans();
    if (why == NoLoan::kFull) state_->core->CountFull();
    return LoanType(why);
  }

  PayloadSpan PayloadOf(uint32_t slot) const noexcept {
    return {state_->core->payload(slot), Topic::kLayout.payload_capacity};
  }

  std::unique_ptr<State> state_;
};

}  // namespace holler

#endif  // HOLLER_PUBLISHER_H_
