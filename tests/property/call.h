// One call of a writer, by number: what the made sources do with it. Kept thin, as it is compiled
// for hundreds of schemas.
#ifndef HOLLER_TESTS_PROPERTY_CALL_H_
#define HOLLER_TESTS_PROPERTY_CALL_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "flatbuffers/flatbuffers.h"
#include "holler/static_table.h"
#include "program.h"

namespace property {

// Which accessor is called.
constexpr int kCopyFrom = -1;
constexpr int kCopyObject = -2;
constexpr int kStart = -3;
constexpr int kSet = 0;
constexpr int kMutable = 1;
constexpr int kClear = 2;
constexpr int kLookup = 3;  // Looks every element up by its key.
constexpr int kEmplace = 4;
constexpr int kVector = 5;  // A vector of unions itself.
constexpr int Code(int field, int accessor, int member = 0) {
  return (field * 32 + member) * 8 + accessor;
}

// What is done to what the accessor returns.
enum class What : uint8_t {
  kNothing,
  kAssign,
  kAppend,
  kPushBack,
  kPopBack,
  kResize,
  kResizeWith,  // The first element given.
  kResizeUninitialized,
  kClear,
  kEmplaceBack,
  kGet,
  kSort,
};

struct Call {
  int code = 0;
  uint8_t* self = nullptr;  // What the writer points to.
  What what = What::kNothing;
  bool is_in_element = false;          // It is done to the string at `index`.
  size_t index = 0;                    // Of an element.
  size_t length = 0;                   // To resize to; in strings, the index of a character.
  std::span<const uint8_t> data = {};  // A scalar, a struct, characters, elements; aligned.
  const std::vector<std::string>* texts = nullptr;
  const flatbuffers::Table* source = nullptr;  // To copy.

  bool is_accepted = true;
  uint8_t* child = nullptr;  // What the returned writer, or pointer, points to.
  size_t size = 0;           // Of the container, afterwards.
  holler::CopyResult copied = {};
  std::vector<uint8_t> packed = {};  // What flatc's Pack() makes of an object.

  template <typename Writer>
  Writer writer() const {
    static_assert(sizeof(Writer) == sizeof(self) && std::is_trivially_copyable_v<Writer>);
    Writer writer;
    std::memcpy(static_cast<void*>(&writer), &self, sizeof(self));
    return writer;
  }
  template <typename T>
  T value() const {
    T value;
    std::memcpy(static_cast<void*>(&value), data.data(), sizeof(T));
    return value;
  }
  template <typename T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }
  template <typename T>
  const T& from() const {
    return *reinterpret_cast<const T*>(source);
  }
  void Give(const void* pointer) {
    child = const_cast<uint8_t*>(static_cast<const uint8_t*>(pointer));
  }
};

// The writer must be of the type that is expected.
template <typename Writer>
void Give(std::type_identity_t<const Writer&> writer, Call& call) {
  std::memcpy(&call.child, &writer, sizeof(call.child));
}

template <typename Field>
void OnString(Field field, Call& call) {
  switch (call.what) {
    case What::kAssign:
      call.is_accepted = field.assign(call.text());
      break;
    case What::kAppend:
      call.is_accepted = field.append(call.text());
      break;
    case What::kPushBack:
      call.is_accepted = field.push_back(call.text()[0]);
      break;
    case What::kPopBack:
      field.pop_back();
      break;
    case What::kResize:
      call.is_accepted = field.resize(call.length);
      break;
    case What::kResizeWith:
      call.is_accepted = field.resize(call.length, call.text()[0]);
      break;
    case What::kClear:
      field.clear();
      break;
    case What::kGet:
      field[call.length] = call.text()[0];
      break;
    default:
      break;
  }
  call.size = field.size();
  call.Give(field.data());
}

