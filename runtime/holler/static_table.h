// Writing FlatBuffers tables at fixed offsets: the bases of generated writers of bounded tables.
// docs/static_table.md draws the format, and says why it is valid at every moment.
#ifndef HOLLER_STATIC_TABLE_H_
#define HOLLER_STATIC_TABLE_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "flatbuffers/flatbuffers.h"
#include "holler/static_fields.h"
#include "holler/static_vectors.h"
#include "holler/table_copy.h"
#include "holler/table_pack.h"
#include "holler/table_shape.h"
#include "holler/writer.h"

namespace holler {

// Writes one table where its readers will read it. Emitted classes derive from it and give its
// operations the names of fields:
//
//   loan->set_stamp_ns(now);
//   auto transform = loan->mutable_transform();   // A writer, too. There from the first touch on.
//   transform.set_name("hand");                   // false if it does not fit
//   loan->clear_transform();                      // Gone again.
//
// A writer is a pointer: cheap to copy, valid until its message is published. That of a union's
// member, and every handle taken from it, ends when the union is cleared or holds another member:
// both lie in one room, and the message may no longer pass a verifier if the old one is written on.
// A setter of a scalar is one store. Nothing here allocates or makes a system call, but for the
// copy of an object. Thread safety: thread-compatible.
template <typename Message_, const TableShape& kShape>
class StaticTable : public TableHandle {
 public:
  using Message = Message_;

  static constexpr const TableShape& shape() noexcept { return kShape; }

  // What has been written so far: a valid table at any time.
  const Message& message() const noexcept { return *reinterpret_cast<const Message*>(table_); }

  // Makes this a copy of `from`: any valid table of this type, written by anyone, but not this one.
  // What exceeds a bound is refused, and then nothing is changed.
  CopyResult CopyFrom(const Message& from) noexcept {
    return CopyTable(kShape, reinterpret_cast<const flatbuffers::Table&>(from), table_);
  }
  // The same for flatc's object API, by way of a FlatBufferBuilder: this one allocates.
  template <typename Object, typename M = Message>
  requires std::same_as<Object, typename M::NativeTableType> CopyResult
  CopyFrom(const Object& from) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(Message::Pack(builder, &from));
    return CopyFrom(*flatbuffers::GetRoot<Message>(builder.GetBufferPointer()));
  }

 protected:
  template <size_t kId>
  static constexpr const FieldShape& kField = kShape.fields[kId];

  // Operations on the field `kId`.

  template <size_t kId, typename T>
  void Set(T value) noexcept {
    static_assert(kField<kId>.kind == FieldKind::kScalar && sizeof(T) == kField<kId>.size);
    if constexpr (std::is_enum_v<T>) {
      Put<std::underlying_type_t<T>>(table_ + kField<kId>.at,
                                     static_cast<std::underlying_type_t<T>>(value));
    } else {
      Put<T>(table_ + kField<kId>.at, value);
    }
    if constexpr (kField<kId>.optional) Show(kShape, table_, kId);
  }

  template <size_t kId>
  void Clear() noexcept {
    static_assert(!kField<kId>.is_present_at_start());
    Hide(kShape, table_, kId);
  }

  template <size_t kId, typename T>
  void SetStruct(const T& value) noexcept {
    static_assert(kField<kId>.kind == FieldKind::kStruct && sizeof(T) == kField<kId>.size);
    std::memcpy(table_ + kField<kId>.at, &value, sizeof(T));
    if constexpr (!kField<kId>.required) Show(kShape, table_, kId);
  }
  template <size_t kId, typename T>
  T& Struct() noexcept {
    static_assert(kField<kId>.kind == FieldKind::kStruct && sizeof(T) == kField<kId>.size &&
                  alignof(T) == kField<kId>.alignment());
    Touch<kId>();
    return *reinterpret_cast<T*>(table_ + kField<kId>.at);
  }

  template <size_t kId>
  bool SetString(std::string_view text) noexcept {
    uint8_t* const table = table_;  // The copy may change anything, for all the compiler knows.
    if (!StringField<kField<kId>.capacity>(Room<kId>()).assign(text)) return false;
    if constexpr (!kField<kId>.required) Show(kShape, table, kId);
    return true;
  }
  template <size_t kId>
  auto String() noexcept {
    static_assert(kField<kId>.kind == FieldKind::kString);
    Touch<kId>();
    return StringField<kField<kId>.capacity>(Room<kId>());
  }

  template <size_t kId, typename T>
  bool SetVector(std::span<const T> values) noexcept {
    static_assert(kField<kId>.kind == FieldKind::kElements && sizeof(T) == kField<kId>.size);
    uint8_t* const table = table_;
    if (!VectorField<T, kField<kId>.capacity>(Room<kId>()).assign(values)) return false;
    if constexpr (!kField<kId>.required) Show(kShape, table, kId);
    return true;
  }
  template <size_t kId, typename T>
  auto Vector() noexcept {
    static_assert(kField<kId>.kind == FieldKind::kElements && sizeof(T) == kField<kId>.size &&
                  alignof(T) <= kField<kId>.alignment());
    Touch<kId>();
    return VectorField<T, kField<kId>.capacity>(Room<kId>());
  }

