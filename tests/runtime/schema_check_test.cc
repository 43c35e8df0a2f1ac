#include "holler/schema_check.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holler/layout.h"
#include "schema_support.h"

namespace holler {
namespace {

using testing::HasSubstr;

absl::Status Check(const std::string& publisher, const std::string& subscriber) {
  const std::string written = ToBfbs(publisher);
  const std::string read = ToBfbs(subscriber);
  return CheckReadable({written, "t.M"}, {read, "t.M"});
}

// A publisher's schema, a subscriber's, and what the refusal says; empty: they match.
struct Evolution {
  std::string name;
  std::string publisher;
  std::string subscriber;
  std::string why;
  bool crashes_conform_to = false;  // FlatBuffers 2.0.8 follows a null pointer.
};
void PrintTo(const Evolution& evolution, std::ostream* out) { *out << evolution.name; }

class Evolutions : public testing::TestWithParam<Evolution> {};

TEST_P(Evolutions, AreJudged) {
  const absl::Status status = Check(GetParam().publisher, GetParam().subscriber);
  if (GetParam().why.empty()) {
    EXPECT_TRUE(status.ok()) << status;
  } else {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().why));
  }
}

// What FlatBuffers itself refuses must be refused, whichever side is the newer one.
TEST_P(Evolutions, AreNoMoreThanConformToAllows) {
  if (GetParam().crashes_conform_to) return;
  auto written = ParseSchema(GetParam().publisher);
  auto read = ParseSchema(GetParam().subscriber);
  const std::string conform = written->ConformTo(*read) + read->ConformTo(*written);
  if (!conform.empty()) {
    EXPECT_FALSE(GetParam().why.empty()) << conform;
  }
}

constexpr char kNesting[] = R"( table M { n:[ubyte] (nested_flatbuffer: "I"); })";

constexpr char kNestingInSegments[] = R"( attribute "nested_flatbuffer_full_name";
    table M { n:[ubyte] (nested_flatbuffer_full_name: "t.I"); })";

std::vector<Evolution> SafeOnes() {
  return {
      {"same", "table M { a:int; }", "table M { a:int; }", ""},
      {"added_at_publisher", "table M { a:int; b:int; }", "table M { a:int; }", ""},
      {"added_at_subscriber", "table M { a:int; }", "table M { a:int; b:string; }", ""},
      {"added_on_both", "table M { a:int; }", "table M { a:int; b:[T]; } table T { x:int; }", ""},
      {"deprecated_at_subscriber", "table M { a:int; b:int; }",
       "table M { a:int (deprecated); b:int; }", ""},
      {"deprecated_at_publisher", "table M { a:int (deprecated); b:int; }",
       "table M { a:int; b:int; }", ""},
      {"renamed", "table M { a:int; }", "table M { z:int; }", ""},
      {"reordered_with_ids", "table M { a:int (id: 1); b:string (id: 0); }",
       "table M { b:string (id: 0); a:int (id: 1); }", ""},
      {"required_at_publisher_only", "table M { a:string (required); }", "table M { a:string; }",
       ""},
      {"required_on_both", "table M { a:string (required); }", "table M { a:string (required); }",
       ""},
      {"enum_value_added_at_publisher", "enum E:byte { A, B, C } table M { e:E; }",
       "enum E:byte { A, B } table M { e:E; }", ""},
      {"enum_value_added_at_subscriber", "enum E:byte { A, B } table M { e:E; }",
       "enum E:byte { A, B, C } table M { e:E; }", ""},
      {"union_member_added",
       "table A { x:int; } table B { y:int; } union U { A, B } "
       "table M { u:U; }",
       "table A { x:int; } union U { A } table M { u:U; }", ""},
      {"recursive", "table M { m:M; l:[M]; a:int; }", "table M { m:M; l:[M]; a:int; b:int; }", ""},
      {"mutually_recursive", "table M { o:O; } table O { m:M; }",
       "table M { o:O; x:int; } table O { m:M; y:int; }", ""},
      {"optional_on_both", "table M { a:int = null; }", "table M { a:int = null; }", ""},
      {"nan_default", "table M { a:float = nan; }", "table M { a:float = nan; }", ""},
      {"same_struct", "struct M { a:int; b:[ushort:3]; }", "struct M { a:int; b:[ushort:3]; }", ""},
      {"nested_message", absl::StrCat("table I { a:int; }", kNesting),
       absl::StrCat("table I { a:int; b:int; }", kNesting), ""},
      {"nested_message_at_publisher_only", absl::StrCat("table I { a:int; }", kNesting),
       "table M { n:[ubyte]; }", ""},
      {"nested_message_by_another_name",
       "namespace t.u; table I { a:int; } namespace t; "
       "table M { n:[ubyte] (nested_flatbuffer: \"u.I\"); }",
       "namespace t.u; table I { a:int; } namespace t; "
       "table M { n:[ubyte] (nested_flatbuffer: \"t.u.I\"); }",
       ""},
      {"nested_message_by_its_full_name", absl::StrCat("table I { a:int; }", kNestingInSegments),
       absl::StrCat("namespace t.t; table I { a:uint; } namespace t; table I { a:int; }",
                    kNestingInSegments),
       ""},
      {"nested_message_in_itself", "table M { a:int; n:[ubyte] (nested_flatbuffer: \"M\"); }",
       "table M { a:int; n:[ubyte] (nested_flatbuffer: \"M\"); }", ""},
      {"root_type_differs", "table M { a:int; } table R { m:M; } root_type R;",
       "table M { a:int; } root_type M;", ""},
  };
}
INSTANTIATE_TEST_SUITE_P(Safe, Evolutions, testing::ValuesIn(SafeOnes()),
                         [](const auto& info) { return info.param.name; });

