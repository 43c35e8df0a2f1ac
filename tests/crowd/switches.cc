#include "switches.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace crowd {

Switches ReadSwitches(const std::vector<pid_t>& processes) {
  Switches switches;
  for (const pid_t pid : processes) {
    std::error_code error;
    for (const auto& thread :
         std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/task"), error)) {
      std::ifstream status(thread.path() / "status");
      std::string name;
      uint64_t sum = 0;
      std::string word;
      while (status >> word) {
        uint64_t count = 0;
        if (word == "Name:") {
          status >> name;
        } else if ((word == "voluntary_ctxt_switches:" || word == "nonvoluntary_ctxt_switches:") &&
                   status >> count) {
          sum += count;
        }
      }
      switches[absl::StrCat(pid, "/", thread.path().filename().string(), " (", name, ")")] = sum;
    }
  }
  return switches;
}

std::vector<std::string> Compare(const Switches& before, const Switches& after) {
  std::vector<std::string> lines;
  for (const auto& [thread, count] : before) {
    const auto it = after.find(thread);
    if (it == after.end()) {
      lines.push_back(absl::StrCat(thread, " ended"));
    } else if (it->second != count) {
      lines.push_back(absl::StrCat(thread, " ran ", it->second - count, " times"));
    }
  }
  for (const auto& [thread, count] : after) {
    if (!before.contains(thread)) lines.push_back(absl::StrCat(thread, " is new"));
  }
  return lines;
}

}  // namespace crowd
