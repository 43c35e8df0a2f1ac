// Processes at their limits: what fails says so, and what works goes on.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "attack.h"

namespace hostile {
namespace {

// Runs `run` in a child of this process, which must have no threads. True if it returned true.
bool InChild(const std::function<bool()>& run) {
  std::cout.flush();
  const pid_t child = ::fork();
  if (child == 0) {
    const bool fine = run();
    std::cout.flush();
    ::_exit(fine ? 0 : 1);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// From now on these system calls of this thread fail; mmap only of shared memory.
bool Forbid(const std::vector<long>& calls, int error) {
  std::vector<sock_filter> filter{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  const uint32_t fail = SECCOMP_RET_ERRNO | static_cast<uint32_t>(error);
  for (const long call : calls) {
    if (call == SYS_mmap) {
      filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 3));
      filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[3])));
      filter.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_SHARED, 0, 1));
      filter.push_back(BPF_STMT(BPF_RET | BPF_K, fail));
      filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
      continue;
    }
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, fail));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool Says(const absl::Status& status, const std::vector<std::string>& words) {
  bool fine = !status.ok();
  for (const std::string& word : words) {
    fine = fine && status.message().find(word) != absl::string_view::npos;
  }
  if (!fine) std::cout << "not what was expected: " << status << std::endl;
  return fine;
}

rlim_t NextFd() { return static_cast<rlim_t>(holler::UniqueFd(::dup(0)).get()); }
bool LimitFds(rlim_t most) {
  const rlimit limit{most, most + 1'000};
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

TEST(Exhaustion, NodeWithoutFdsSaysSo) {
  for (rlim_t room = 0; room < 6; ++room) {
    EXPECT_TRUE(InChild([&] {
      const rlim_t limit = NextFd() + room;
      if (!LimitFds(limit)) return false;
      return Says(holler::Node::Create().status(), {"RLIMIT_NOFILE", std::to_string(limit)});
    })) << room;
  }
  EXPECT_TRUE(InChild([] { return LimitFds(NextFd() + 6) && holler::Node::Create().ok(); }));
}

TEST(Exhaustion, EndpointsWithoutFdsSaySo) {
  EXPECT_TRUE(InChild([] {
    auto node = holler::Node::Create();
    if (!node.ok()) return false;
    const rlim_t limit = NextFd();
    if (!LimitFds(limit)) return false;
    const std::string value = std::to_string(limit);
    return Says(BeatPublisher::Create(*node).status(), {"RLIMIT_NOFILE", value, "hostile/beat"}) &&
           Says(BeatSubscriber::Create(*node).status(), {"RLIMIT_NOFILE", value});
  }));
}

struct Forbidden {
  long call;
  const char* name;
  int error;
};

TEST(Exhaustion, MemoryOfAPublisherThatFails) {
  const Forbidden cases[] = {{SYS_memfd_create, "memfd_create", EMFILE},
                             {SYS_memfd_create, "memfd_create", ENFILE},
                             {SYS_memfd_create, "memfd_create", ENOMEM},
                             {SYS_memfd_create, "memfd_create", EPERM},
                             {SYS_memfd_create, "memfd_create", ENOSYS},
                             {SYS_ftruncate, "ftruncate", ENOMEM},
                             {SYS_ftruncate, "ftruncate", ENOSPC},
                             {SYS_mmap, "mmap", ENOMEM},
                             {SYS_mmap, "mmap", EPERM}};
  for (const Forbidden& forbidden : cases) {
    EXPECT_TRUE(InChild([&] {
      auto node = holler::Node::Create();
      if (!node.ok() || !Forbid({forbidden.call}, forbidden.error)) return false;
      return Says(BeatPublisher::Create(*node).status(), {forbidden.name, "hostile/beat", ";"});
    })) << forbidden.name
        << ", " << forbidden.error;
  }
}

// Within one node: the subscriber's page fails, both sides are told, the publisher lives on.
TEST(Exhaustion, PageThatFails) {
  for (const long call : {long{SYS_memfd_create}, long{SYS_ftruncate}, long{SYS_mmap}}) {
    EXPECT_TRUE(InChild([&] {
      std::string lines;
      auto node = holler::Node::Create(
          {.log = [&](holler::LogSeverity, const std::string& line) { lines += line + "\n"; }});
      if (!node.ok()) return false;
      auto beats = BeatPublisher::Create(*node);
      if (!beats.ok() || !Forbid({call}, ENOMEM)) return false;
      auto ears = BeatSubscriber::Create(*node);
      if (!ears.ok() || node->stats().refused_endpoints != 1) return false;
      ears = absl::CancelledError();
      beats = absl::CancelledError();
      node = absl::CancelledError();  // By now all lines are written.
      return Says(absl::UnknownError(lines), {"hostile/beat", "out of memory"});
    })) << call;
  }
}

TEST(Exhaustion, ThreadThatCannotStart) {
  EXPECT_TRUE(InChild([] {
    if (!Forbid({SYS_clone, SYS_clone3}, EAGAIN)) return false;
    const rlim_t before = NextFd();
    return Says(holler::Node::Create().status(), {"thread", "RLIMIT_NPROC"}) && NextFd() == before;
  }));
}

class StarvedAttack : public Attack {
 protected:
  void LetItFlow() {
    const int64_t taken = Value("taken");
    EXPECT_TRUE(Await([&] { return Value("taken") > taken + 200; }));
  }
};

TEST_F(StarvedAttack, WithoutFdsItLivesOn) {
  Honest other;  // Met before, and harmed by nothing.
  ASSERT_EQ(honest_.Command("starve"), "starved");
  LetItFlow();
  {
    std::vector<HostilePeer> callers;
    for (int i = 0; i < 50; ++i) callers.emplace_back(listener());
    for (HostilePeer& caller : callers) EXPECT_TRUE(caller.IsClosed());
  }
  EXPECT_TRUE(Counted("listener.exhausted", 50));
  LetItFlow();
  EXPECT_EQ(honest_.Command("feed"), "fed");
  EXPECT_EQ(other.Command("newcomers"), "fine");
}

// Who came while there were no fds is found when there are.
TEST_F(StarvedAttack, MatchesWhoCameMeanwhile) {
  ASSERT_EQ(honest_.Command("starve"), "starved");
  Honest late;
  const Report start = late.Ask();
  EXPECT_GE(start.at("taken"), 0);
  EXPECT_TRUE(Counted("listener.exhausted"));
  EXPECT_EQ(honest_.Command("feed"), "fed");
  EXPECT_TRUE(Await([&] { return late.Ask()["foreign"] > 0; })) << "never heard of ours";
  EXPECT_TRUE(Await([&] { return Value("foreign") > 0; })) << "never heard by ours";
  most_lines_ = 60;
}

// Its node knows ours already: what is missed are the fds of name cards.
TEST_F(StarvedAttack, MatchesEndpointsThatCameMeanwhile) {
  Honest late;
  EXPECT_TRUE(Await([&] { return late.Ask()["foreign"] > 0 && Value("foreign") > 0; }));
  ASSERT_EQ(honest_.Command("starve"), "starved");
  // A subscriber of what our speaker publishes: its page and bell do not fit here.
  ASSERT_EQ(late.Command("add rare from others"), "added");
  EXPECT_TRUE(Counted("speaker.exhausted"));
  LetItFlow();
  EXPECT_EQ(honest_.Command("feed"), "fed");
  EXPECT_EQ(late.Command("await rare"), "matched");
  most_lines_ = 60;
}

}  // namespace
}  // namespace hostile
