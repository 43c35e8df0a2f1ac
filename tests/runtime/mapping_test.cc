#include "holler/mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holler/unique_fd.h"
#include "process_support.h"
#include "sanitizers.h"
#include "syscall_filter.h"

namespace holler {
namespace {

using testing::HasSubstr;

constexpr size_t kSize = size_t{5} << 20;
constexpr size_t kHugePage = size_t{2} << 20;

UniqueFd MakeFile(size_t size) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  return fd;
}

Mapping Map(const UniqueFd& fd, Mapping::Access access = Mapping::kReadWrite, size_t size = kSize) {
  auto mapping = Mapping::Create(fd.get(), size, access, "a test");
  EXPECT_TRUE(mapping.ok()) << mapping.status();
  return std::move(*mapping);
}

// The kernel's figure of that name for the mapping, in bytes: proc(5), smaps.
uint64_t Smaps(const Mapping& mapping, const std::string& name) {
  std::ostringstream start;
  start << std::hex << reinterpret_cast<uintptr_t>(mapping.data()) << "-";
  std::ifstream smaps("/proc/self/smaps");
  std::string line;
  bool here = false;
  while (std::getline(smaps, line)) {
    if (line.find('-') < line.find(':')) here = line.starts_with(start.str());
    if (here && line.starts_with(name + ":")) {
      return std::stoull(line.substr(name.size() + 1)) * 1'024;
    }
  }
  return UINT64_MAX;
}

TEST(Mapping, MapsWhatOthersWrite) {
  const UniqueFd fd = MakeFile(kSize);
  const Mapping written = Map(fd);
  const Mapping read = Map(fd, Mapping::kRead);
  EXPECT_EQ(written.size(), kSize);
  std::memset(written.data() + kSize - 8, 7, 8);
  EXPECT_EQ(read.data()[kSize - 1], std::byte{7});
  EXPECT_EQ(read.data()[kSize - 9], std::byte{0});
}

TEST(Mapping, LargeOnesBeginWhereAHugePageCan) {
  for (const size_t size : {kHugePage, kHugePage + 4'096, kSize, size_t{33} << 20}) {
    const UniqueFd fd = MakeFile(size);
    const uint64_t before = AddressSpace();
    {
      const Mapping mapping = Map(fd, Mapping::kRead, size);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(mapping.data()) % kHugePage, 0u);
      EXPECT_LE(AddressSpace(), before + size) << "addresses it does not need";
    }
    EXPECT_EQ(AddressSpace(), before);
  }
}

TEST(Mapping, NoAddressesIsAnError) {
  const UniqueFd fd = MakeFile(kSize);
  const ScopedLimit limit(RLIMIT_AS, AddressSpace());
  const auto mapping = Mapping::Create(fd.get(), kSize, Mapping::kRead, "topic 'imu'");
  ASSERT_FALSE(mapping.ok());
  EXPECT_THAT(std::string(mapping.status().message()), HasSubstr("RLIMIT_AS"));
  EXPECT_THAT(std::string(mapping.status().message()), HasSubstr("topic 'imu'"));
}

TEST(Mapping, TakesMemoryOnlyWhereItIsTouched) {
  const UniqueFd fd = MakeFile(kSize);
  const Mapping mapping = Map(fd);
  ASSERT_TRUE(mapping.Prepare({}, "a test").ok());
  EXPECT_EQ(Smaps(mapping, "Rss"), 0u);
}

TEST(Mapping, PrefaultGetsAllOfIt) {
  const UniqueFd fd = MakeFile(kSize);
  const Mapping written = Map(fd);
  written.data()[4'096] = std::byte{9};
  for (const bool twice : {false, true}) {
    ASSERT_TRUE(written.Prepare({.prefault = true}, "a test").ok()) << twice;
    EXPECT_EQ(Smaps(written, "Rss"), kSize);
    EXPECT_EQ(written.data()[4'096], std::byte{9});
  }
  const Mapping read = Map(fd, Mapping::kRead);
  EXPECT_EQ(Smaps(read, "Rss"), 0u);
  ASSERT_TRUE(read.Prepare({.prefault = true}, "a test").ok());
  EXPECT_EQ(Smaps(read, "Rss"), kSize);
}

TEST(Mapping, LocksItForGood) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have mlock do nothing";
  const UniqueFd fd = MakeFile(kSize);
  const Mapping mapping = Map(fd);
  const absl::Status status = mapping.Prepare({.lock = true}, "a test");
  if (!status.ok()) GTEST_SKIP() << status;
  EXPECT_EQ(Smaps(mapping, "Locked"), kSize);
}

TEST(Mapping, ALimitOnLockedMemoryIsNamed) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have mlock do nothing";
  const int result = InChild([] {
    const UniqueFd fd = MakeFile(kSize);
    const Mapping mapping = Map(fd);
    const rlimit limit{.rlim_cur = 65'536, .rlim_max = 65'536};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return 1;
    if (::geteuid() == 0 && ::setuid(65'534) != 0) return 2;  // Root may lock what it likes.
    const absl::Status status = mapping.Prepare({.lock = true}, "topic 'imu'");
    const std::string text(status.message());
    const bool named = text.find("topic 'imu'") != std::string::npos &&
                       text.find("65536 bytes in all (RLIMIT_MEMLOCK)") != std::string::npos;
    return absl::IsResourceExhausted(status) && named ? 0 : 3;
  });
  EXPECT_EQ(result, 0);
}

TEST(Mapping, HugePagesAreUsedWhereThereAreAny) {
  const UniqueFd fd = MakeFile(kSize);
  const Mapping mapping = Map(fd);
  ASSERT_TRUE(mapping.Prepare({.huge_pages = true}, "a test").ok());
  EXPECT_EQ(Smaps(mapping, "Rss"), kSize) << "with ordinary pages as far as there are no others";
  mapping.data()[kSize - 1] = std::byte{1};
  if (Smaps(mapping, "ShmemPmdMapped") == 0) GTEST_SKIP() << "this kernel has no huge pages now";
  EXPECT_EQ(Smaps(mapping, "ShmemPmdMapped"), kSize / kHugePage * kHugePage);
  const Mapping read = Map(fd, Mapping::kRead);
  ASSERT_TRUE(read.Prepare({.huge_pages = true}, "a test").ok());
  EXPECT_EQ(Smaps(read, "ShmemPmdMapped"), kSize / kHugePage * kHugePage);
  EXPECT_EQ(read.data()[kSize - 1], std::byte{1});
}

TEST(Mapping, SmallOnesNeedNoHugePage) {
  const UniqueFd fd = MakeFile(8'192);
  const Mapping mapping = Map(fd, Mapping::kReadWrite, 8'192);
  ASSERT_TRUE(mapping.Prepare({.huge_pages = true}, "a test").ok());
  EXPECT_EQ(Smaps(mapping, "Rss"), 8'192u);
}

}  // namespace
}  // namespace holler