template <typename T, uint32_t kCapacity>
void OnVector(holler::VectorField<T, kCapacity> field, Call& call) {
  const std::span<const T> values = call.values<T>();
  switch (call.what) {
    case What::kAssign:
      call.is_accepted = field.assign(values);
      break;
    case What::kAppend:
      call.is_accepted = field.append(values);
      break;
    case What::kPushBack:
      call.is_accepted = field.push_back(values[0]);
      break;
    case What::kPopBack:
      field.pop_back();
      break;
    case What::kResize:
      call.is_accepted = field.resize(call.length);
      break;
    case What::kResizeWith:
      call.is_accepted = field.resize(call.length, values[0]);
      break;
    case What::kResizeUninitialized:
      call.is_accepted = field.resize_uninitialized(call.length).size() == call.length;
      break;
    case What::kClear:
      field.clear();
      break;
    case What::kGet:
      field[call.index] = values[0];
      break;
    case What::kSort:
      if constexpr (requires { field.Sort(); }) field.Sort();
      break;
    default:
      break;
  }
  call.size = field.size();
  call.Give(field.data());
}

template <typename Field>
void OnStrings(Field field, Call& call) {
  if (call.is_in_element) return OnString(field[call.index], call);
  switch (call.what) {
    case What::kAssign:
      call.is_accepted = field.assign(*call.texts);
      break;
    case What::kPushBack:
      call.is_accepted = field.push_back(call.text());
      break;
    case What::kEmplaceBack:
      call.is_accepted = field.emplace_back().has_value();
      break;
    case What::kPopBack:
      field.pop_back();
      break;
    case What::kResize:
      call.is_accepted = field.resize(call.length);
      break;
    case What::kClear:
      field.clear();
      break;
    default:
      break;
  }
  call.size = field.size();
}

template <typename Writer, typename Field>
void OnTables(Field field, Call& call) {
  static_assert(std::is_same_v<Writer, typename Field::value_type>);
  switch (call.what) {
    case What::kEmplaceBack:
      if (const auto made = field.emplace_back()) return Give<Writer>(*made, call);
      call.is_accepted = false;
      break;
    case What::kGet:
      return Give<Writer>(field[call.index], call);
    case What::kPopBack:
      field.pop_back();
      break;
    case What::kResize:
      call.is_accepted = field.resize(call.length);
      break;
    case What::kClear:
      field.clear();
      break;
    case What::kSort:
      if constexpr (requires { field.Sort(); }) field.Sort();
      break;
    default:
      break;
  }
  call.size = field.size();
}

template <typename Field>
void OnUnions(Field field, Call& call) {
  if (call.what == What::kPopBack) field.pop_back();
  if (call.what == What::kClear) field.clear();
  call.size = field.size();
}

// A new member of a vector of unions; none if that is full.
template <typename Writer>
void GiveNew(const std::optional<Writer>& made, Call& call) {
  call.is_accepted = made.has_value();
  if (made.has_value()) Give<Writer>(*made, call);
}
template <uint32_t kCapacity>
void GiveNew(const std::optional<holler::StringField<kCapacity>>& made, Call& call) {
  call.is_accepted = made.has_value();
  if (made.has_value()) OnString(*made, call);
}
template <typename T>
void GiveNew(T* made, Call& call) {
  call.is_accepted = made != nullptr;
  call.Give(made);
}

template <typename Vector, typename KeyOf>
void Lookup(const Vector& vector, Call& call, KeyOf key_of) {
  for (const auto* element : vector) {
    if (vector.LookupByKey(key_of(element)) == nullptr) call.is_accepted = false;
  }
}

template <typename Message, typename Writer>
holler::CopyResult CopyObject(Writer& writer, Call& call) {
  typename Message::NativeTableType object;
  call.from<Message>().UnPackTo(&object);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Message::Pack(builder, &object));
  call.packed.assign(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  return writer.CopyFrom(object);
}

template <typename Writer>
uint8_t* Start(std::span<std::byte> slot, const char* identifier) {
  Writer writer;
  writer.Start(slot, identifier);
  Call call;
  Give<Writer>(writer, call);
  return call.child;
}

template <typename Message>
bool Verify(const uint8_t* message, size_t size, const char* identifier) {
  flatbuffers::Verifier verifier(message, size);
  return verifier.VerifyBuffer<Message>(identifier);
}

template <typename Writer>
flatbuffers::uoffset_t PackAs(const flatbuffers::Table& from,
                              flatbuffers::FlatBufferBuilder& builder) {
  using Message = typename Writer::Message;
  return holler::Pack<Writer>(reinterpret_cast<const Message&>(from), builder).o;
}

}  // namespace property

#endif  // HOLLER_TESTS_PROPERTY_CALL_H_
