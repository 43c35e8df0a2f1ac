#include "player.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "flatbuffers/flatbuffers.h"

namespace property {
namespace {

constexpr size_t kAlign = 64;
constexpr uint8_t kGuardByte = 0xa5;

}  // namespace

void Buffer::Free::operator()(uint8_t* memory) const { std::free(memory); }

Buffer::Buffer(const uint8_t* data, size_t size)
    : size_(size),
      memory_(static_cast<uint8_t*>(std::aligned_alloc(kAlign, (size / kAlign + 1) * kAlign))) {
  if (data != nullptr) std::memcpy(memory_.get(), data, size);
}

Slot::Slot(uint32_t bytes) : bytes_(bytes), memory_(nullptr, bytes + 2 * kGuard) {
  std::memset(memory_.data(), kGuardByte, memory_.size());
}

bool Slot::is_intact() const {
  const auto is_guard = [](uint8_t byte) { return byte == kGuardByte; };
  return std::all_of(memory_.data(), message(), is_guard) &&
         std::all_of(message() + bytes_, message() + bytes_ + kGuard, is_guard);
}

void Slot::Litter(uint32_t seed) {
  Source source(uint64_t{seed});
  std::memset(start(), static_cast<int>(source.Below(256)), bytes_);
  for (uint32_t i = 0; i < bytes_ / 16; ++i) {
    start()[source.Below(bytes_)] = static_cast<uint8_t>(source.Below(256));
  }
}

bool Player::At::has(int accessor, int member) const {
  const int code = Code(info.index, accessor, member);
  return std::find(place.info.codes.begin(), place.info.codes.end(), code) !=
         place.info.codes.end();
}

Value& Player::At::Touch() const {
  if (!is_there()) place.value.fields[info.id] = BlankField(type);
  return place.value.fields[info.id];
}

Player::Player(const Program& program, Schema& schema)
    : program_(program),
      schema_(schema),
      type_(schema.table(program.root->type)),
      slot_(program.bytes),
      other_(program.bytes) {}

void Player::Play(Source& source, int calls, bool always_compares) {
  source_ = &source;
  always_compares_ = always_compares;
  last_fields_.clear();
  last_what_ = What::kNothing;
  last_code_ = kStart;
  last_type_ = program_.root->type;
  // Most messages find what the last one left.
  if (source.OneIn(4)) slot_.Litter(source.Below(256));
  uint8_t* writer = program_.start(slot_.payload(), program_.identifier);
  value_ = Blank(type_);
  Expect(program_.verify(slot_.message(), slot_.bytes(), program_.identifier),
         "the Verifier rejects a new message");
  Compare(slot_, value_, "a new message");
  // A step may find nothing to call, so steps are limited, too.
  const size_t end = calls_ + static_cast<size_t>(calls);
  for (int steps = 0; steps < 4 * calls && calls_ < end && !source.is_at_end(); ++steps) {
    Step({*program_.root, type_, writer, value_}, 0);
  }
  Compare(slot_, value_, "the message");
}

void Player::CompareCopies(Source& source) {
  source_ = &source;
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(flatbuffers::Offset<flatbuffers::Table>(Build(type_, value_, builder, source)),
                 program_.identifier);
  const Buffer built(builder);
  Verify(built, program_.identifier, "the builder's message");
  const std::string difference = Difference(type_, value_, Read(type_, built.root()));
  Expect(difference.empty(), "the builder's message differs at " + difference);
  Expect(schema_.Json(type_.name, slot_.message()) == schema_.Json(type_.name, built.data()),
         "the JSON of the message differs from that of the builder's");

  if (source.OneIn(2)) other_.Litter(source.Below(256));
  const bool is_from_builder = source.OneIn(2);
  Value copy;
  Call call{.code = kCopyFrom};
  call.self = program_.start(other_.payload(), program_.identifier);
  call.source = is_from_builder ? &built.root() : &slot_.root();
  program_.root->call(call);
  Expect(static_cast<bool>(call.copied), "a copy was refused");
  Compare(other_, value_, "a copy");

  if (program_.has_objects) {
    call.code = kCopyObject;
    program_.root->call(call);
    Expect(static_cast<bool>(call.copied), "the copy of an object was refused");
    const Buffer packed(call.packed.data(), call.packed.size());
    Compare(other_, Read(type_, packed.root(), false), "the copy of an object");
  }

  builder.Clear();
  builder.Finish(flatbuffers::Offset<flatbuffers::Table>(program_.pack(slot_.root(), builder)),
                 program_.identifier);
  const Buffer packed(builder);
  Verify(packed, program_.identifier, "the compacted message");
  const std::string lost = Difference(type_, value_, Read(type_, packed.root()));
  Expect(lost.empty(), "the compacted message differs at " + lost);
}

std::string Player::LastCall() const {
  return std::string(last_type_) + ": code " + std::to_string(last_code_) + " (field " +
         std::to_string(last_code_ >> 8) + ", accessor " + std::to_string(last_code_ & 7) +
         ", member " + std::to_string(last_code_ >> 3 & 31) + "), then " +
         std::to_string(static_cast<int>(last_what_));
}

std::string Player::Texts() {
  Source source(uint64_t{1});
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(flatbuffers::Offset<flatbuffers::Table>(Build(type_, value_, builder, source)));
  std::string texts = "should be: " + schema_.Json(type_.name, builder.GetBufferPointer());
  if (program_.verify(slot_.message(), slot_.bytes(), program_.identifier)) {
    texts += "\nis: " + schema_.Json(type_.name, slot_.message());
  }
  return texts;
}

void Player::Make(Call& call, const Place& place, bool is_accepted) {
  call.self = place.writer;
  last_type_ = place.info.type;
  last_code_ = call.code;
  last_what_ = call.what;
  place.info.call(call);
  ++calls_;
  Expect(call.is_accepted == is_accepted,
         is_accepted ? "a call was refused" : "a call past a bound was not refused");
  Expect(program_.verify(slot_.message(), slot_.bytes(), program_.identifier),
         "the Verifier rejects the message");
  Expect(slot_.is_intact(), "bytes around the message were written");
}

void Player::Verify(const Buffer& buffer, const char* identifier, const char* what) const {
  Expect(program_.verify(buffer.data(), buffer.size(), identifier),
         std::string("the Verifier rejects ") + what);
}

void Player::Compare(const Slot& slot, const Value& expected, const char* what) const {
  Expect(program_.verify(slot.message(), slot.bytes(), program_.identifier),
         std::string("the Verifier rejects ") + what);
  Expect(slot.is_intact(), std::string("bytes were written around ") + what);
  const std::string difference = Difference(type_, expected, Read(type_, slot.root()));
  Expect(difference.empty(), std::string(what) + " differs at " + difference);
}

std::span<const uint8_t> Player::Keep(const std::string& data) {
  kept_ = Buffer(reinterpret_cast<const uint8_t*>(data.data()), data.size());
  return {kept_.data(), kept_.size()};
}

}  // namespace property
