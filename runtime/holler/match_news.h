// Tells through a file descriptor that peers came or left.
#ifndef HOLLER_MATCH_NEWS_H_
#define HOLLER_MATCH_NEWS_H_

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "holler/home_process.h"
#include "holler/unique_fd.h"

namespace holler {

// From a Gate to one listener, which may outlive it.
// Thread safety: thread-safe.
class MatchNews {
 public:
  // Its fd is readable at once, so that the listener learns the present count. Errors: the limit
  // on open files.
  static absl::StatusOr<std::shared_ptr<MatchNews>> Create(int count);

  explicit MatchNews(UniqueFd eventfd, int count) : eventfd_(std::move(eventfd)), count_(count) {}

  // Readable after Set, Close and Ring, until Hear. A forked child's are not heard.
  int fd() const noexcept { return eventfd_.get(); }
  // Makes fd() quiet. Returns the number of peers matched at present.
  int Hear() noexcept;
  // There will be no more news: the endpoint is gone.
  bool closed() const noexcept { return closed_.load(); }

  void Set(int count) noexcept;
  void Close() noexcept;
  void Ring() noexcept;

 private:
  const HomeProcess home_;
  const UniqueFd eventfd_;
  std::atomic<int> count_;
  std::atomic<bool> closed_{false};
};

}  // namespace holler

#endif  // HOLLER_MATCH_NEWS_H_
