// Copying messages into bounded tables, and packing them.
#include "holler/table_copy.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "bounded_topics.h"
#include "gtest/gtest.h"
#include "holler/table_pack.h"
#include "table_support.h"

namespace holler {
namespace {

using bounded::Everything;
using bounded::EverythingTopic;
using bounded::EverythingWriter;
using bounded::Shape_Circle;
using bounded::Shape_Named;
using bounded::Shape_Nothing;
using bounded::Shape_parts_Wide;
using bounded::Shape_Text;

// What a message needs.
constexpr char kLeast[] = R"("sure_wide": {"a": 3, "b": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]},
    "sure_text": "abc", "sure_reals": [], "sure_person": {"name": "Ada"}, "numbered": [],
    "sure_shape_type": "Nothing", "sure_shape": {}, "sure_shapes_type": [], "sure_shapes": [],
    "sure_inner": {"name": "Eve"})";

// Something in every field that takes room.
constexpr char kMost[] = R"({
    "flag": true, "on": false, "tiny": 1, "small": 2, "count": 3, "big": 4, "huge": 5, "real": 6.5,
    "limit": 7.5, "colour": "Red", "flags": "Wet", "maybe": 8, "maybe_colour": "Red", "class": 9,
    "point": {"x": 1, "y": 2}, "wide": {"a": 3, "b": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]},
    "sure_wide": {"a": 4, "b": [{"x": 5, "y": 6}, {"x": 7, "y": 8}]},
    "text": "0123456789", "sure_text": "abc", "bytes": [1, 2, 3, 4, 5, 6, 7, 8, 9],
    "flags_list": [true, false, true], "colours": ["Red", "Blue"], "reals": [1, 2, 3, 4],
    "sure_reals": [5, 6], "points": [{"x": 1, "y": 2}, {"x": 3, "y": 4}],
    "wides": [{"a": 4, "b": [{"x": 5, "y": 6}, {"x": 7, "y": 8}]}],
    "pairs": [{"id": 1, "value": 0.5}], "names": ["one", "", "second"],
    "label": {"text": "label", "size": 2}, "labels": [{"size": 3}, {"text": "text"}],
    "person": {"name": "Bob", "age": 5, "circles": [{"radius": 2}, {}]},
    "sure_person": {"name": "Ada"},
    "people": [{"name": "a"}, {"name": "b", "circles": [{}]}],
    "numbered": [{"number": -4}, {"number": 9, "point": {"x": 1, "y": 2}}],
    "shape_type": "Named", "shape": {"name": "Carl", "circles": []},
    "sure_shape_type": "Text", "sure_shape": "1234567",
    "shapes_type": ["parts_Wide", "Text", "Circle", "Nothing"],
    "shapes": [{"a": 4, "b": [{"x": 5, "y": 6}, {"x": 7, "y": 8}]}, "123456", {"radius": 8}, {}],
    "sure_shapes_type": ["Named"], "sure_shapes": [{"name": "Dora", "age": 3}],
    "inner": {"number": 77, "point": {"x": 1, "y": 2}}, "sure_inner": {"name": "Eve"},
    "outer": {"sure_wide": {"a": 3, "b": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]},
        "sure_text": "a much longer text", "sure_reals": [], "sure_person": {"name": "Ada"},
        "numbered": [], "sure_shape_type": "Nothing", "sure_shape": {}, "sure_shapes_type": [],
        "sure_shapes": [], "sure_inner": {"name": "Eve"}}
  })";

class TableCopy : public testing::Test {
 protected:
  const Everything& Build(const std::string& text) {
    return *flatbuffers::GetRoot<Everything>(json_.Build(text));
  }
  // A message that is all right but for `field`.
  const Everything& BuildWith(const std::string& field) {
    return Build("{" + field + ", " + std::string(kLeast) + "}");
  }
  const Everything& BuildWithout(std::string least, const std::string& field,
                                 const std::string& instead) {
    const size_t at = least.find(field);
    EXPECT_NE(at, std::string::npos) << field;
    return Build("{" + least.replace(at, field.size(), instead) + "}");
  }

