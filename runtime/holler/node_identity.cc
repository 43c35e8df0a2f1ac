#include "holler/node_identity.h"

#include <pwd.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "flatbuffers/util.h"
#include "holler/clock.h"
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

// How many bytes of `text`, which is not empty, make up its first character; 0 if it is none that
// can be shown: not UTF-8, or a control character.
size_t PrintableBytes(std::string_view text) {
  // Of 4 bytes and an end, so that nothing beyond `text` is read.
  char character[5] = {};
  text.copy(character, sizeof(character) - 1);
  const char* end = character;
  const int code = flatbuffers::FromUTF8(&end);
  // U+0080 to U+009F are control characters as well: terminals obey them.
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return 0;
  return static_cast<size_t>(end - character);
}

}  // namespace

absl::Status CheckNodeName(std::string_view name) {
  if (name.size() > kNodeNameMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("NodeOptions::name has ", name.size(), " bytes: use at most ", kNodeNameMax));
  }
  for (size_t i = 0; i < name.size();) {
    const size_t bytes = PrintableBytes(name.substr(i));
    // Not quoted: it would break the line this error is shown in.
    if (bytes == 0) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "byte 0x%02x at position %d of NodeOptions::name: use UTF-8 without control characters",
          static_cast<unsigned char>(name[i]), i));
    }
    i += bytes;
  }
  return absl::OkStatus();
}

std::string ToNodeName(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    const size_t bytes = PrintableBytes(text);
    if (name.size() + std::max<size_t>(bytes, 1) > kNodeNameMax) break;
    name += bytes == 0 ? "?" : std::string(text.substr(0, bytes));
    text.remove_prefix(std::max<size_t>(bytes, 1));
  }
  return name;
}

absl::StatusOr<NodeIdentity> MakeIdentity(const NodeOptions& options) {
  NodeIdentity self;
  if (absl::Status status = CheckNodeName(options.name); !status.ok()) return status;
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
  // What a user chose is taken as it is; a program's file may have any name.
  self.program = ToNodeName(::program_invocation_short_name);
  self.name = options.name.empty() ? self.program : options.name;
  self.created_at = MonotonicNow();
  self.allowed = std::move(*allowed);
  return self;
}

}  // namespace holler
