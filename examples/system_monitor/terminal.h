// The terminal the watcher draws on.
#ifndef EXAMPLES_SYSTEM_MONITOR_TERMINAL_H_
#define EXAMPLES_SYSTEM_MONITOR_TERMINAL_H_

#include <termios.h>

#include <string>
#include <vector>

#include "screen.h"

namespace system_monitor {

// Standard output, if it is a terminal: a second screen on it without cursor and echo, until it
// is left. Then everything is as it was.
// Thread safety: thread-compatible.
class Terminal {
 public:
  // Whether there is one that can be drawn on.
  static bool IsAvailable();

  Terminal() { Enter(); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { Leave(); }

  // For a while, e.g. when the program is stopped.
  void Leave();
  void Enter();

  // As it is now. No colors if NO_COLOR is set; UTF-8 if the locale says so.
  Screen screen() const;
  // Shows these lines, one for each row. Writes only those that changed, all at once.
  void Draw(const Screen& screen, std::vector<std::string> lines);

 private:
  termios before_ = {};
  bool has_before_ = false;
  bool is_entered_ = false;
  int columns_ = 0;  // Of what is shown.
  std::vector<std::string> shown_;
};

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_TERMINAL_H_