  // A message whose `shapes` claim to be of these types.
  const Everything& BuildWithTypes(const std::string& text, std::initializer_list<uint8_t> types) {
    const Everything& built = Build(text);
    EXPECT_EQ(built.shapes_type()->size(), types.size());
    std::copy(types.begin(), types.end(), const_cast<uint8_t*>(built.shapes_type()->Data()));
    return built;
  }
  static void SetType(const Everything& message, uint16_t vt, uint8_t type) {
    auto& table =
        const_cast<flatbuffers::Table&>(reinterpret_cast<const flatbuffers::Table&>(message));
    EXPECT_TRUE(table.SetField<uint8_t>(vt, type, 0));
  }
  static std::vector<int> Types(const Everything& message) {
    return {message.shapes_type()->begin(), message.shapes_type()->end()};
  }

  void ExpectRefused(const Everything& from, const std::string& field, uint32_t length,
                     uint32_t capacity) {
    draft_->set_class_(42);
    const std::string before = json_.Text(draft_.data());
    const CopyResult result = draft_->CopyFrom(from);
    EXPECT_FALSE(result);
    EXPECT_EQ(result.field(), field);
    EXPECT_EQ(result.length(), length);
    EXPECT_EQ(result.capacity(), capacity);
    EXPECT_TRUE(draft_.IsValid());
    EXPECT_EQ(json_.Text(draft_.data()), before) << "nothing is changed";
  }

  Json json_{"bounded.fbs"};
  Draft<EverythingTopic> draft_;
};

TEST_F(TableCopy, CopiesAllOfAMessage) {
  const CopyResult result = draft_->CopyFrom(Build(kMost));
  EXPECT_TRUE(result) << result.field();
  EXPECT_EQ(result.field(), "");
  ASSERT_TRUE(draft_.IsValid());
  const std::string copied = json_.Text(draft_.data());
  EXPECT_EQ(copied, json_.Canonical(kMost));
}

TEST_F(TableCopy, WhatIsAbsentIsAbsentAfterwards) {
  ASSERT_TRUE(draft_->CopyFrom(Build(kMost)));
  const std::string least = "{" + std::string(kLeast) + "}";
  ASSERT_TRUE(draft_->CopyFrom(Build(least)));
  ASSERT_TRUE(draft_.IsValid());
  const std::string copied = json_.Text(draft_.data());
  EXPECT_EQ(copied, json_.Canonical(least));
}

TEST_F(TableCopy, CopiesFromAnotherBoundedMessage) {
  Draft<EverythingTopic> other;
  ASSERT_TRUE(other->CopyFrom(Build(kMost)));
  ASSERT_TRUE(draft_->CopyFrom(other.message()));
  ASSERT_TRUE(draft_.IsValid());
  EXPECT_EQ(json_.Text(draft_.data()), json_.Text(other.data()));
}

TEST_F(TableCopy, ACopyCanBeWrittenOn) {
  ASSERT_TRUE(draft_->CopyFrom(Build(kMost)));
  EXPECT_TRUE(draft_->mutable_people().emplace_back()->set_name("c"));
  EXPECT_TRUE(draft_->mutable_people().emplace_back()->set_name("d"));
  EXPECT_TRUE(draft_->mutable_person().mutable_name().append("by"));
  EXPECT_TRUE(draft_->mutable_names()[1].assign("new"));
  EXPECT_TRUE(draft_->mutable_shapes().mutable_as_Text(1).assign("new"));
  ASSERT_TRUE(draft_.IsValid());
  EXPECT_EQ(draft_.message().people()->Get(3)->name()->str(), "d");
  EXPECT_EQ(draft_.message().people()->Get(1)->circles()->size(), 1u);
  EXPECT_EQ(draft_.message().person()->name()->str(), "Bobby");
}