std::vector<Evolution> UnsafeTables() {
  return {
      {"inserted_before", "table M { a:int; }", "table M { n:int; a:int; }", "t.M.a: field id 0"},
      {"removed_before", "table M { a:int; b:float; }", "table M { b:float; }",
       "t.M.b: field id 1"},
      {"swapped", "table M { a:int; b:int; }", "table M { b:int; a:int; }", "t.M."},
      {"type", "table M { a:int; }", "table M { a:uint; }", "t.M.a: int at the publisher, uint"},
      {"width", "table M { a:long; }", "table M { a:int; }", "t.M.a: long"},
      {"scalar_to_string", "table M { a:long; }", "table M { a:string; }", "t.M.a"},
      {"scalar_to_vector", "table M { a:long; }", "table M { a:[long]; }", "[long]"},
      {"element", "table M { a:[long]; }", "table M { a:[ulong]; }", "[long] at the publisher"},
      {"renamed_to_another_type", "table M { a:int; }", "table M { z:float; }", "t.M.z"},
      {"default", "table M { a:int = 1; }", "table M { a:int = 2; }", "t.M.a: default 1"},
      {"bool_default", "table M { a:bool = true; }", "table M { a:bool; }", "t.M.a: default 1"},
      {"real_default", "table M { a:double = 1.5; }", "table M { a:double; }", "default 1.5"},
      {"nan_at_one_end", "table M { a:double = nan; }", "table M { a:double; }", "t.M.a: default"},
      {"enum_default", "enum E:byte { A, B } table M { e:E = B; }",
       "enum E:byte { A, B } table M { e:E = A; }", "t.M.e: default 1"},
      {"optional_at_publisher", "table M { a:int = null; }", "table M { a:int; }",
       "t.M.a: optional at the publisher, with a default"},
      {"optional_at_subscriber", "table M { a:int; }", "table M { a:int = null; }",
       "with a default at the publisher, optional"},
      {"required_at_subscriber", "table M { a:string; }", "table M { a:string (required); }",
       "t.M.a: may be absent at the publisher, required"},
      {"required_and_new", "table M { a:int; }", "table M { a:int; b:string (required); }",
       "t.M.b: absent at the publisher, required"},
      {"required_and_unwritten", "table M { a:string (deprecated, required); }",
       "table M { a:string (required); }", "t.M.a"},
      {"another_table", "table S { x:int; } table M { s:S; }",
       "table T { x:int; } table M { s:T; }", "t.M.s: t.S at the publisher, t.T"},
      {"nested", "table S { x:int; } table M { s:S; }", "table S { x:long; } table M { s:S; }",
       "t.S.x: int"},
      {"nested_in_vector", "table S { x:int; } table M { s:[S]; }",
       "table S { x:long; } table M { s:[S]; }", "t.S.x: int"},
      {"deeply_nested", "table A { x:int; } table B { a:A; } table C { b:[B]; } table M { c:C; }",
       "table A { x:float; } table B { a:A; } table C { b:[B]; } table M { c:C; }", "t.A.x"},
      {"nested_message", absl::StrCat("table I { a:int; b:float; }", kNesting),
       absl::StrCat("table I { a:float; b:int; }", kNesting), "t.I.a: int at the publisher, float"},
      {"nested_message_by_its_full_name", absl::StrCat("table I { a:int; }", kNestingInSegments),
       absl::StrCat("table I { a:uint; }", kNestingInSegments), "t.I.a: int"},
      {"nested_message_at_subscriber_only", "table M { n:[ubyte]; }",
       absl::StrCat("table I { a:int; }", kNesting),
       "t.M.n: [ubyte] at the publisher, [ubyte] that nests t.I at the subscriber"},
      {"another_nested_message",
       "table J { a:int; } table M { n:[ubyte] (nested_flatbuffer: \"J\"); }",
       absl::StrCat("table I { a:int; }", kNesting), "t.M.n: [ubyte] that nests t.J at"},
      {"nested_message_of_an_outer_namespace",
       "table I { a:int; } namespace t.u; table N { n:[ubyte] (nested_flatbuffer: \"I\"); } "
       "namespace t; table M { n:u.N; }",
       "table I { a:uint; } namespace t.u; table N { n:[ubyte] (nested_flatbuffer: \"I\"); } "
       "namespace t; table M { n:u.N; }",
       "t.I.a: int"},
      {"table_to_struct", "table S { x:int; } table M { s:S; }",
       "struct S { x:int; } table M { s:S; }", "t.S: a table at the publisher, a struct"},
      {"message_table_to_struct", "table M { x:int; }", "struct M { x:int; }",
       "t.M: a table at the publisher, a struct"},
  };
}
INSTANTIATE_TEST_SUITE_P(Tables, Evolutions, testing::ValuesIn(UnsafeTables()),
                         [](const auto& info) { return info.param.name; });

