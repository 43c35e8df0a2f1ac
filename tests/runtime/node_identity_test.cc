#include "holler/node_identity.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holler {
namespace {

using testing::HasSubstr;

TEST(NodeName, WhatCanBeShownIsAllowed) {
  for (const std::string& name :
       {std::string(), std::string("imu driver"), std::string("Gerät №5 / 東京 🤖"),
        std::string(255, 'n'), std::string("\u00A0"), std::string("~'\"\\")}) {
    EXPECT_TRUE(CheckNodeName(name).ok()) << name << ": " << CheckNodeName(name);
    EXPECT_EQ(ToNodeName(name), name);
  }
}

TEST(NodeName, OthersAreRefused) {
  for (const std::string& name :
       {std::string("a\nb"), std::string("a\tb"), std::string("\x1B[2J"), std::string("a\x7F"),
        std::string("a\0b", 3), std::string("\u0085"), std::string("\u009B2J"),  // C1 controls.
        std::string("\xE9"), std::string("\x80"), std::string("\xFF"),
        std::string("\xC0\xAF"),                            // Longer than need be.
        std::string("\xED\xA0\x80"),                        // Half of a surrogate pair.
        std::string("\xF4\x90\x80\x80").append("\xC3")}) {  // Too large; cut off.
    const absl::Status status = CheckNodeName(name);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("UTF-8 without control characters"));
    EXPECT_TRUE(CheckNodeName(ToNodeName(name)).ok()) << ToNodeName(name);
  }
}

TEST(NodeName, TheErrorSaysWhere) {
  EXPECT_THAT(std::string(CheckNodeName("ab\ncd").message()), HasSubstr("byte 0x0a at position 2"));
  EXPECT_THAT(std::string(CheckNodeName(std::string(256, 'n')).message()),
              HasSubstr("256 bytes: use at most 255"));
}

// A program may have any name.
TEST(NodeName, WhatIsNoNameBecomesOne) {
  EXPECT_EQ(ToNodeName("a\nb\xFF"
                       "c"),
            "a?b?c");
  EXPECT_EQ(ToNodeName(std::string(1'000, 'n')), std::string(255, 'n'));
  // Not within a character.
  EXPECT_EQ(ToNodeName(std::string(254, 'n') + "ä"), std::string(254, 'n'));
}

}  // namespace
}  // namespace holler
