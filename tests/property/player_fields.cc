// Calls of every kind of field, each with what it does to the model.
#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "player.h"

namespace property {
namespace {

constexpr int kMaxDepth = 6;

void Expect(bool is_so, const std::string& what) {
  if (!is_so) throw std::runtime_error(what);
}

std::string KeyOf(const TableType& type, const Value& value) {
  const auto it = value.fields.find(type.key->id);
  return it == value.fields.end() ? type.key->initial : it->second.bytes;
}

const flatbuffers::FieldDef& KeyOf(const flatbuffers::StructDef& def) {
  const auto& fields = def.fields.vec;
  return **std::find_if(fields.begin(), fields.end(), [](const auto* field) { return field->key; });
}

}  // namespace

void Player::Step(const Place& place, int depth) {
  StepAnywhere(place, depth);
  if (always_compares_ || source_->OneIn(32)) Compare(slot_, value_, "the message");
}

void Player::StepAnywhere(const Place& place, int depth) {
  if (source_->OneIn(24)) return OnCopy(place);
  if (place.info.fields.empty()) return;
  const auto count = static_cast<uint32_t>(place.info.fields.size());
  const FieldInfo& info = place.info.fields[source_->Below(count)];
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

void Player::StepInto(const Place& place, int depth) {
  if (depth >= kMaxDepth) return;
  for (uint32_t i = source_->Below(4); i > 0; --i) Step(place, depth + 1);
}

void Player::OnScalar(const At& at) {
  if (!at.has(kSet)) return;
  const std::string bytes = source_->OneIn(8)
                                ? at.type.initial
                                : RandomScalar(at.type.base, at.type.is_key, *source_);
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
      if (size == 0) break;
      call.what = What::kPopBack;
      text.pop_back();
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

void Player::OnElements(const At& at) {
  const size_t capacity = at.info.capacity;
  const size_t size = at.type.size;
  const size_t length = source_->OneIn(6) ? capacity + 1 : RandomLength(capacity, *source_);
  const std::string other = RandomElements(at.type, std::max<size_t>(length, 1), *source_);
  const std::span<const uint8_t> kept = Keep(other);
  const std::string all = other.substr(0, length * size);
  const std::string one = other.substr(0, size);
  bool fits = length <= capacity;
  if (at.has(kSet) && (!at.has(kMutable) || source_->OneIn(3))) {
    Call call{.code = Code(at.info.index, kSet), .data = kept.first(all.size())};
    if (fits) at.Touch().bytes = all;
    return Make(call, at.place, fits);
  }
  if (!at.has(kMutable)) return;
  std::string& bytes = at.Touch().bytes;
  const size_t count = bytes.size() / size;
  Call call{.code = Code(at.info.index, kMutable), .length = length, .data = kept};
  switch (source_->Below(10)) {
    case 0:
      call.what = What::kAssign;
      call.data = kept.first(all.size());
      if (fits) bytes = all;
      break;
    case 1:
      call.what = What::kAppend;
      call.data = kept.first(all.size());
      fits = count + length <= capacity;
      if (fits) bytes += all;
      break;
    case 2:
      call.what = What::kPushBack;
      fits = count < capacity;
      if (fits) bytes += one;
      break;
    case 3:
      fits = true;
      if (count == 0) break;
      call.what = What::kPopBack;
      bytes.resize(bytes.size() - size);
      break;
    case 4:
      call.what = What::kResize;
      if (fits) bytes.resize(length * size);
      break;
    case 5:
      call.what = What::kResizeWith;
      if (!fits) break;
      bytes.resize(std::min(count, length) * size);
      while (bytes.size() < length * size) bytes += one;
      break;
    case 6:
      call.what = What::kResizeUninitialized;
      if (fits) bytes = all;
      break;
    case 7:
      fits = true;
      call.what = What::kClear;
      bytes.clear();
      break;
    case 8:
      fits = true;
      if (count == 0) break;
      call.what = What::kGet;
      call.index = source_->Below(static_cast<uint32_t>(count));
      bytes.replace(call.index * size, size, one);
      break;
    default:
      fits = true;
      if (at.has(kLookup)) call.what = What::kSort;
  }
  Make(call, at.place, fits);
  Expect(call.size == bytes.size() / size, "a vector has another size()");
  Expect(reinterpret_cast<uintptr_t>(call.child) % at.type.align == 0, "data() is not aligned");
  if (call.what == What::kResizeUninitialized && fits) {
    std::memcpy(call.child, bytes.data(), bytes.size());
  }
  if (call.what == What::kSort) TakeSorted(at);
}

void Player::OnStrings(const At& at) {
  if (!at.has(kMutable)) return;
  std::vector<Value>& items = at.Touch().items;
  const size_t capacity = at.info.capacity;
  const size_t longest = at.info.string_capacity;
  Call call{.code = Code(at.info.index, kMutable)};
  if (!items.empty() && source_->OneIn(3)) {
    call.is_in_element = true;
    call.index = source_->Below(static_cast<uint32_t>(items.size()));
    return ChangeString(call, at.place, items[call.index].bytes, longest, false);
  }
  const size_t length = source_->OneIn(6) ? capacity + 1 : RandomLength(capacity, *source_);
  std::vector<std::string> texts;
  for (size_t i = 0; i <= length; ++i) {
    const size_t characters = source_->OneIn(12) ? longest + 1 : RandomLength(longest, *source_);
    texts.push_back(RandomText(characters, false, *source_));
  }
  bool fits = true;
  switch (source_->Below(6)) {
    case 0:
      call.what = What::kAssign;
      texts.pop_back();
      call.texts = &texts;
      fits = length <= capacity && std::all_of(texts.begin(), texts.end(), [&](const auto& text) {
               return text.size() <= longest;
             });
      if (!fits) break;
      items.clear();
      for (const std::string& text : texts) items.emplace_back().bytes = text;
      break;
    case 1:
      call.what = What::kPushBack;
      call.data = Keep(texts[0]);
      fits = items.size() < capacity && texts[0].size() <= longest;
      if (fits) items.emplace_back().bytes = texts[0];
      break;
    case 2:
      call.what = What::kEmplaceBack;
      fits = items.size() < capacity;
      if (fits) items.emplace_back();
      break;
    case 3:
      if (items.empty()) break;
      call.what = What::kPopBack;
      items.pop_back();
      break;
    case 4:
      call.what = What::kResize;
      call.length = length;
      fits = length <= capacity;
      if (fits) items.resize(length);
      break;
    default:
      call.what = What::kClear;
      items.clear();
  }
  Make(call, at.place, fits);
  Expect(call.size == items.size(), "a vector of strings has another size()");
}

void Player::OnTable(const At& at, int depth) {
  if (!at.has(kMutable)) return;
  Call call{.code = Code(at.info.index, kMutable)};
  Value& value = at.Touch();
  Make(call, at.place);
  Value& child = at.info.kind == Kind::kNested ? value.items[0] : value;
  StepInto({*at.info.table, *at.type.table, call.child, child}, depth);
}

void Player::OnTables(const At& at, int depth) {
  if (!at.has(kMutable)) return;
  std::vector<Value>& items = at.Touch().items;
  const size_t capacity = at.info.capacity;
  Call call{.code = Code(at.info.index, kMutable)};
  bool fits = true;
  Value* child = nullptr;
  switch (source_->Below(8)) {
    case 0:
    case 1:
    case 2:
      call.what = What::kEmplaceBack;
      fits = items.size() < capacity;
      if (fits) child = &items.emplace_back(Blank(*at.type.table));
      break;
    case 3:
    case 4:
      if (items.empty()) break;
      call.what = What::kGet;
      call.index = source_->Below(static_cast<uint32_t>(items.size()));
      child = &items[call.index];
      break;
    case 5:
      if (items.empty()) break;
      call.what = source_->OneIn(4) ? What::kClear : What::kPopBack;
      items.resize(call.what == What::kClear ? 0 : items.size() - 1);
      break;
    case 6:
      call.what = What::kResize;
      call.length = source_->OneIn(6) ? capacity + 1 : RandomLength(capacity, *source_);
      fits = call.length <= capacity;
      if (fits) items.resize(call.length, Blank(*at.type.table));
      break;
    default:
      if (at.has(kLookup)) call.what = What::kSort;
  }
  Make(call, at.place, fits);
  if (child != nullptr) {
    return StepInto({*at.info.table, *at.type.table, call.child, *child}, depth);
  }
  if (call.what == What::kSort) return TakeSorted(at);
  Expect(!fits || call.size == items.size(), "a vector of tables has another size()");
}

void Player::TakeSorted(const At& at) {
  const auto& table = *reinterpret_cast<const flatbuffers::Table*>(at.place.writer);
  Value found = Read(at.place.type, table).fields.at(at.info.id);
  Value& known = at.place.value.fields.at(at.info.id);
  std::vector<std::string> keys;
  bool is_same = true;
  flatbuffers::BaseType base = flatbuffers::BASE_TYPE_NONE;
  if (at.info.kind == Kind::kTables) {
    const TableType& type = *at.type.table;
    base = type.key->base;
    std::vector<Value> left = known.items;
    for (const Value& item : found.items) {
      keys.push_back(KeyOf(type, item));
      const auto same = std::find_if(left.begin(), left.end(), [&](const Value& other) {
        return Difference(type, item, other).empty();
      });
      is_same = is_same && same != left.end();
      if (same != left.end()) left.erase(same);
    }
    is_same = is_same && left.empty();
  } else {
    const flatbuffers::FieldDef& key = KeyOf(*at.type.struct_def);
    base = key.value.type.base_type;
    std::vector<std::string> before;
    std::vector<std::string> after;
    for (size_t i = 0; i < known.bytes.size(); i += at.type.size) {
      before.push_back(known.bytes.substr(i, at.type.size));
      after.push_back(found.bytes.substr(i, at.type.size));
      keys.push_back(after.back().substr(key.value.offset, flatbuffers::SizeOf(base)));
    }
    std::sort(before.begin(), before.end());
    std::sort(after.begin(), after.end());
    is_same = before == after && known.bytes.size() == found.bytes.size();
  }
  Expect(is_same, "Sort() changed more than the order");
  Expect(std::is_sorted(keys.begin(), keys.end(),
                        [base](const auto& a, const auto& b) { return KeyLess(base, a, b); }),
         "Sort() did not sort");
  // The order of equal keys is free.
  known = std::move(found);
  Call call{.code = Code(at.info.index, kLookup)};
  Make(call, at.place);
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

void Player::OnUnions(const At& at, int depth) {
  std::vector<Value>& items = at.Touch().items;
  const uint32_t member = source_->Below(static_cast<uint32_t>(at.type.members.size()));
  Value blank;
  blank.type = static_cast<uint8_t>(member + 1);
  blank.items.push_back(BlankMember(at.type.members[member]));
  Call call;
  switch (source_->Below(4)) {
    case 0:
    case 1: {
      call.code = Code(at.info.index, kEmplace, static_cast<int>(member));
      const bool fits = items.size() < at.info.capacity;
      if (fits) items.push_back(blank);
      if (!fits) return Make(call, at.place, false);
      return ChangeMember(call, at, member, items.back().items[0], depth);
    }
    case 2: {
      if (items.empty()) break;
      call.code = Code(at.info.index, kMutable, static_cast<int>(member));
      call.index = source_->Below(static_cast<uint32_t>(items.size()));
      Value& value = items[call.index];
      if (value.type != blank.type) value = blank;
      return ChangeMember(call, at, member, value.items[0], depth);
    }
    default:
      if (items.empty()) break;
      call.what = source_->OneIn(4) ? What::kClear : What::kPopBack;
      items.resize(call.what == What::kClear ? 0 : items.size() - 1);
  }
  call.code = Code(at.info.index, kVector);
  Make(call, at.place);
  Expect(call.size == items.size(), "a vector of unions has another size()");
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
  value.bytes.clear();  // Equal messages need not have equal bytes.
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