  template <size_t kId>
  auto Strings() noexcept {
    using Field = StringVectorField<kField<kId>.capacity, kField<kId>.string_capacity>;
    static_assert(kField<kId>.kind == FieldKind::kStrings && Field::kStride == kField<kId>.stride);
    Touch<kId>();
    return Field(Room<kId>());
  }

  template <size_t kId, typename Writer>
  Writer Table() noexcept {
    static_assert(kField<kId>.kind == FieldKind::kTable && &Writer::shape() == kField<kId>.child);
    Touch<kId>();
    return At<Writer>(Room<kId>());
  }

  template <size_t kId, typename Writer>
  auto Tables() noexcept {
    static_assert(kField<kId>.kind == FieldKind::kTables && &Writer::shape() == kField<kId>.child);
    Touch<kId>();
    return TableVectorField<Writer, kField<kId>.capacity>(Room<kId>(),
                                                          table_ + kField<kId>.elements);
  }

  template <size_t kId, size_t kMember, typename Writer>
  Writer TableMember() noexcept {
    return At<Writer>(Member<kId, kMember>());
  }
  template <size_t kId, size_t kMember, typename T>
  T& StructMember() noexcept {
    static_assert(sizeof(T) == kField<kId>.members[kMember].size);
    return *reinterpret_cast<T*>(Member<kId, kMember>());
  }
  template <size_t kId, size_t kMember>
  auto StringMember() noexcept {
    return StringField<kField<kId>.members[kMember].capacity>(Member<kId, kMember>());
  }

  template <size_t kId, typename Field>
  Field Unions() noexcept {
    static_assert(kField<kId>.kind == FieldKind::kUnions);
    Touch<kId - 1>();
    Touch<kId>();
    return Field(table_);
  }

  template <size_t kId, typename Writer>
  Writer NestedMessage() noexcept {
    static_assert(kField<kId>.kind == FieldKind::kNestedMessage &&
                  &Writer::shape() == kField<kId>.child);
    Touch<kId>();
    return At<Writer>(Room<kId>() + 4 + kField<kId>.head);
  }

  // `bytes` must be a finished FlatBuffer with the root `Nested`, aligned as FlatBuffers are.
  template <size_t kId, typename Nested>
  bool SetNestedBytes(std::span<const uint8_t> bytes) noexcept {
    static_assert(kField<kId>.kind == FieldKind::kNestedBytes);
    if (!IsWithin(bytes.size(), kField<kId>.capacity)) return false;
    if (!flatbuffers::Verifier(bytes.data(), bytes.size()).VerifyBuffer<Nested>(nullptr)) {
      return false;
    }
    VectorField<uint8_t, kField<kId>.capacity>(Room<kId>()).assign(bytes);
    Show(kShape, table_, kId);
    return true;
  }

 private:
  template <size_t kId>
  uint8_t* Room() const noexcept {
    return table_ + kField<kId>.room;
  }

  // Has a field be there: blank, if it was not. Its room first, so that no moment is invalid.
  template <size_t kId>
  void Touch() noexcept {
    if constexpr (!kField<kId>.required) {
      if (IsPresent(kShape, table_, kId)) return;
      BlankFieldOf<kShape, kId>(table_);
      Show(kShape, table_, kId);
    }
  }

  // Has a union hold a member: blank, if it held another.
  template <size_t kId, size_t kMember>
  uint8_t* Member() noexcept {
    static_assert(kField<kId>.kind == FieldKind::kUnion);
    constexpr const MemberShape& member = kField<kId>.members[kMember];
    uint8_t* type = table_ + kField<kId - 1>.at;
    if (*type != member.type) {
      // No type without a value of it, not even meanwhile.
      Put<uint8_t>(type, 0);
      BlankUnion(member, Room<kId>(), table_ + kField<kId>.at, type);
      if constexpr (!kField<kId>.required) Show(kShape, table_, kId);
    }
    return Room<kId>() + member.at;
  }
};

// Writes a whole message in the slot of a loan. Its root table is `kRoot` bytes behind the start.
// Thread safety: thread-compatible.
template <typename Message_, const TableShape& kShape, uint32_t kRoot, uint32_t kBytes>
class StaticMessage : public StaticTable<Message_, kShape> {
 public:
  static constexpr uint32_t kMessageBytes = kBytes;

  // For the publisher: starts a message in which nothing is set, and what is required is empty.
  // Costs the copy of the root's blank image. All else in the slot stays as it is: bytes of this
  // publisher's earlier samples, which no reader's accessor leads to. `file_identifier` is the
  // schema's, or null.
  void Start(PayloadSpan payload, const char* file_identifier) noexcept {
    auto* start = reinterpret_cast<uint8_t*>(payload.data());
    Put<uint32_t>(start, kRoot);
    if (file_identifier != nullptr) {
      std::memcpy(start + sizeof(uint32_t), file_identifier, flatbuffers::kFileIdentifierLength);
    }
    Blank<kShape>(start + kRoot);
    this->table_ = start + kRoot;  // Last, so that the compiler knows it from here on.
  }

  // Size of the message, which is always the same and always finished; for the publisher.
  std::optional<uint32_t> finished_size() const noexcept { return kBytes; }
};

}  // namespace holler

#endif  // HOLLER_STATIC_TABLE_H_