TEST_F(TableCopy, CopiesNestedTables) {
  const Everything& from = Build(kMost);
  EXPECT_TRUE(draft_->mutable_people().emplace_back()->CopyFrom(*from.person()));
  ASSERT_TRUE(draft_.IsValid());
  EXPECT_EQ(draft_.message().people()->Get(0)->circles()->Get(0)->radius(), 2);
}

TEST_F(TableCopy, CopiesObjects) {
  const auto object = std::unique_ptr<bounded::EverythingT>(Build(kMost).UnPack());
  ASSERT_TRUE(draft_->CopyFrom(*object));
  ASSERT_TRUE(draft_.IsValid());
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Everything::Pack(builder, object.get()));
  EXPECT_EQ(json_.Text(draft_.data()), json_.Text(builder.GetBufferPointer()));
  object->sure_person->name = "longer than any";
  const CopyResult result = draft_->CopyFrom(*object);
  EXPECT_FALSE(result);
  EXPECT_EQ(result.field(), "sure_person.name");
}

TEST_F(TableCopy, RefusesWhatIsTooLong) {
  ExpectRefused(BuildWith(R"("text": "0123456789X")"), "text", 11, 10);
  ExpectRefused(BuildWith(R"("reals": [1, 2, 3, 4, 5])"), "reals", 5, 4);
  ExpectRefused(BuildWith(R"("bytes": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])"), "bytes", 10, 9);
  ExpectRefused(BuildWith(R"("names": ["", "", "", ""])"), "names", 4, 3);
  ExpectRefused(BuildWith(R"("names": ["", "1234567"])"), "names[1]", 7, 6);
  ExpectRefused(BuildWith(R"("label": {"text": "1234567890"})"), "label.text", 10, 9);
  ExpectRefused(BuildWith(R"("labels": [{}, {"text": "1234567890X"}])"), "labels[1].text", 11, 10);
  ExpectRefused(BuildWith(R"("people": [{"name": "a"}, {"name": "b", "circles": [{},{},{},{}]}])"),
                "people[1].circles", 4, 3);
  ExpectRefused(BuildWith(R"("shape_type": "Text", "shape": "123456")"), "shape.Text", 6, 5);
  ExpectRefused(BuildWith(R"("shape_type": "Named", "shape": {"name": "0123456789012"})"),
                "shape.Named.name", 13, 12);
  ExpectRefused(BuildWith(R"("shapes_type": ["Circle", "Text"], "shapes": [{}, "1234567"])"),
                "shapes[1].Text", 7, 6);
  ExpectRefused(BuildWith(R"("shapes_type": ["Text", "Text", "Text", "Text", "Text"],
                             "shapes": ["", "", "", "", ""])"),
                "shapes", 5, 4);
  ExpectRefused(BuildWithout(kLeast, "Eve", "0123456789012"), "sure_inner.name", 13, 12);
  const std::string outer = "\"outer\": {" + std::string(kLeast) + ", \"bytes\": [" + [] {
    std::string list = "0";
    for (int i = 0; i < 2'000; ++i) list += ", 0";
    return list;
  }() + "]}";
  const Everything& from = BuildWith(outer);
  ExpectRefused(from, "outer", from.outer()->size(), 2000);
}

TEST_F(TableCopy, RefusesAMemberThatItDoesNotKnow) {
  flatbuffers::FlatBufferBuilder builder;
  const auto number = builder.CreateString("of a later schema");
  const auto start = builder.StartTable();
  builder.AddElement<uint8_t>(Everything::VT_SHAPE_TYPE, 99, 0);
  builder.AddOffset(Everything::VT_SHAPE, number);
  builder.Finish(flatbuffers::Offset<Everything>(builder.EndTable(start)));
  ExpectRefused(*flatbuffers::GetRoot<Everything>(builder.GetBufferPointer()), "shape", 99, 0);
}

TEST_F(TableCopy, CopiesUnionsOfAVectorThatHoldNothing) {
  ASSERT_TRUE(draft_->CopyFrom(BuildWithTypes(kMost, {Shape_Text, 0, 0, 0})));
  ASSERT_TRUE(draft_.IsValid());
  EXPECT_EQ(Types(draft_.message()), (std::vector<int>{Shape_Text, 0, 0, 0}));
  EXPECT_EQ(draft_->mutable_shapes().mutable_as_Circle(1).message().radius(), 1) << "blank";
  EXPECT_TRUE(draft_.IsValid());
}

TEST_F(TableCopy, RefusesAnElementThatItDoesNotKnow) {
  ExpectRefused(BuildWithTypes(kMost, {Shape_Text, Shape_Text, 99, 0}), "shapes[2]", 99, 0);
}

// What a hostile peer may do at any time: what is copied changes after it was looked at. Here the
// copy itself changes it, as the types of the source's unions lie where its `text` is copied to.
TEST_F(TableCopy, AMemberThatChangesMeanwhileIsLeftOut) {
  using Type = flatbuffers::Vector<uint8_t>;
  const Everything& built =
      BuildWith(R"("text": "c", "shapes_type": ["Circle"], "shapes": [{"radius": 5}])");
  const uint8_t* begin = json_.built();
  constexpr size_t kSize = EverythingTopic::kLayout.payload_capacity;
  struct Memory {
    alignas(64) uint8_t source[2048];
    alignas(64) std::byte copy[kSize];
  };
  const auto memory = std::make_unique<Memory>();
  ASSERT_LE(json_.built_size(), sizeof(memory->source));
  std::memcpy(memory->source, begin, json_.built_size());

  EverythingWriter writer;
  writer.Start(memory->copy, EverythingTopic::kFileIdentifier);
  // A stale type, of which its room is no example.
  ASSERT_TRUE(writer.mutable_shapes().emplace_back_as_Circle().has_value());
  const_cast<uint8_t*>(writer.message().shapes_type()->Data())[0] = Shape_Named;
  // One union, which holds a Circle.
  const char circle[] = {Shape_Circle};
  ASSERT_TRUE(writer.set_text({circle, 1}));
  const auto* types = reinterpret_cast<const uint8_t*>(writer.message().text());
  ASSERT_EQ(reinterpret_cast<const Type*>(types)->Get(0), Shape_Circle);
  const auto& source = *flatbuffers::GetRoot<Everything>(memory->source);
  auto* offset = memory->source + (reinterpret_cast<const uint8_t*>(&built) - begin);
  offset += reinterpret_cast<const flatbuffers::Table&>(source).GetOptionalFieldOffset(
      Everything::VT_SHAPES_TYPE);
  flatbuffers::WriteScalar<uint32_t>(offset, static_cast<uint32_t>(types - offset));
  ASSERT_EQ(source.shapes_type()->Get(0), Shape_Circle);

  EXPECT_TRUE(writer.CopyFrom(source));
  EXPECT_EQ(source.shapes_type()->Get(0), 'c') << "it has changed";
  EXPECT_TRUE(flatbuffers::Verifier(reinterpret_cast<const uint8_t*>(memory->copy), kSize)
                  .VerifyBuffer<Everything>(EverythingTopic::kFileIdentifier));
  EXPECT_EQ(Types(writer.message()), std::vector<int>{0});
}

TEST_F(TableCopy, LeavesOutFieldsThatItDoesNotKnow) {
  flatbuffers::FlatBufferBuilder builder;
  const auto text = builder.CreateString("of a later schema");
  const auto start = builder.StartTable();
  builder.AddElement<int32_t>(bounded::Ordered::VT_A, 5, 0);
  builder.AddOffset(bounded::Ordered::VT_C + 2, text);
  builder.Finish(flatbuffers::Offset<bounded::Ordered>(builder.EndTable(start)));
  Draft<bounded::OrderedTopic> draft;
  draft->set_b(1);
  EXPECT_TRUE(draft->CopyFrom(*flatbuffers::GetRoot<bounded::Ordered>(builder.GetBufferPointer())));
  EXPECT_TRUE(draft.IsValid());
  EXPECT_EQ(draft.message().a(), 5);
  EXPECT_EQ(draft.message().b(), 0);
}

TEST_F(TableCopy, ALongPathLosesItsFront) {
  CopyResult result;
  result.Refuse(1, 0);
  for (int i = 0; i < 100; ++i) {
    result.PrependIndex(1234567890);
    result.PrependField("field");
  }
  EXPECT_FALSE(result);
  EXPECT_TRUE(result.field().ends_with("field[1234567890].field[1234567890]"));
  EXPECT_LE(result.field().size(), 200u);
}

TEST_F(TableCopy, PacksAsTightlyAsABuilder) {
  const size_t built = (Build(kMost), json_.built_size());
  ASSERT_TRUE(draft_->CopyFrom(Build(kMost)));
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Pack<EverythingWriter>(draft_.message(), builder),
                 EverythingTopic::kFileIdentifier);
  ASSERT_TRUE(flatbuffers::Verifier(builder.GetBufferPointer(), builder.GetSize())
                  .VerifyBuffer<Everything>(EverythingTopic::kFileIdentifier));
  EXPECT_EQ(json_.Text(builder.GetBufferPointer()), json_.Text(draft_.data()));
  EXPECT_LE(builder.GetSize(), built + 64);
  EXPECT_LT(builder.GetSize(), draft_.payload().size());
}

