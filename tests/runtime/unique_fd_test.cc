#include "holler/unique_fd.h"

#include <fcntl.h>

#include <type_traits>
#include <utility>

#include "gtest/gtest.h"

namespace holler {
namespace {

UniqueFd Open() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }
bool IsOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesItself) {
  int number = -1;
  {
    const UniqueFd fd = Open();
    number = fd.get();
    EXPECT_TRUE(fd);
    EXPECT_TRUE(IsOpen(number));
  }
  EXPECT_FALSE(IsOpen(number));
}

TEST(UniqueFd, IsEmptyUntilItOwnsOne) {
  const UniqueFd none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.get(), -1);
  EXPECT_FALSE(UniqueFd(-1));
  EXPECT_TRUE(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
}

TEST(UniqueFd, Moves) {
  UniqueFd a = Open();
  const int number = a.get();
  UniqueFd b = std::move(a);
  EXPECT_EQ(b.get(), number);
  UniqueFd c = Open();
  c = std::move(b);
  EXPECT_EQ(c.get(), number);
  EXPECT_TRUE(IsOpen(number));
}

TEST(UniqueFd, ClosesWhatItHadWhenAnotherIsMovedThere) {
  UniqueFd a = Open();
  UniqueFd b = Open();
  const int closed = a.get();
  const int kept = b.get();
  a = std::move(b);
  EXPECT_FALSE(b);
  EXPECT_FALSE(IsOpen(closed));
  UniqueFd& itself = a;
  a = std::move(itself);
  EXPECT_EQ(a.get(), kept);
  EXPECT_TRUE(IsOpen(kept));
}

TEST(UniqueFd, ResetsTwice) {
  UniqueFd fd = Open();
  const int number = fd.get();
  fd.reset();
  fd.reset();
  EXPECT_FALSE(fd);
  EXPECT_FALSE(IsOpen(number));
}

TEST(UniqueFd, StaticProperties) {
  static_assert(!std::is_copy_constructible_v<UniqueFd>);
  static_assert(std::is_nothrow_move_constructible_v<UniqueFd>);
  static_assert(std::is_nothrow_move_assignable_v<UniqueFd>);
}

}  // namespace
}  // namespace holler
