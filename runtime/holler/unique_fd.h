// A file descriptor that closes itself.
#ifndef HOLLER_UNIQUE_FD_H_
#define HOLLER_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace holler {

// Owns at most one file descriptor. Thread safety: thread-compatible.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this == &other) return *this;
    reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~UniqueFd() { reset(); }

  void reset() noexcept {
    // Not repeated on EINTR: Linux has closed it all the same (close(2), "Dealing with errors").
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace holler

#endif  // HOLLER_UNIQUE_FD_H_
