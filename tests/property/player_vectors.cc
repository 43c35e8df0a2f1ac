// Calls of vectors, each with what it does to the model.
#include <algorithm>
#include <cstring>
#include <utility>

#include "player.h"

namespace property {
namespace {

std::string KeyOf(const TableType& type, const Value& value) {
  const auto it = value.fields.find(type.key->id);
  return it == value.fields.end() ? type.key->initial : it->second.bytes;
}

const flatbuffers::FieldDef& KeyOf(const flatbuffers::StructDef& def) {
  const auto& fields = def.fields.vec;
  return **std::find_if(fields.begin(), fields.end(), [](const auto* field) { return field->key; });
}

}  // namespace

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
      call.what = What::kPopBack;
      if (count != 0) bytes.resize(bytes.size() - size);
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
      call.what = What::kPopBack;
      if (!items.empty()) items.pop_back();
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

void Player::OnTables(const At& at, int depth) {
  if (!at.has(kMutable)) return;
  std::vector<Value>& items = at.Touch().items;
  const size_t capacity = at.info.capacity;
  Call call{.code = Code(at.info.index, kMutable)};
  bool fits = true;
  Value* child = nullptr;
  switch (source_->Below(9)) {
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
      call.what = source_->OneIn(4) ? What::kClear : What::kPopBack;
      if (!items.empty()) items.resize(call.what == What::kClear ? 0 : items.size() - 1);
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
    const Place place{*at.info.table, *at.type.table, call.child, *child};
    // Otherwise there would be little to sort.
    if (place.type.key != nullptr && source_->OneIn(2)) SetKey(place, depth);
    return StepInto(place, depth);
  }
  if (call.what == What::kSort) return TakeSorted(at);
  Expect(!fits || call.size == items.size(), "a vector of tables has another size()");
}

void Player::SetKey(const Place& place, int depth) {
  const auto& fields = place.info.fields;
  const auto key = std::find_if(fields.begin(), fields.end(), [&place](const FieldInfo& field) {
    return field.id == place.type.key->id;
  });
  if (key != fields.end()) StepOn(place, *key, depth);
}

void Player::TakeSorted(const At& at) {
  const auto& table = *reinterpret_cast<const flatbuffers::Table*>(at.place.writer);
  // The order of equal keys is free: the model takes the one that readers find.
  const Value found = Read(at.place.type, table).fields.at(at.info.id);
  Value& known = at.place.value.fields.at(at.info.id);
  std::vector<std::string> keys;
  bool is_same = true;
  flatbuffers::BaseType base = flatbuffers::BASE_TYPE_NONE;
  if (at.info.kind == Kind::kTables) {
    const TableType& type = *at.type.table;
    base = type.key->base;
    std::vector<Value> left = std::move(known.items);
    known.items.clear();
    for (const Value& item : found.items) {
      keys.push_back(KeyOf(type, item));
      const auto same = std::find_if(left.begin(), left.end(), [&](const Value& other) {
        return Difference(type, item, other).empty();
      });
      is_same = is_same && same != left.end();
      if (same == left.end()) continue;
      known.items.push_back(std::move(*same));
      left.erase(same);
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
    known.bytes = found.bytes;
  }
  Expect(is_same, "Sort() changed more than the order");
  Expect(std::is_sorted(keys.begin(), keys.end(),
                        [base](const auto& a, const auto& b) { return KeyLess(base, a, b); }),
         "Sort() did not sort");
  Call call{.code = Code(at.info.index, kLookup)};
  Make(call, at.place);
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
      call.what = source_->OneIn(4) ? What::kClear : What::kPopBack;
      if (!items.empty()) items.resize(call.what == What::kClear ? 0 : items.size() - 1);
  }
  call.code = Code(at.info.index, kVector);
  Make(call, at.place);
  Expect(call.size == items.size(), "a vector of unions has another size()");
}

}  // namespace property