std::vector<Evolution> UnsafeOthers() {
  return {
      {"struct_grew", "struct M { a:int; }", "struct M { a:int; b:int; }", "t.M.b: absent"},
      {"struct_shrank", "struct M { a:int; b:int; }", "struct M { a:int; }", "t.M.b: present"},
      {"struct_type", "struct M { a:int; }", "struct M { a:float; }", "t.M.a: int"},
      {"struct_swapped", "struct M { a:int; b:int; }", "struct M { b:int; a:int; }", "t.M.a"},
      {"struct_renamed", "struct M { a:int; }", "struct M { z:int; }", "'a' at the publisher, 'z'"},
      {"struct_alignment", "struct M (force_align: 4) { a:int; b:int; }",
       "struct M (force_align: 16) { a:int; b:int; }", "t.M: 8 bytes aligned to 4"},
      {"struct_array", "struct M { a:[int:3]; }", "struct M { a:[int:4]; }", "[int:3]"},
      {"struct_array_to_scalar", "struct M { a:[int:1]; }", "struct M { a:int; }", "[int:1]"},
      {"struct_padding", "struct M { a:byte; b:int; }", "struct M { a:short; b:int; }", "t.M.a"},
      {"struct_nested", "struct P { x:int; } struct M { p:P; }",
       "struct P { x:float; } struct M { p:P; }", "t.P.x"},
      {"struct_of_another_name", "struct P { x:int; } struct M { p:P; }",
       "struct Q { x:int; } struct M { p:Q; }", "t.M.p: t.P"},
      {"struct_in_table", "struct P { x:int; } table M { p:P; }",
       "struct P { x:int; y:int; } table M { p:P; }", "t.P.y"},
      {"struct_in_vector", "struct P { x:int; } table M { p:[P]; }",
       "struct P { x:int; y:int; } table M { p:[P]; }", "t.P.y"},
      {"enum_value", "enum E:byte { A = 1, B = 2 } table M { e:E = A; }",
       "enum E:byte { A = 1, B = 3 } table M { e:E = A; }", "t.E.B: 2 at the publisher, 3"},
      {"enum_swapped", "enum E:byte { A, B } table M { e:E; }",
       "enum E:byte { B, A } table M { e:E; }", "t.E."},
      {"enum_width", "enum E:byte { A } table M { e:E; }", "enum E:int { A } table M { e:E; }",
       "t.M.e"},
      {"enum_to_integer", "enum E:byte { A } table M { e:E; }", "table M { e:byte; }", "t.M.e: t.E",
       true},
      {"integer_to_enum", "table M { e:byte; }", "enum E:byte { A } table M { e:E; }",
       "t.M.e: byte at the publisher, t.E", true},
      {"another_enum", "enum E:byte { A } table M { e:E; }", "enum F:byte { A } table M { e:F; }",
       "t.M.e: t.E at the publisher, t.F"},
      {"enum_in_vector", "enum E:byte { A = 1 } table M { e:[E]; }",
       "enum E:byte { A = 2 } table M { e:[E]; }", "t.E.A"},
      {"enum_in_struct", "enum E:byte { Z, A = 1 } struct M { e:E; }",
       "enum E:byte { Z, A = 2 } struct M { e:E; }", "t.E.A"},
      {"union_swapped", "table A { x:int; } table B { y:float; } union U { A, B } table M { u:U; }",
       "table A { x:int; } table B { y:float; } union U { B, A } table M { u:U; }", "t.U."},
      {"union_member_changed", "table A { x:int; } union U { A } table M { u:U; }",
       "table A { x:float; } union U { A } table M { u:U; }", "t.A.x"},
      {"union_member_replaced", "table A { x:int; } union U { v:A } table M { u:U; }",
       "table B { x:int; } union U { v:B } table M { u:U; }", "t."},
      {"union_to_table", "table A { x:int; } union U { A } table M { u:U; }",
       "table A { x:int; } table M { v:ubyte; u:A; }", "t.M."},
      {"another_union", "table A { x:int; } union U { A } table M { u:U; }",
       "table A { x:int; } union V { A } table M { u:V; }", "t.M.u"},
      {"union_vector", "table A { x:int; } union U { A } table M { u:[U]; }",
       "table A { x:float; } union U { A } table M { u:[U]; }", "t.A.x"},
  };
}
INSTANTIATE_TEST_SUITE_P(Others, Evolutions, testing::ValuesIn(UnsafeOthers()),
                         [](const auto& info) { return info.param.name; });

