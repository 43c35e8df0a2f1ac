#include "holler/liveness.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>

#include "holler/unique_fd.h"

namespace holler {
namespace {

// From a stat file, named as for openat.
ProcessState ReadState(int folder, const char* path) noexcept {
  const UniqueFd file(::openat(folder, path, O_RDONLY | O_CLOEXEC));
  if (!file) return ProcessState::kUnknown;  // Perhaps dead, perhaps hidden: the match tells.
  std::array<char, 256> text;                // The state is its third field.
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return errno == ESRCH ? ProcessState::kDead : ProcessState::kUnknown;
  return ParseProcessState({text.data(), static_cast<size_t>(size)});
}

// Of a process whose main thread has ended: the process runs as long as any thread does.
ProcessState StateOfThreads(pid_t pid) noexcept {
  std::array<char, 32> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/task", pid);
  DIR* threads = ::opendir(path.data());
  if (threads == nullptr) return ProcessState::kDead;  // It has been reaped meanwhile.
  ProcessState state = ProcessState::kDead;
  while (const dirent* thread = ::readdir(threads)) {
    if (thread->d_name[0] == '.') continue;
    std::array<char, sizeof(thread->d_name) + 8> stat;
    std::snprintf(stat.data(), stat.size(), "%s/stat", thread->d_name);
    const ProcessState of_thread = ReadState(::dirfd(threads), stat.data());
    if (of_thread == ProcessState::kStopped) state = of_thread;
    if (of_thread != ProcessState::kRunning) continue;
    state = of_thread;
    break;
  }
  ::closedir(threads);
  return state;
}

}  // namespace

ProcessState ParseProcessState(std::string_view stat) noexcept {
  // "pid (name) state ...", and the name may have anything in it, parentheses and spaces too.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= stat.size()) {
    return ProcessState::kUnknown;
  }
  switch (stat[name_end + 2]) {
    case 'T':
    case 't':
      return ProcessState::kStopped;
    case 'Z':
    case 'X':
    case 'x':
      return ProcessState::kDead;
    default:
      return ProcessState::kRunning;
  }
}

ProcessState GetProcessState(pid_t pid) noexcept {
  if (pid <= 0) return ProcessState::kUnknown;
  std::array<char, 32> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
  const ProcessState state = ReadState(AT_FDCWD, path.data());
  return state == ProcessState::kDead ? StateOfThreads(pid) : state;
}

Silence WhySilent(std::span<const PeerInfo> publishers) noexcept {
  if (publishers.empty()) return Silence::kUnmatched;
  const bool any_runs = std::any_of(publishers.begin(), publishers.end(), [](const PeerInfo& peer) {
    const ProcessState state = GetProcessState(peer.pid);
    return state == ProcessState::kRunning || state == ProcessState::kUnknown;
  });
  return any_runs ? Silence::kSilent : Silence::kStopped;
}

}  // namespace holler
