#include "honest.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>
#include <string>

#include "gtest/gtest.h"

extern char** environ;

namespace hostile {
namespace {

constexpr int kChildControl = 3;

bool SendLine(int fd, const std::string& line) {
  return ::send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
}

std::string ReceiveLine(int fd) {
  std::string line(64 * 1024, '\0');
  const ssize_t size = ::recv(fd, line.data(), line.size(), 0);
  line.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return line;
}

}  // namespace

Honest::Honest() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  control_ = holler::UniqueFd(ends[0]);
  const holler::UniqueFd theirs(ends[1]);
  // Onto itself, dup2 would leave it close-on-exec.
  const holler::UniqueFd moved(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, kChildControl + 1));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, moved.get(), kChildControl);
  char name[] = "honest";
  char* arguments[] = {name, nullptr};
  if (::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments, environ) != 0) {
    std::abort();
  }
  ::posix_spawn_file_actions_destroy(&actions);
  std::istringstream answer(Command("start"));
  std::string speaker;
  std::string listener;
  answer >> speaker >> listener;
  EXPECT_TRUE(holler::ParseNodeId(speaker, &speaker_) && holler::ParseNodeId(listener, &listener_))
      << answer.str();
}

Honest::~Honest() {
  EXPECT_EQ(Command("end"), "ended");
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0) {
  }
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the honest process: " << status;
}

std::string Honest::Command(const std::string& command) {
  return SendLine(control_.get(), command) ? ReceiveLine(control_.get()) : "";
}

Report Honest::Ask() {
  Report report;
  std::istringstream answer(Command("report"));
  std::string key;
  int64_t value;
  while (answer >> key >> value) report[key] = value;
  EXPECT_FALSE(report.empty()) << "the honest process is dead";
  return report;
}

}  // namespace hostile

// The tests, or, under the name that Honest gives it, the honest process.
int main(int argc, char** argv) {
  if (std::string(argv[0]) == "honest") return hostile::RunHonest(hostile::kChildControl);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
