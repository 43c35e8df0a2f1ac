// Calls of every kind of field, each with what it does to the model.
#include <algorithm>
#include <cstring>
#include <utility>

#include "player.h"

namespace property {
namespace {

constexpr int kMaxDepth = 6;

}  // namespace

void Player::Step(const Place& place, int depth) {
  StepAnywhere(place, depth);
  if (always_compares_ || source_->OneIn(32)) Compare(slot_, value_, "the message");
}

void Player::StepAnywhere(const Place& place, int depth) {
  if (source_->OneIn(24)) return OnCopy(place);
  if (place.info.fields.empty()) return;
  StepOn(place, Choose(place.info), depth);
}

void Player::StepOn(const Place& place, const FieldInfo& info, int depth) {
  const At at{place, info, place.type.field(info.id)};
  if (at.has(kClear) && source_->OneIn(6)) {
    Call call{.code = Code(info.index, kClear)};
    at.Remove();
    return Make(call, place);
  }
  switch (info.kind) {
    case Kind::kScalar:
      return OnScalar(at);
    case Kind::kStruct:
      return OnStruct(at);
    case Kind::kString:
      return OnString(at);
    case Kind::kElements:
      return OnElements(at);
    case Kind::kStrings:
      return OnStrings(at);
    case Kind::kTable:
    case Kind::kNested:
      return OnTable(at, depth);
    case Kind::kTables:
      return OnTables(at, depth);
    case Kind::kUnion:
      return OnUnion(at, depth);
    case Kind::kUnions:
      return OnUnions(at, depth);
    case Kind::kNestedBytes:
      return OnNestedBytes(at);
  }
}

const FieldInfo& Player::Choose(const TableInfo& table) {
  // Often the same field again: some faults take several calls of one.
  const FieldInfo*& last = last_fields_[&table];
  if (last == nullptr || source_->OneIn(2)) {
    last = &table.fields[source_->Below(static_cast<uint32_t>(table.fields.size()))];
  }
  return *last;
}

void Player::StepInto(const Place& place, int depth) {
  if (depth >= kMaxDepth) return;
  for (uint32_t i = source_->Below(4); i > 0; --i) Step(place, depth + 1);
}

void Player::OnScalar(const At& at) {
  if (!at.has(kSet)) return;
  const std::string bytes =
      source_->OneIn(8) ? at.type.initial : RandomScalar(at.type.base, at.type.is_key, *source_);
  Call call{.code = Code(at.info.index, kSet), .data = Keep(bytes)};
  at.Touch().bytes = bytes;
  Make(call, at.place);
}

void Player::OnStruct(const At& at) {
  const std::string bytes = RandomStruct(*at.type.struct_def, *source_);
  if (at.has(kSet) && (!at.has(kMutable) || source_->OneIn(2))) {
    Call call{.code = Code(at.info.index, kSet), .data = Keep(bytes)};
    at.Touch().bytes = bytes;
    return Make(call, at.place);
  }
  if (!at.has(kMutable)) return;
  Call call{.code = Code(at.info.index, kMutable)};
  Value& value = at.Touch();
  Make(call, at.place);
  if (source_->OneIn(4)) return;
  std::memcpy(call.child, bytes.data(), bytes.size());
  value.bytes = bytes;
}

void Player::OnString(const At& at) {
  if (at.has(kSet) && (!at.has(kMutable) || source_->OneIn(2))) {
    const bool fits = !source_->OneIn(6);
    const size_t length = fits ? RandomLength(at.info.capacity, *source_) : at.info.capacity + 1;
    const std::string text = RandomText(length, at.type.is_key, *source_);
    Call call{.code = Code(at.info.index, kSet), .data = Keep(text)};
    if (fits) at.Touch().bytes = text;
    return Make(call, at.place, fits);
  }
  if (!at.has(kMutable)) return;
  Call call{.code = Code(at.info.index, kMutable)};
  ChangeString(call, at.place, at.Touch().bytes, at.info.capacity, at.type.is_key);
}

void Player::ChangeString(Call& call, const Place& place, std::string& text, size_t capacity,
                          bool is_key) {
  const size_t size = text.size();
  const size_t length = source_->OneIn(6) ? capacity + 1 : RandomLength(capacity, *source_);
  const std::string other = RandomText(std::max<size_t>(length, 1), is_key, *source_);
  call.data = Keep(other);
  call.length = length;
  bool fits = true;
  switch (source_->Below(8)) {
    case 0:
      call.what = What::kAssign;
      call.data = call.data.first(length);
      fits = length <= capacity;
      if (fits) text = other.substr(0, length);
      break;
    case 1:
      call.what = What::kAppend;
      call.data = call.data.first(length);
      fits = size + length <= capacity;
      if (fits) text += other.substr(0, length);
      break;
    case 2:
      call.what = What::kPushBack;
      fits = size < capacity;
      if (fits) text.push_back(other[0]);
      break;
    case 3:
      call.what = What::kPopBack;
      if (size != 0) text.pop_back();
      break;
    case 4:
      call.what = What::kResizeWith;
      fits = length <= capacity;
      if (fits) text.resize(length, other[0]);
      break;
    case 5:
      call.what = What::kClear;
      text.clear();
      break;
    case 6:
      if (size == 0) break;
      call.what = What::kGet;
      call.length = source_->Below(static_cast<uint32_t>(size));
      text[call.length] = other[0];
      break;
    default:
      if (is_key) break;  // For LookupByKey(), zeros would end it.
      call.what = What::kResize;
      fits = length <= capacity;
      if (fits) text.resize(length);
  }
  Make(call, place, fits);
  Expect(call.size == text.size(), "a string has another size()");
  Expect(std::memcmp(call.child, text.data(), text.size()) == 0, "data() has other characters");
}

void Player::OnTable(const At& at, int depth) {
  if (!at.has(kMutable)) return;
  Call call{.code = Code(at.info.index, kMutable)};
  Value& value = at.Touch();
  Make(call, at.place);
  Value& child = at.info.kind == Kind::kNested ? value.items[0] : value;
  StepInto({*at.info.table, *at.type.table, call.child, child}, depth);
}

void Player::ChangeMember(Call& call, const At& at, size_t member, Value& held, int depth) {
  const MemberType& type = at.type.members[member];
  const MemberInfo& info = at.info.members[member];
  if (type.kind == Kind::kString) {
    return ChangeString(call, at.place, held.bytes, info.capacity, false);
  }
  const std::string bytes =
      type.kind == Kind::kStruct ? RandomStruct(*type.struct_def, *source_) : "";
  Make(call, at.place);
  if (type.kind == Kind::kTable) {
    return StepInto({*info.table, *type.table, call.child, held}, depth);
  }
  if (source_->OneIn(4)) return;
  std::memcpy(call.child, bytes.data(), bytes.size());
  held.bytes = bytes;
}

void Player::OnUnion(const At& at, int depth) {
  const size_t member = source_->Below(static_cast<uint32_t>(at.type.members.size()));
  const int accessor = Code(at.info.index, kMutable, static_cast<int>(member));
  Value& value = at.place.value.fields[at.info.id];
  if (value.type != member + 1) {
    value.type = static_cast<uint8_t>(member + 1);
    value.items.assign(1, BlankMember(at.type.members[member]));
  }
  Call call{.code = accessor};
  ChangeMember(call, at, member, value.items[0], depth);
}

void Player::OnNestedBytes(const At& at) {
  if (!at.has(kSet)) return;
  Call call{.code = Code(at.info.index, kSet)};
  Value value;
  value.items = {source_->OneIn(2) ? Blank(*at.type.table)
                                   : RandomTable(*at.info.table, *at.type.table, *source_)};
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(flatbuffers::Offset<flatbuffers::Table>(
      Build(*at.type.table, value.items[0], builder, *source_)));
  value.bytes.assign(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
  if (source_->OneIn(6)) value.bytes.resize(at.info.capacity + 1);
  const bool fits = value.bytes.size() <= at.info.capacity;
  call.data = Keep(value.bytes);
  if (fits) at.place.value.fields[at.info.id] = std::move(value);
  Make(call, at.place, fits);
}

void Player::OnCopy(const Place& place) {
  const auto& codes = place.info.codes;
  if (std::find(codes.begin(), codes.end(), kCopyFrom) == codes.end()) return;
  Excess excess;
  Value value =
      RandomTable(place.info, place.type, *source_, source_->OneIn(3) ? &excess : nullptr);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(
      flatbuffers::Offset<flatbuffers::Table>(Build(place.type, value, builder, *source_)));
  const Buffer built(builder);
  const Buffer before(slot_.message(), slot_.bytes());
  Call call{.code = kCopyFrom};
  call.source = &built.root();
  Make(call, place);
  if (excess.path.empty()) {
    Expect(static_cast<bool>(call.copied), "a copy was refused");
    place.value = std::move(value);
    return;
  }
  Expect(!call.copied, "the copy of something too long was not refused: " + excess.path);
  Expect(excess.path.ends_with(call.copied.field()) && !call.copied.field().empty() &&
             call.copied.length() == excess.length && call.copied.capacity() == excess.capacity,
         "the refusal of " + excess.path + " names " + std::string(call.copied.field()));
  Expect(std::memcmp(before.data(), slot_.message(), slot_.bytes()) == 0,
         "a copy that was refused changed something");
}

}  // namespace property