// ---- What is no schema, or not of this type ----

TEST(CheckReadable, NamesTheTypeThatIsMissing) {
  const std::string schema = ToBfbs("table M { a:int; }");
  const absl::Status publisher = CheckReadable({schema, "t.N"}, {schema, "t.M"});
  EXPECT_THAT(std::string(publisher.message()),
              HasSubstr("the publisher's schema has no type t.N"));
  const absl::Status subscriber = CheckReadable({schema, "t.M"}, {schema, "M"});
  EXPECT_THAT(std::string(subscriber.message()),
              HasSubstr("the subscriber's schema has no type M"));
}

TEST(CheckReadable, RefusesMessagesOfAnotherName) {
  const std::string schema = ToBfbs("table M { a:int; } table N { a:int; }");
  EXPECT_FALSE(CheckReadable({schema, "t.M"}, {schema, "t.N"}).ok());
}

// Each kind of type has changes that would have been safe, or has none.
TEST(CheckReadable, TellsWhatWouldHaveBeenSafe) {
  const auto remedy = [](const std::string& publisher, const std::string& subscriber) {
    const std::string said(Check(publisher, subscriber).message());
    const std::string end = " at the subscriber; ";
    EXPECT_EQ(said.find(end), said.rfind(end)) << said;
    return said.substr(said.find(end) + end.size());
  };
  const std::string of_struct = "a struct cannot change once it is deployed, a table can";
  const std::string of_table =
      "safe changes of a table: add fields at its end, mark fields (deprecated) instead of "
      "removing them";
  EXPECT_EQ(remedy("struct M { a:int; }", "struct M { a:float; }"), of_struct);
  EXPECT_EQ(remedy("struct M { a:int; }", "struct M { a:int; b:int; }"), of_struct);
  EXPECT_EQ(remedy("struct M { a:int; }", "struct M { z:int; }"), of_struct);
  EXPECT_EQ(remedy("table M { a:int; }", "table M { a:float; }"), of_table);
  EXPECT_EQ(remedy("table M { a:int; b:int; }", "table M { b:int; }"), of_table);
  EXPECT_EQ(remedy("table M { a:string; }", "table M { a:string (required); }"), of_table);
  EXPECT_EQ(remedy("struct S { a:int; } table M { s:S; }", "struct S { a:uint; } table M { s:S; }"),
            of_struct)
      << "what differs is in the struct";
  EXPECT_EQ(
      remedy("enum E:byte { A, B } table M { e:E; }", "enum E:byte { B, A } table M { e:E; }"),
      "safe changes of an enum or union: add values at its end");
  EXPECT_EQ(remedy("table M { a:int; }", "struct M { a:int; }"),
            "build both sides from one schema, or name the topics differently");
}