// Of a later schema, or of none: what is left out keeps its place among the others.
TEST_F(TableCopy, PacksNoMemberThatItDoesNotKnow) {
  const Everything& from = BuildWithTypes(kMost, {Shape_parts_Wide, 99, 0, Shape_Nothing});
  SetType(from, Everything::VT_SHAPE_TYPE, 99);
  SetType(from, Everything::VT_SURE_SHAPE_TYPE, 99);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Pack<EverythingWriter>(from, builder), EverythingTopic::kFileIdentifier);
  ASSERT_TRUE(flatbuffers::Verifier(builder.GetBufferPointer(), builder.GetSize())
                  .VerifyBuffer<Everything>(EverythingTopic::kFileIdentifier));
  const auto& packed = *flatbuffers::GetRoot<Everything>(builder.GetBufferPointer());
  EXPECT_EQ(Types(packed), (std::vector<int>{Shape_parts_Wide, 0, 0, Shape_Nothing}));
  ASSERT_EQ(packed.shapes()->size(), 4u);
  EXPECT_EQ(packed.shapes()->GetAs<parts::Wide>(0)->a(), 4);
  for (const uint32_t i : {1u, 2u}) {
    const auto* empty = packed.shapes()->GetAs<flatbuffers::Table>(i);
    EXPECT_EQ(flatbuffers::ReadScalar<uint16_t>(empty->GetVTable()), 4) << "an empty table";
  }
  EXPECT_EQ(packed.shape_type(), bounded::Shape_NONE);
  EXPECT_EQ(packed.shape(), nullptr);
  EXPECT_EQ(packed.sure_shape_type(), bounded::Shape_NONE);
  EXPECT_NE(packed.sure_shape(), nullptr) << "required";
  EXPECT_TRUE(draft_->CopyFrom(packed));
  EXPECT_TRUE(draft_.IsValid());
}

TEST_F(TableCopy, PacksDefaultsAway) {
  Draft<bounded::OrderedTopic> draft;
  draft->set_a(0);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Pack<bounded::OrderedWriter>(draft.message(), builder));
  flatbuffers::FlatBufferBuilder empty;
  empty.Finish(bounded::CreateOrdered(empty));
  EXPECT_EQ(builder.GetSize(), empty.GetSize());
}

TEST_F(TableCopy, APackedMessageHoldsNothingOfTheHoles) {
  Draft<EverythingTopic> draft;  // Its holes are 0xa5.
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Pack<EverythingWriter>(draft.message(), builder));
  const std::string bytes(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                          builder.GetSize());
  EXPECT_EQ(bytes.find("\xa5\xa5"), std::string::npos);
}

}  // namespace
}  // namespace holler
