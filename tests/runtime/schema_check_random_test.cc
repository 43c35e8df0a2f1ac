// CheckReadable against random schemas: broken ones must be safe; and what it accepts must be read
// as it was written.
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "flatbuffers/reflection.h"
#include "gtest/gtest.h"
#include "holler/schema_check.h"
#include "schema_support.h"

namespace holler {
namespace {

constexpr char kRich[] =
    "enum E:byte { A, B = 3 } struct P { x:int; e:E; a:[short:3]; } table A { x:int; m:M; } "
    "table B { p:P; } union U { A, B, P } "
    "table M { i:int = 5; f:double = 1.5; o:int = null; s:string (required); v:[P]; w:[A]; u:U; "
    "us:[U]; e:E = B; es:[E]; b:[ubyte] (deprecated); p:P; }";

// Checks a copy that ends where the heap block ends, against the original, both ways round.
absl::Status CheckBoth(const std::string& bytes, const std::string& good) {
  const std::unique_ptr<char[]> copy(new char[bytes.size()]);
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  const std::string_view exact(copy.get(), bytes.size());
  const absl::Status one = CheckReadable({exact, "t.M"}, {good, "t.M"});
  const absl::Status two = CheckReadable({good, "t.M"}, {exact, "t.M"});
  return one.ok() ? two : one;
}

TEST(BrokenSchema, EveryTruncationIsSafe) {
  const std::string good = ToBfbs(kRich);
  ASSERT_TRUE(CheckBoth(good, good).ok());
  for (size_t size = 0; size < good.size(); ++size) (void)CheckBoth(good.substr(0, size), good);
}

TEST(BrokenSchema, EverySingleBitFlipIsSafe) {
  const std::string good = ToBfbs(kRich);
  std::string bytes = good;
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    (void)CheckBoth(bytes, good);
    bytes[bit / 8] = good[bit / 8];
  }
}

TEST(BrokenSchema, RandomChangesAreSafe) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const std::string good = ToBfbs(kRich);
  for (int round = 0; round < 5'000; ++round) {
    std::string bytes = good;
    for (uint32_t changes = 1 + random() % 8; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 4 == 0 ? random() : 0xFF);
    }
    (void)CheckBoth(bytes, good);
  }
}

