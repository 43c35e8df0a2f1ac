// Lines of styled text that are exactly as wide as the screen.
#ifndef EXAMPLES_SYSTEM_MONITOR_SCREEN_H_
#define EXAMPLES_SYSTEM_MONITOR_SCREEN_H_

#include <string>
#include <string_view>

namespace system_monitor {

// What is to be drawn on.
struct Screen {
  int columns = 80;
  int rows = 24;
  bool colors = true;
  bool utf8 = true;
};

enum class Style { kPlain, kBold, kFaint, kGood, kWarning, kBad, kHeading };

// One line, written from left to right; what goes beyond the screen is cut.
// Thread safety: thread-compatible.
class Line {
 public:
  // `is_faint`: whatever its styles, as something that is not up to date.
  explicit Line(const Screen& screen, bool is_faint = false)
      : screen_(&screen), is_faint_(is_faint) {}

  // `text`: UTF-8 in which each character takes one column, and no control characters.
  Line& Add(std::string_view text, Style style = Style::kPlain);
  // Right-aligned in the next `width` columns.
  Line& AddRight(std::string_view text, int width, Style style = Style::kPlain);
  // Left-aligned in the next `width` columns, cut if it is longer.
  Line& AddLeft(std::string_view text, int width, Style style = Style::kPlain);
  // A bar of `width` columns, filled up to `part` (0 to 1); from green to red if `is_load`.
  Line& AddBar(double part, int width, bool is_load = true);
  // Spaces up to this column, counted from 0.
  Line& To(int column);

  int column() const { return column_; }
  // With escape sequences for styles, filled up with spaces.
  std::string Finish();

 private:
  const Screen* screen_;
  bool is_faint_;
  int column_ = 0;
  std::string text_;
};

// Columns that `text` takes in a Line.
int Width(std::string_view text);

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_SCREEN_H_
