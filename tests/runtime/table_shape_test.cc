#include "holler/table_shape.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "gtest/gtest.h"

namespace holler {
namespace {

template <size_t kBytes>
void ExpectCopied() {
  std::array<uint8_t, kBytes> image;
  std::iota(image.begin(), image.end(), uint8_t{1});
  std::array<uint8_t, kBytes + 1> to{};
  CopyImage<kBytes>(to.data(), image.data());
  for (size_t i = 0; i < kBytes; ++i) ASSERT_EQ(to[i], image[i]) << kBytes << " bytes, at " << i;
  EXPECT_EQ(to[kBytes], 0) << kBytes << " bytes";
}

TEST(CopyImage, CopiesAllBytesAndNoMoreOfAnySize) {
  ExpectCopied<1>();
  ExpectCopied<63>();
  ExpectCopied<64>();
  ExpectCopied<65>();
  ExpectCopied<128>();
  ExpectCopied<141>();
  ExpectCopied<511>();
  ExpectCopied<512>();
  ExpectCopied<513>();
  ExpectCopied<5000>();
}

}  // namespace
}  // namespace holler