// The verifier lets any integer pass.
TEST(BrokenSchema, IndicesOutOfRangeAreRefused) {
  const std::string good = ToBfbs(kRich);
  int patched = 0;
  const auto patch = [&](const auto* table, flatbuffers::voffset_t field, auto value) {
    const uint8_t* address =
        table == nullptr ? nullptr
                         : reinterpret_cast<const flatbuffers::Table*>(table)->GetAddressOf(field);
    if (address == nullptr) return;
    std::string bytes = good;
    const size_t offset =
        static_cast<size_t>(address - reinterpret_cast<const uint8_t*>(good.data()));
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
    (void)CheckBoth(bytes, good);
    ++patched;
  };
  const auto patch_type = [&](const reflection::Type* type) {
    for (const int32_t index : {-1, -2, 1, 100, 1'000'000, INT32_MIN, INT32_MAX}) {
      patch(type, reflection::Type::VT_INDEX, index);
    }
    for (int base = 0; base < 256; ++base) {
      patch(type, reflection::Type::VT_BASE_TYPE, static_cast<uint8_t>(base));
      patch(type, reflection::Type::VT_ELEMENT, static_cast<uint8_t>(base));
    }
  };
  const reflection::Schema* schema = reflection::GetSchema(good.data());
  for (const auto* object : *schema->objects()) {
    for (const auto* field : *object->fields()) {
      patch_type(field->type());
      for (const uint16_t id : {uint16_t{0}, uint16_t{1}, uint16_t{0xFFFF}}) {
        patch(field, reflection::Field::VT_ID, id);
        patch(field, reflection::Field::VT_OFFSET, id);
      }
    }
  }
  for (const auto* e : *schema->enums()) {
    patch_type(e->underlying_type());
    for (const auto* value : *e->values()) patch_type(value->union_type());
  }
  EXPECT_GT(patched, 5'000);
}

// ---- Random pairs of schemas ----

// A table of random fields, and changes to it. The types it uses may change as well; it uses all of
// them, for ConformTo also compares those that no message reaches.
class RandomSchema {
 public:
  explicit RandomSchema(std::mt19937& random) : random_(random) {
    for (uint32_t i = 0, count = 1 + random_() % 6; i < count; ++i) AddField();
  }

  void Change() {
    const size_t i = random_() % fields_.size();
    switch (random_() % 12) {
      case 0:
        fields_[i] = NewField();
        break;
      case 1:
        fields_[i].name += "x";
        break;
      case 2:
        std::swap(fields_[i], fields_[random_() % fields_.size()]);
        break;
      case 3:
        fields_.erase(fields_.begin() + static_cast<std::ptrdiff_t>(i));
        if (fields_.empty()) AddField();
        break;
      case 4:
        fields_.insert(fields_.begin() + static_cast<std::ptrdiff_t>(i), NewField());
        break;
      case 5:
        fields_[i].kind = random_() % kKinds;
        break;
      case 6:
        fields_[i].number = random_() % 3;
        break;
      case 7:
        struct_ = random_() % 3;
        break;
      case 8:
        enum_ = random_() % 4;
        break;
      case 9:
        table_ = random_() % 3;
        break;
      default:
        AddField();
    }
  }

  std::string Text() const {
    static const char* const kStructs[] = {"struct S { x:int; y:float; }", "struct S { x:int; }",
                                           "struct S { y:float; x:int; }"};
    static const char* const kEnums[] = {"enum E:short { A, B, C }", "enum E:short { A, B, C, D }",
                                         "enum E:short { A, C, B }", "enum E:byte { A, B, C }"};
    static const char* const kTables[] = {
        "table T { x:int; s:S; }", "table T { x:int; s:S; n:long; }", "table T { s:S; x:int; }"};
    std::vector<std::string> fields;
    for (const Field& field : fields_) fields.push_back(TextOf(field));
    return absl::StrCat(kStructs[struct_], "\n", kEnums[enum_], "\n", kTables[table_],
                        "\ntable M { s0:S; e0:E; t0:T; ", absl::StrJoin(fields, " "),
                        " }\nroot_type M;\n");
  }

  // A random message, as JSON.
  std::string Message() {
    std::vector<std::string> values;
    for (const Field& field : fields_) {
      const bool needed = field.kind == 8;
      if (!needed && random_() % 4 == 0) continue;
      values.push_back(absl::StrCat("\"", field.name, "\": ", Value(field)));
    }
    return absl::StrCat("{ ", absl::StrJoin(values, ", "), " }");
  }

 private:
  static constexpr uint32_t kKinds = 15;
  struct Field {
    std::string name;
    uint32_t kind;
    uint32_t number;  // Its default, if it has one.
  };

  Field NewField() {
    // Names come from a small set, so that removed ones come back with other types.
    std::string name;
    do {
      name = std::string(1, static_cast<char>('a' + random_() % 12));
    } while (std::any_of(fields_.begin(), fields_.end(),
                         [&](const Field& field) { return field.name == name; }) &&
             fields_.size() < 12);
    return {name, static_cast<uint32_t>(random_() % kKinds), static_cast<uint32_t>(random_() % 3)};
  }
  void AddField() {
    if (fields_.size() < 12) fields_.push_back(NewField());
  }

  static std::string TextOf(const Field& field) {
    const uint32_t n = field.number;
    const std::string types[kKinds] = {
        absl::StrCat("int = ", n),
        absl::StrCat("uint = ", n),
        absl::StrCat("long = ", n),
        absl::StrCat("double = ", n, ".5"),
        absl::StrCat("bool = ", n % 2),
        "ushort = null",  // Not the enum's type: ConformTo crashes on such a pair.
        absl::StrCat("E = ", n % 2 == 0 ? "A" : "B"),
        "string",
        "string (required)",
        "[ubyte]",
        "[int]",
        "S",
        "T",
        "[T]",
        "[S]"};
    return absl::StrCat(field.name, ":", types[field.kind], ";");
  }

  std::string Value(const Field& field) {
    const uint32_t v = random_() % 100;
    const std::string s = struct_ == 1 ? absl::StrCat("{ \"x\": ", v, " }")
                                       : absl::StrCat("{ \"x\": ", v, ", \"y\": 0.5 }");
    const std::string t = absl::StrCat("{ \"x\": ", v, ", \"s\": ", s, " }");
    const std::string values[kKinds] = {absl::StrCat(v),
                                        absl::StrCat(v),
                                        absl::StrCat(v),
                                        absl::StrCat(v, ".25"),
                                        v % 2 == 0 ? "true" : "false",
                                        absl::StrCat(v),
                                        v % 2 == 0 ? "\"A\"" : "\"C\"",
                                        absl::StrCat("\"s", v, "\""),
                                        absl::StrCat("\"s", v, "\""),
                                        absl::StrCat("[", v, ", 2]"),
                                        absl::StrCat("[", v, ", 2]"),
                                        s,
                                        t,
                                        absl::StrCat("[", t, ", ", t, "]"),
                                        absl::StrCat("[", s, "]")};
    return values[field.kind];
  }

  std::mt19937& random_;
  std::vector<Field> fields_;
  uint32_t struct_ = 0;
  uint32_t enum_ = 0;
  uint32_t table_ = 0;
};

bool HasTwice(const std::string& text) {
  flatbuffers::Parser parser;
  return !parser.Parse(("namespace t;\n" + text).c_str());
}

// The value of one field, as text; what both sides must agree on.
std::string FieldText(const reflection::Schema& schema, const reflection::Field& field,
                      const flatbuffers::Table& message) {
  const reflection::BaseType base = field.type()->base_type();
  if (base <= reflection::Double) {
    if (field.optional() && !message.CheckField(field.offset())) return "none";
    return absl::StrCat(flatbuffers::GetAnyFieldF(message, field));
  }
  if (!message.CheckField(field.offset())) return "none";
  if (base == reflection::Vector) {
    return absl::StrCat(flatbuffers::GetFieldAnyV(message, field)->size());
  }
  return flatbuffers::GetAnyFieldS(message, field, &schema);
}

// Reads `message`, written with `written`, as a subscriber compiled from `read` would.
void ExpectReadAsWritten(const std::string& written_bfbs, const std::string& read_bfbs,
                         const uint8_t* message, size_t size) {
  const reflection::Schema& written = *reflection::GetSchema(written_bfbs.data());
  const reflection::Schema& read = *reflection::GetSchema(read_bfbs.data());
  ASSERT_TRUE(flatbuffers::Verify(read, *read.root_table(), message, size));
  const flatbuffers::Table& root = *flatbuffers::GetAnyRoot(message);
  for (const reflection::Field* mine : *read.root_table()->fields()) {
    for (const reflection::Field* theirs : *written.root_table()->fields()) {
      if (mine->id() != theirs->id()) continue;
      // The names of a struct's or table's own fields may differ; sizes and values of scalars and
      // strings may not.
      const auto base = mine->type()->base_type();
      if (base == reflection::Obj) continue;
      EXPECT_EQ(FieldText(written, *theirs, root), FieldText(read, *mine, root))
          << mine->name()->str();
    }
  }
}

class RandomEvolution : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomEvolution, testing::Range(1u, 11u));

