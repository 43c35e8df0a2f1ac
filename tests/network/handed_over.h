// What peers hand to this process, kept to see what it can be abused for.
#ifndef HOLLER_TESTS_NETWORK_HANDED_OVER_H_
#define HOLLER_TESTS_NETWORK_HANDED_OVER_H_

#include <string>
#include <vector>

namespace network {

// Tries to change each piece of memory any peer has handed over so far, in all ways there are.
// Returns lines: "memory INDEX", then "attempt WHAT=RESULT", where RESULT is `done` or an errno.
// The attempts called `read` and `reopen` are allowed; no other may be done.
//
// It knows the fds because this program has a recvmsg of its own, which keeps a copy of each.
std::vector<std::string> TryToChangeMemory();

}  // namespace network

#endif  // HOLLER_TESTS_NETWORK_HANDED_OVER_H_
