// How often threads ran: the kernel's own count, which does not disturb them.
#ifndef HOLLER_TESTS_CROWD_SWITCHES_H_
#define HOLLER_TESTS_CROWD_SWITCHES_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace crowd {

// Context switches so far, voluntary and not, by thread ("pid/tid (name)"). A thread that sleeps
// all the time between two readings has the same number in both.
using Switches = std::map<std::string, uint64_t>;

Switches ReadSwitches(const std::vector<pid_t>& processes);

// One line for each thread whose number differs, or that is in one only.
std::vector<std::string> Compare(const Switches& before, const Switches& after);

}  // namespace crowd

#endif  // HOLLER_TESTS_CROWD_SWITCHES_H_
