// What a loan gives the user to write with: the bases of generated writers.
#ifndef HOLLER_WRITER_H_
#define HOLLER_WRITER_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "flatbuffers/flatbuffers.h"

namespace holler {

// Finished FlatBuffers in a slot have a multiple of this size, and so start aligned.
inline constexpr size_t kMessageAlignment = 8;

// The bytes of a slot a message may use.
using PayloadSpan = std::span<std::byte>;

// Writes a FlatBuffers struct in its slot. Generated writers add a setter for each field.
// Thread safety: thread-compatible.
template <typename Struct>
class StructWriter {
 public:
  // For the publisher: starts a message whose bytes are all zero. Structs have no identifier.
  void Start(PayloadSpan payload, const char* /*file_identifier*/) noexcept {
    std::memset(payload.data(), 0, sizeof(Struct));
    message_ = reinterpret_cast<Struct*>(payload.data());
  }
  // For the publisher: starts from whatever the slot holds: bytes of this publisher's earlier
  // samples.
  void StartUninitialized(PayloadSpan payload) noexcept {
    message_ = reinterpret_cast<Struct*>(payload.data());
  }
  // Size of the message; for the publisher.
  std::optional<uint32_t> finished_size() const noexcept { return sizeof(Struct); }

  void CopyFrom(const Struct& from) noexcept { *message_ = from; }
  Struct& message() noexcept { return *message_; }

 private:
  Struct* message_ = nullptr;
};

// Lets a FlatBufferBuilder build in a slot. A message that outgrows the slot is built on the
// heap, so that nothing is written past the end.
class SlotAllocator final : public flatbuffers::Allocator {
 public:
  void Start(PayloadSpan payload) noexcept { payload_ = payload; }

  uint8_t* allocate(size_t size) override {
    if (size <= payload_.size()) return slot();
    return new uint8_t[size];
  }
  void deallocate(uint8_t* p, size_t) override {
    if (p != slot()) delete[] p;
  }

 private:
  uint8_t* slot() const noexcept { return reinterpret_cast<uint8_t*>(payload_.data()); }

  PayloadSpan payload_;
};

// Builds a FlatBuffers table of any shape in its slot, without a copy. `kMaxBytesOfSchema` is
// max_bytes, rounded up to a multiple of 64, as the generator does.
//
//   if (auto loan = processes->Loan()) {
//     flatbuffers::FlatBufferBuilder& fbb = loan->builder();
//     loan->Finish(machine::CreateProcesses(fbb, fbb.CreateVector(list)));
//     processes->Publish(std::move(loan));
//   }
//
// Thread safety: thread-compatible.
template <typename Table, uint32_t kMaxBytesOfSchema>
class TableWriter {
 public:
  // A finished message of this size is published, a larger one refused. A multiple of any
  // alignment, so that a message which CopyFrom pads does not exceed it.
  static constexpr uint32_t kMaxBytes = kMaxBytesOfSchema;
  static_assert(kMaxBytes > 0 && kMaxBytes % FLATBUFFERS_MAX_ALIGNMENT == 0);

  TableWriter() = default;
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;

  // For the publisher. `file_identifier` is the schema's, or null.
  void Start(PayloadSpan payload, const char* file_identifier) {
    if (!builder_.has_value()) builder_.emplace(payload.size(), &allocator_);
    // Lets go of the slot before, whatever was built in it.
    builder_->Reset();
    allocator_.Start(payload);
    payload_ = payload;
    file_identifier_ = file_identifier;
    finished_ = false;
  }

  // Use it as any FlatBufferBuilder; its memory is the slot. Beyond that it goes on on the heap; if
  // the finished message has at most max_bytes all the same, Publish copies it.
  flatbuffers::FlatBufferBuilder& builder() noexcept { return *builder_; }

  // The message is complete, and `root` is its root.
  void Finish(flatbuffers::Offset<Table> root) {
    // So that the message starts as aligned as the slot ends, whatever it holds.
    builder_->TrackMinAlign(kMessageAlignment);
    builder_->Finish(root, file_identifier_);
    finished_ = true;
  }

  // Takes over a finished FlatBuffer of this type, e.g. one that was received. False if it
  // exceeds max_bytes, or is empty.
  bool CopyFrom(std::span<const uint8_t> message) {
    static constexpr uint8_t kPadding[FLATBUFFERS_MAX_ALIGNMENT] = {};
    const size_t padding = flatbuffers::PaddingBytes(message.size(), sizeof(kPadding));
    if (message.empty() || message.size() > kMaxBytes) return false;
    builder_->Clear();
    // The slot's end is aligned; with the padding behind it, so is the message's start.
    builder_->PushBytes(kPadding, padding);
    builder_->PushFlatBuffer(message.data(), message.size());
    finished_ = true;
    return true;
  }

  template <std::same_as<std::byte> Byte>  // As Sample::bytes() gives them.
  bool CopyFrom(std::span<const Byte> message) {
    return CopyFrom(std::span(reinterpret_cast<const uint8_t*>(message.data()), message.size()));
  }

  // For the publisher: whether Finish was called, and how large the message is then.
  bool is_finished() const noexcept { return finished_; }
  uint64_t built_size() const noexcept { return builder_->GetSize(); }

  // Size of the message, now in the slot; empty if it was not finished or exceeds max_bytes. For
  // the publisher.
  std::optional<uint32_t> finished_size() noexcept {
    if (!finished_ || builder_->GetSize() > kMaxBytes) return std::nullopt;
    const uint32_t size = builder_->GetSize();
    auto* start = reinterpret_cast<uint8_t*>(payload_.data() + payload_.size() - size);
    const uint8_t* built = builder_->GetCurrentBufferPointer();
    // While it was built it may have outgrown the slot by the builder's own notes, and moved.
    if (built != start) std::memcpy(start, built, size);
    return size;
  }

 private:
  SlotAllocator allocator_;
  std::optional<flatbuffers::FlatBufferBuilder> builder_;
  PayloadSpan payload_;
  const char* file_identifier_ = nullptr;
  bool finished_ = false;
};

}  // namespace holler

#endif  // HOLLER_WRITER_H_
