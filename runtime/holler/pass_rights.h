// Whether a socket takes in the files that others send with their messages.
#ifndef HOLLER_PASS_RIGHTS_H_
#define HOLLER_PASS_RIGHTS_H_

#include <sys/socket.h>

namespace holler {

// A file that was received must be closed, and closing can last as long as its sender likes: a TCP
// socket lingers, a file of a user's own file system may never answer. Since Linux 6.16 a socket
// can refuse them, and the sender gets EPERM; before, nothing happens here.
inline void SetPassRights(int socket, int on) noexcept {
  constexpr int kSoPassRights = 83;  // Not in older headers.
  [[maybe_unused]] const int done =
      ::setsockopt(socket, SOL_SOCKET, kSoPassRights, &on, sizeof(on));
}
// Of a socket, a listening one and what it accepts.
inline void RefuseFds(int socket) noexcept { SetPassRights(socket, 0); }
inline void AllowFds(int socket) noexcept { SetPassRights(socket, 1); }

}  // namespace holler

#endif  // HOLLER_PASS_RIGHTS_H_
