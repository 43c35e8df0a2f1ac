// What debug builds assert of bounds and indices. The macros come first: this test is one in any
// build.
#undef NDEBUG
#define HOLLER_ASSERT_BOUNDS 1

#include <cstddef>
#include <memory>

#include "bounded_topics.h"
#include "gtest/gtest.h"
#include "holler/static_fields.h"
#include "holler/static_vectors.h"

namespace holler {
namespace {

using bounded::EverythingTopic;

class StaticBoundsDeathTest : public testing::Test {
 protected:
  StaticBoundsDeathTest() : bytes_(std::make_unique<Bytes>()) {
    writer_.Start(bytes_->all, EverythingTopic::kFileIdentifier);
  }

 private:
  struct Bytes {
    alignas(64) std::byte all[EverythingTopic::kLayout.payload_capacity];
  };
  std::unique_ptr<Bytes> bytes_;

 protected:
  EverythingTopic::Writer writer_;
};

constexpr char kNoElement[] = "no such element";

TEST_F(StaticBoundsDeathTest, NothingCanBePopped) {
  EXPECT_DEATH(writer_.mutable_text().pop_back(), kNoElement);
  EXPECT_DEATH(writer_.mutable_reals().pop_back(), kNoElement);
  EXPECT_DEATH(writer_.mutable_names().pop_back(), kNoElement);
  EXPECT_DEATH(writer_.mutable_people().pop_back(), kNoElement);
  EXPECT_DEATH(writer_.mutable_shapes().pop_back(), kNoElement);
}

TEST_F(StaticBoundsDeathTest, AnIndexIsOneOfAnElement) {
  writer_.mutable_text().assign("a");
  writer_.mutable_reals().resize(1);
  writer_.mutable_names().resize(1);
  writer_.mutable_people().resize(1);
  writer_.mutable_shapes().emplace_back_as_Circle();
  EXPECT_EQ(writer_.mutable_text()[0], 'a');
  EXPECT_EQ(writer_.mutable_reals()[0], 0);
  EXPECT_TRUE(writer_.mutable_names()[0].empty());
  EXPECT_EQ(writer_.mutable_people()[0].message().age(), 0);
  EXPECT_EQ(writer_.mutable_shapes().mutable_as_Circle(0).message().radius(), 1);
  EXPECT_DEATH(writer_.mutable_text()[1] = 'b', kNoElement);
  EXPECT_DEATH(writer_.mutable_reals()[1] = 2, kNoElement);
  EXPECT_DEATH(writer_.mutable_names()[1].clear(), kNoElement);
  EXPECT_DEATH(writer_.mutable_people()[1].set_age(2), kNoElement);
  EXPECT_DEATH(writer_.mutable_shapes().type(1), kNoElement);
  EXPECT_DEATH(writer_.mutable_shapes().mutable_as_Circle(1), kNoElement);
}

TEST_F(StaticBoundsDeathTest, AnEmptyOneHasNoEnds) {
  EXPECT_DEATH(writer_.mutable_reals().front() = 1, kNoElement);
  EXPECT_DEATH(writer_.mutable_reals().back() = 1, kNoElement);
  EXPECT_DEATH(writer_.mutable_people().back().set_age(1), kNoElement);
}

}  // namespace
}  // namespace holler