TEST_P(RandomEvolution, WhatIsAcceptedIsReadAsItWasWritten) {
  std::mt19937 random(GetParam());
  int accepted = 0;
  int refused = 0;
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    RandomSchema schema(random);
    RandomSchema changed = schema;
    for (uint32_t changes = 1 + random() % 3; changes > 0; --changes) changed.Change();
    if (HasTwice(schema.Text()) || HasTwice(changed.Text())) continue;
    SCOPED_TRACE("publisher:\n" + schema.Text() + "subscriber:\n" + changed.Text());
    auto written = ParseSchema(schema.Text());
    auto read = ParseSchema(changed.Text());
    const std::string conform = written->ConformTo(*read) + read->ConformTo(*written);
    const std::string written_bfbs = ToBfbs(*written);
    const std::string read_bfbs = ToBfbs(*read);
    const absl::Status status = CheckReadable({written_bfbs, "t.M"}, {read_bfbs, "t.M"});
    (status.ok() ? accepted : refused) += 1;
    if (!status.ok()) continue;
    EXPECT_EQ(conform, "");
    for (int message = 0; message < 5; ++message) {
      const std::string json = schema.Message();
      ASSERT_TRUE(written->Parse(json.c_str())) << written->error_ << json;
      SCOPED_TRACE(json);
      ExpectReadAsWritten(written_bfbs, read_bfbs, written->builder_.GetBufferPointer(),
                          written->builder_.GetSize());
    }
  }
  EXPECT_GT(accepted, 5);
  EXPECT_GT(refused, 5);
}

}  // namespace
}  // namespace holler