// In the words of flatc, which are not those of C++.
TEST(CheckReadable, NamesScalarsAsFlatcDoes) {
  const std::vector<std::string> words = {"bool", "byte", "ubyte", "short", "ushort", "int",
                                          "uint", "long", "ulong", "float", "double"};
  for (const std::string& word : words) {
    const absl::Status status = Check(absl::StrCat("struct M { a:", word, "; }"),
                                      absl::StrCat("struct M { a:[", word, ":2]; }"));
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("t.M.a: ", word, " at the publisher, [", word, ":2] at")));
  }
}

TEST(CheckReadable, RefusesWhatIsNoSchema) {
  const std::string good = ToBfbs("table M { a:int; }");
  for (const std::string& bad :
       {std::string(), std::string("x"), std::string(8, '\0'), std::string(1'000, '\xFF'),
        good.substr(0, good.size() / 2), std::string(kMaxSchemaBytes + 1, '\0')}) {
    EXPECT_THAT(std::string(CheckReadable({bad, "t.M"}, {good, "t.M"}).message()),
                HasSubstr("the publisher's schema is malformed"));
    EXPECT_THAT(std::string(CheckReadable({good, "t.M"}, {bad, "t.M"}).message()),
                HasSubstr("the subscriber's schema is malformed"));
  }
}

std::string Chain(int length, const std::string& last) {
  std::string text;
  for (int i = 0; i < length; ++i) {
    text += absl::StrCat("table T", i, " { next:T", i + 1, "; }\n");
  }
  return absl::StrCat(text, "table T", length, " { x:", last, "; }\ntable M { first:T0; }");
}

TEST(CheckReadable, FollowsLongChains) {
  EXPECT_TRUE(Check(Chain(100, "int"), Chain(100, "int")).ok());
  EXPECT_THAT(std::string(Check(Chain(100, "int"), Chain(100, "uint")).message()),
              HasSubstr("t.T100.x"));
}

// ConformTo would mind, but no message holds a t.S.
TEST(CheckReadable, IgnoresTypesThatNoMessageReaches) {
  EXPECT_TRUE(
      Check("table M { a:int; } struct S { x:int; }", "table M { a:int; } struct S { x:float; }")
          .ok());
}

// A schema may nest as deep as a peer likes; the stack must not.
TEST(CheckReadable, RefusesToFollowEndlessChains) {
  EXPECT_THAT(std::string(Check(Chain(5'000, "int"), Chain(5'000, "int")).message()),
              HasSubstr("nest more than"));
}

}  // namespace
}  // namespace holler
