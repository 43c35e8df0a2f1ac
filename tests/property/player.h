// Plays random calls on a writer and on the model of its message, and compares the two.
#ifndef HOLLER_TESTS_PROPERTY_PLAYER_H_
#define HOLLER_TESTS_PROPERTY_PLAYER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "call.h"
#include "flatbuffers/flatbuffers.h"
#include "program.h"
#include "random_value.h"
#include "schema.h"
#include "source.h"
#include "value.h"

namespace property {

// Bytes that are as aligned as a slot.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const uint8_t* data, size_t size);
  explicit Buffer(const flatbuffers::FlatBufferBuilder& builder)
      : Buffer(builder.GetBufferPointer(), builder.GetSize()) {}

  const uint8_t* data() const { return memory_.get(); }
  uint8_t* data() { return memory_.get(); }
  size_t size() const { return size_; }
  const flatbuffers::Table& root() const {
    return *flatbuffers::GetRoot<flatbuffers::Table>(data());
  }

 private:
  struct Free {
    void operator()(uint8_t* memory) const;
  };

  size_t size_ = 0;
  std::unique_ptr<uint8_t, Free> memory_;
};

// Memory in which a message lies as in a slot, with bytes around it that nobody may touch.
class Slot {
 public:
  explicit Slot(uint32_t bytes);

  std::span<std::byte> payload() { return {reinterpret_cast<std::byte*>(start()), bytes_}; }
  const uint8_t* message() const { return memory_.data() + kGuard; }
  uint32_t bytes() const { return bytes_; }
  const flatbuffers::Table& root() const {
    return *flatbuffers::GetRoot<flatbuffers::Table>(message());
  }
  bool is_intact() const;
  // Fills it with what another message may have left.
  void Litter(uint32_t seed);

 private:
  static constexpr size_t kGuard = 64;

  uint8_t* start() { return memory_.data() + kGuard; }

  uint32_t bytes_;
  Buffer memory_;
};

inline void Expect(bool is_so, const std::string& what) {
  if (!is_so) throw std::runtime_error(what);
}

// One topic. What is wrong is thrown as std::runtime_error.
// Thread safety: thread-compatible.
class Player {
 public:
  Player(const Program& program, Schema& schema);

  // Writes one message by `calls` random calls or, of a source of bytes, until that ends. Verifies
  // it after every call; if `always_compares`, compares it, too.
  void Play(Source& source, int calls, bool always_compares);
  // The message that was played last, by a FlatBufferBuilder, and by everything that copies: all
  // are equal.
  void CompareCopies(Source& source);

  size_t calls() const { return calls_; }
  // What it was doing, for who wants to know why it failed.
  std::string LastCall() const;
  // What the message should be, and what it is.
  std::string Texts();

 private:
  // A table of the message: how it is written, what it is, and what should be in it.
  struct Place {
    const TableInfo& info;
    const TableType& type;
    uint8_t* writer;
    Value& value;
  };
  // A field of it.
  struct At {
    const Place& place;
    const FieldInfo& info;
    const FieldType& type;
    bool has(int accessor, int member = 0) const;
    bool is_there() const { return place.value.fields.contains(info.id); }
    // What should be in it; blank if it was not there.
    Value& Touch() const;
    void Remove() const { place.value.fields.erase(info.id); }
  };

  // One call, of whatever; it may find that there is none.
  void Step(const Place& place, int depth);
  void StepAnywhere(const Place& place, int depth);
  void StepOn(const Place& place, const FieldInfo& info, int depth);
  const FieldInfo& Choose(const TableInfo& table);
  // Some calls within a table that a call led to.
  void StepInto(const Place& place, int depth);
  void OnScalar(const At& at);
  void OnStruct(const At& at);
  void OnString(const At& at);
  void OnElements(const At& at);
  void OnStrings(const At& at);
  void OnTable(const At& at, int depth);
  void OnTables(const At& at, int depth);
  void OnUnion(const At& at, int depth);
  void OnUnions(const At& at, int depth);
  void OnNestedBytes(const At& at);
  void OnCopy(const Place& place);

  // Changes `text`, to which the accessor of `call` leads.
  void ChangeString(Call& call, const Place& place, std::string& text, size_t capacity,
                    bool is_key);
  // Goes on in the member `held` of a union, to which the accessor of `call` leads.
  void ChangeMember(Call& call, const At& at, size_t member, Value& held, int depth);
  void SetKey(const Place& place, int depth);
  // After the vector of `at` was sorted: it is, and holds what it held.
  void TakeSorted(const At& at);

  // Makes a call, which must be accepted or not, and verifies what it leaves.
  void Make(Call& call, const Place& place, bool is_accepted = true);
  void Verify(const Buffer& buffer, const char* identifier, const char* what) const;
  // Whether the message that `slot` holds is the one it should be.
  void Compare(const Slot& slot, const Value& expected, const char* what) const;
  // `data`, aligned, until the next call.
  std::span<const uint8_t> Keep(const std::string& data);

  const Program& program_;
  Schema& schema_;
  const TableType& type_;
  Slot slot_;
  Slot other_;  // For copies.
  Value value_;
  Source* source_ = nullptr;
  bool always_compares_ = false;
  size_t calls_ = 0;
  std::map<const TableInfo*, const FieldInfo*> last_fields_;
  const char* last_type_ = "";
  int last_code_ = 0;
  What last_what_ = What::kNothing;
  Buffer kept_;
};

}  // namespace property

#endif  // HOLLER_TESTS_PROPERTY_PLAYER_H_
