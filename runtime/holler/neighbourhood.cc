#include "holler/neighbourhood.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "holler/system_error.h"

namespace holler {
namespace {

// 239.255.0.0/16 is the "local scope" of administratively scoped multicast (RFC 2365, section
// 6.1): private use. One port for each domain.
constexpr char kGroup[] = "239.255.72.79";
constexpr uint16_t kFirstPort = 27'200;

socklen_t FillAddress(const NodeAddress& address, sockaddr_un* to) {
  const std::string name = ToAbstractName(address);
  *to = sockaddr_un{};
  to->sun_family = AF_UNIX;
  // sun_path[0] stays 0: an abstract address (unix(7)), which vanishes with its socket.
  std::memcpy(to->sun_path + 1, name.data(), name.size());
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

absl::StatusOr<UniqueFd> NewSocket() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return SystemError(errno, "socket(AF_UNIX, SOCK_SEQPACKET)");
  return socket;
}

template <typename Value>
bool ParseNumber(std::string_view text, Value* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string ToAbstractName(const NodeAddress& address) {
  return absl::StrCat("holler/", address.domain, "/", address.uid, "/", ToString(address.id));
}

std::optional<NodeAddress> ParseAbstractName(std::string_view name) {
  NodeAddress address;
  std::string_view parts[4];
  for (int i = 0; i < 3; ++i) {
    const size_t slash = name.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    parts[i] = name.substr(0, slash);
    name.remove_prefix(slash + 1);
  }
  parts[3] = name;
  if (parts[0] != "holler" || !ParseNumber(parts[1], &address.domain) ||
      !ParseNumber(parts[2], &address.uid) || !ParseNodeId(parts[3], &address.id)) {
    return std::nullopt;
  }
  return address;
}

absl::StatusOr<UniqueFd> Listen(const NodeAddress& address) {
  absl::StatusOr<UniqueFd> socket = NewSocket();
  if (!socket.ok()) return socket.status();
  sockaddr_un name;
  const socklen_t size = FillAddress(address, &name);
  if (::bind(socket->get(), reinterpret_cast<sockaddr*>(&name), size) != 0) {
    return SystemError(errno, absl::StrCat("bind to abstract address ", ToAbstractName(address)));
  }
  if (::listen(socket->get(), SOMAXCONN) != 0) return SystemError(errno, "listen for other nodes");
  return socket;
}

absl::StatusOr<UniqueFd> Connect(const NodeAddress& address) {
  absl::StatusOr<UniqueFd> socket = NewSocket();
  if (!socket.ok()) return socket.status();
  sockaddr_un name;
  const socklen_t size = FillAddress(address, &name);
  while (::connect(socket->get(), reinterpret_cast<sockaddr*>(&name), size) != 0) {
    if (errno == EINTR) continue;
    const std::string what = absl::StrCat("connect to ", ToAbstractName(address));
    if (errno == ECONNREFUSED) return absl::NotFoundError(absl::StrCat(what, ": nobody listens"));
    // connect(2): for Unix sockets EAGAIN means that the backlog is full.
    if (errno == EAGAIN) return absl::UnavailableError(absl::StrCat(what, ": backlog full"));
    return SystemError(errno, what);
  }
  return socket;
}

absl::StatusOr<MulticastGroup> MulticastGroup::Join(uint32_t domain,
                                                    const std::string& interface_address) {
  in_addr interface {};
  if (::inet_pton(AF_INET, interface_address.c_str(), &interface) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("interface_address '", interface_address,
                                                   "' is not an IPv4 address, as in 127.0.0.1"));
  }
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return SystemError(errno, "socket(AF_INET, SOCK_DGRAM)");
  const auto option = [&](int level, int name, const auto& value, const char* what) {
    if (::setsockopt(socket.get(), level, name, &value, sizeof(value)) == 0) {
      return absl::OkStatus();
    }
    // Not every sandbox has all of them; a node works without.
    return absl::UnavailableError(
        absl::StrCat(what, " on ", interface_address, ": ", std::strerror(errno)));
  };
  sockaddr_in group{};
  group.sin_family = AF_INET;
  group.sin_port = htons(static_cast<uint16_t>(kFirstPort + domain));
  ::inet_pton(AF_INET, kGroup, &group.sin_addr);

  // Every node of the machine binds the same group and port, and each gets every datagram.
  absl::Status status = option(SOL_SOCKET, SO_REUSEADDR, int{1}, "SO_REUSEADDR");
  // Bound to the group, not to any address: unicast datagrams do not arrive.
  if (status.ok() &&
      ::bind(socket.get(), reinterpret_cast<sockaddr*>(&group), sizeof(group)) != 0) {
    status = SystemError(errno, absl::StrCat("bind to ", kGroup, ":", kFirstPort + domain));
  }
  ip_mreqn membership{};
  membership.imr_multiaddr = group.sin_addr;
  membership.imr_address = interface;
  if (status.ok()) status = option(IPPROTO_IP, IP_MULTICAST_ALL, int{0}, "IP_MULTICAST_ALL");
  if (status.ok()) status = option(IPPROTO_IP, IP_MULTICAST_IF, membership, "IP_MULTICAST_IF");
  // Hop limit 0: no datagram leaves the machine, whatever the interface (ip(7)).
  if (status.ok()) status = option(IPPROTO_IP, IP_MULTICAST_TTL, int{0}, "IP_MULTICAST_TTL");
  if (status.ok()) status = option(IPPROTO_IP, IP_MULTICAST_LOOP, int{1}, "IP_MULTICAST_LOOP");
  if (status.ok()) status = option(IPPROTO_IP, IP_ADD_MEMBERSHIP, membership, "IP_ADD_MEMBERSHIP");
  if (!status.ok()) return status;
  return MulticastGroup(std::move(socket), group.sin_addr.s_addr, group.sin_port);
}

absl::Status MulticastGroup::Send(const std::string& bytes) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = group_;
  to.sin_port = port_;
  ssize_t sent;
  do {
    sent = ::sendto(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                    reinterpret_cast<sockaddr*>(&to), sizeof(to));
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    return absl::UnavailableError(absl::StrCat(
        "sending a holler to ", kGroup, ": ", std::strerror(errno),
        "; no network or a firewall; nodes find each other all the same, a little later"));
  }
  return absl::OkStatus();
}

std::optional<std::string_view> MulticastGroup::Receive(char* buffer) {
  ssize_t size;
  do {
    size = ::recv(socket_.get(), buffer, kMaxMessageBytes, MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return std::nullopt;
  return std::string_view(buffer, static_cast<size_t>(size));
}

absl::StatusOr<std::vector<NodeAddress>> SweepNodes() {
  UniqueFd file(::open("/proc/net/unix", O_RDONLY | O_CLOEXEC));
  if (!file) return SystemError(errno, "open /proc/net/unix");
  std::string text;
  char chunk[16 * 1024];
  while (true) {
    const ssize_t size = ::read(file.get(), chunk, sizeof(chunk));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SystemError(errno, "read /proc/net/unix");
    if (size == 0) break;
    text.append(chunk, static_cast<size_t>(size));
  }
  // proc(5): Num RefCount Protocol Flags Type St Inode Path, where Flags has __SO_ACCEPTCON for
  // a listening socket and an abstract Path starts with '@'.
  constexpr std::string_view kListening = " 00010000 ";
  constexpr std::string_view kPath = " @";
  std::vector<NodeAddress> nodes;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t newline = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, newline);
    rest.remove_prefix(std::min(newline + 1, rest.size()));
    const size_t path = line.find(kPath);
    if (path == std::string_view::npos || line.find(kListening) > path) continue;
    if (const auto address = ParseAbstractName(line.substr(path + kPath.size()))) {
      nodes.push_back(*address);
    }
  }
  return nodes;
}

}  // namespace holler
