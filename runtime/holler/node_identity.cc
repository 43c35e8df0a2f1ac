#include "holler/node_identity.h"

#include <pwd.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "holler/neighbourhood.h"
#include "holler/system_error.h"

namespace holler {
namespace {

absl::StatusOr<uint32_t> DomainOf(const NodeOptions& options) {
  uint32_t domain = options.domain.value_or(0);
  const char* variable = std::getenv("HOLLER_DOMAIN");
  if (!options.domain.has_value() && variable != nullptr && *variable != '\0' &&
      !absl::SimpleAtoi(variable, &domain)) {
    return absl::InvalidArgumentError(absl::StrCat("HOLLER_DOMAIN is '", variable,
                                                   "': set it to a number from 0 to ", kMaxDomain));
  }
  if (domain > kMaxDomain) {
    return absl::InvalidArgumentError(
        absl::StrCat("domain ", domain, ": use a number from 0 to ", kMaxDomain));
  }
  return domain;
}

absl::StatusOr<std::set<uid_t>> UidsOf(const std::vector<std::string>& users) {
  std::set<uid_t> uids{::geteuid()};
  for (const std::string& user : users) {
    uid_t uid;
    if (absl::SimpleAtoi(user, &uid)) {
      uids.insert(uid);
      continue;
    }
    passwd entry;
    passwd* found = nullptr;
    std::string buffer(16 * 1024, '\0');
    ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "allowed_users names '", user, "', whom this system does not know: see `getent passwd`"));
    }
    uids.insert(found->pw_uid);
  }
  return uids;
}

std::string NameOf(const NodeOptions& options) {
  std::string name = options.name.empty() ? ::program_invocation_short_name : options.name;
  name.resize(std::min(name.size(), kNodeNameMax));
  return name;
}

}  // namespace

absl::StatusOr<NodeIdentity> MakeIdentity(const NodeOptions& options) {
  NodeIdentity self;
  absl::StatusOr<uint32_t> domain = DomainOf(options);
  if (!domain.ok()) return domain.status();
  absl::StatusOr<std::set<uid_t>> allowed = UidsOf(options.allowed_users);
  if (!allowed.ok()) return allowed.status();
  uint64_t random[2];
  if (::getrandom(random, sizeof(random), 0) != sizeof(random)) {
    return SystemError(errno, "getrandom for a node id");
  }
  self.id = wire::NodeId(random[0], random[1]);
  self.domain = *domain;
  self.uid = ::geteuid();
  self.name = NameOf(options);
  self.allowed = std::move(*allowed);
  return self;
}

}  // namespace holler
