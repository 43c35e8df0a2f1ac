#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace system_monitor {
namespace {

// Second screen; no cursor; lines that are too long are cut.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
// Terminals that know them show all between at once; others ignore them.
constexpr std::string_view kBeginFrame = "\x1b[?2026h";
constexpr std::string_view kEndFrame = "\x1b[?2026l";

void Write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

std::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// What decides about the character set, in the order of the C library.
bool IsUtf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view locale = Environment(name);
    if (locale.empty()) continue;
    return locale.find("UTF-8") != std::string_view::npos ||
           locale.find("utf8") != std::string_view::npos;
  }
  return false;
}

}  // namespace

bool Terminal::IsAvailable() {
  const std::string_view kind = Environment("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && !kind.empty() && kind != "dumb";
}

void Terminal::Enter() {
  if (std::exchange(is_entered_, true)) return;
  has_before_ = ::tcgetattr(STDOUT_FILENO, &before_) == 0;
  if (has_before_) {
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // Keys at once, and not shown.
    ::tcsetattr(STDOUT_FILENO, TCSADRAIN, &quiet);
  }
  Write(kEnter);
  shown_.clear();
}

void Terminal::Leave() {
  if (!std::exchange(is_entered_, false)) return;
  Write(kLeave);
  // With the keys that nobody has read.
  if (has_before_) ::tcsetattr(STDOUT_FILENO, TCSAFLUSH, &before_);
}

Screen Terminal::screen() const {
  Screen screen;
  winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    screen.columns = size.ws_col;
    screen.rows = size.ws_row;
  }
  static const bool utf8 = IsUtf8();
  static const bool colors = Environment("NO_COLOR").empty();
  screen.utf8 = utf8;
  screen.colors = colors;
  return screen;
}

void Terminal::Draw(const Screen& screen, std::vector<std::string> lines) {
  std::string frame(kBeginFrame);
  if (shown_.size() != lines.size() || columns_ != screen.columns) {
    frame += "\x1b[2J";  // The window has changed: nothing is where it was.
    shown_.assign(lines.size(), std::string());
    columns_ = screen.columns;
  }
  for (size_t row = 0; row < lines.size(); ++row) {
    if (lines[row] != shown_[row]) absl::StrAppend(&frame, "\x1b[", row + 1, ";1H", lines[row]);
  }
  frame += kEndFrame;
  Write(frame);
  shown_ = std::move(lines);
}

}  // namespace system_monitor
