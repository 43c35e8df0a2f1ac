#include "screen.h"

#include <algorithm>
#include <cmath>

namespace system_monitor {
namespace {

const char* EscapeOf(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\x1b[1m";
    case Style::kFaint:
      return "\x1b[2m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kWarning:
      return "\x1b[33m";
    case Style::kBad:
      return "\x1b[1;31m";
    case Style::kHeading:
      return "\x1b[1;36m";
  }
  return "";
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The first `columns` columns of `text`.
std::string_view Cut(std::string_view text, int columns) {
  size_t end = 0;
  for (int column = 0; end < text.size(); ++end) {
    if (!IsContinuation(text[end]) && column++ == columns) break;
  }
  return text.substr(0, end);
}

std::string Repeat(std::string_view text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) repeated += text;
  return repeated;
}

}  // namespace

int Width(std::string_view text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

Line& Line::Add(std::string_view text, Style style) {
  text = Cut(text, std::max(screen_->columns - column_, 0));
  if (text.empty()) return *this;
  column_ += Width(text);
  if (is_faint_) style = Style::kFaint;
  if (style == Style::kPlain || !screen_->colors) {
    text_ += text;
  } else {
    text_ += EscapeOf(style);
    text_ += text;
    text_ += "\x1b[0m";
  }
  return *this;
}

Line& Line::AddRight(std::string_view text, int width, Style style) {
  return To(column_ + width - Width(text)).Add(text, style);
}

Line& Line::AddLeft(std::string_view text, int width, Style style) {
  const int end = column_ + width;
  return Add(Cut(text, std::max(width, 0)), style).To(end);
}

Line& Line::AddBar(double part, int width, bool is_load) {
  if (width <= 0) return *this;
  part = std::clamp(part, 0.0, 1.0);
  const int halves = static_cast<int>(std::lround(part * 2 * width));
  const int full = halves / 2;
  const int half = halves % 2;
  const Style style = !is_load      ? Style::kGood
                      : part >= 0.8 ? Style::kBad
                      : part >= 0.5 ? Style::kWarning
                                    : Style::kGood;
  const bool utf8 = screen_->utf8;
  Add(Repeat(utf8 ? "━" : "=", full) + (half == 0 ? "" : utf8 ? "╸" : "-"), style);
  return Add(Repeat(utf8 ? "─" : ".", width - full - half), Style::kFaint);
}

Line& Line::To(int column) {
  column = std::min(column, screen_->columns);
  if (column > column_) {
    text_.append(static_cast<size_t>(column - column_), ' ');
    column_ = column;
  }
  return *this;
}

std::string Line::Finish() {
  To(screen_->columns);
  return std::move(text_);
}

}  // namespace system_monitor
