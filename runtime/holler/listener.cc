#include "holler/listener.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "holler/connection.h"
#include "holler/neighbourhood.h"
#include "holler/pass_rights.h"
#include "holler/system_error.h"

namespace holler {
namespace {

constexpr int kCallersAtOnce = 64;  // Then other events get their turn.
constexpr size_t kMostRefused = 16;

}  // namespace

absl::Status Listener::Open() {
  spare_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!spare_) return SystemError(errno, "opening a node");
  const NodeIdentity& self = host_.self();
  absl::StatusOr<UniqueFd> socket = Listen({self.domain, self.uid, self.id});
  if (!socket.ok()) return socket.status();
  socket_ = std::move(*socket);
  RefuseFds(socket_.get());  // Of callers, until they turn out to be allowed.
  return poll_.Add(socket_.get(), EPOLLIN);
}

void Listener::OnCallers() {
  // Callers that come without end, of whatever user, must not keep the thread from all else.
  for (int i = 0; i < kCallersAtOnce; ++i) {
    UniqueFd socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return;
      // Out of fds: the caller would stay in the backlog and this thread would spin. Turn it away
      // with the spare fd, and look for it later.
      host_.LogOnce(LogSeverity::kError,
                    std::string(SystemError(errno, "accepting another node").message()));
      ++host_.stats().exhausted;
      host_.RetryLater();
      spare_.reset();
      UniqueFd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      OpenSpare();
      return;
    }
    absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Adopt(std::move(socket));
    if (!connection.ok()) continue;
    const uid_t uid = (*connection)->peer().uid;
    if (!host_.self().allowed.contains(uid)) {
      ++host_.stats().refused_users;
      // Users come in thousands where they are made up; their lines must not be all there is.
      if (refused_.size() == kMostRefused || !refused_.insert(uid).second) continue;
      host_.LogOnce(
          LogSeverity::kWarning,
          absl::StrCat("refused a node of user ", uid, " (pid ", (*connection)->peer().pid,
                       "): to allow it, name the user in NodeOptions::allowed_users"));
      continue;
    }
    if (!sessions_.has_room_for_callers()) {
      // Perhaps it is one that means well: look for it when the silent ones are gone.
      ++host_.stats().handshake_timeouts;
      host_.RetryLater();
      continue;
    }
    sessions_.Add(std::move(*connection), std::nullopt);
  }
}

// Another thread may have taken the fd meanwhile. Then callers wait in the backlog, unwatched, or
// this thread would spin.
void Listener::OpenSpare() {
  spare_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  poll_.Change(socket_.get(), spare_ ? uint32_t{EPOLLIN} : 0);
  if (!spare_) host_.RetryLater();
}

}  // namespace holler
