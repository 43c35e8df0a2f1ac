#include "holler/log.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace holler {
namespace {

TEST(OnceLog, PassesEachLineOnOnce) {
  std::vector<std::string> lines;
  OnceLog log([&](LogSeverity, const std::string& line) { lines.push_back(line); });
  log.Log(LogSeverity::kWarning, "a");
  log.Log(LogSeverity::kWarning, "b");
  log.Log(LogSeverity::kError, "a");
  log.Log(LogSeverity::kWarning, "b");
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "b"}));
}

TEST(OnceLog, KeepsTheSeverity) {
  LogSeverity severity = LogSeverity::kInfo;
  OnceLog log([&](LogSeverity s, const std::string&) { severity = s; });
  log.Log(LogSeverity::kError, "x");
  EXPECT_EQ(severity, LogSeverity::kError);
}

TEST(OnceLog, FallsSilentAfterAThousandLines) {
  std::vector<std::string> lines;
  OnceLog log([&](LogSeverity, const std::string& line) { lines.push_back(line); });
  for (int i = 0; i < 5'000; ++i) log.Log(LogSeverity::kWarning, std::to_string(i));
  ASSERT_EQ(lines.size(), 1'001u);
  EXPECT_EQ(lines[999], "999");
  EXPECT_NE(lines[1'000].find("no more will be logged"), std::string::npos);
}

TEST(OnceLog, BeginsAnewWhenAnHourIsOver) {
  int64_t now = 0;
  std::vector<std::string> lines;
  OnceLog log([&](LogSeverity, const std::string& line) { lines.push_back(line); },
              Clock([&] { return now; }));
  log.Log(LogSeverity::kError, "out of files");
  for (int i = 0; i < 5'000; ++i) log.Log(LogSeverity::kWarning, std::to_string(i));
  ASSERT_EQ(lines.size(), 1'001u);
  now += 3'600'000 * kMillisecond - 1;
  log.Log(LogSeverity::kError, "out of memory");
  EXPECT_EQ(lines.size(), 1'001u);
  ++now;
  log.Log(LogSeverity::kError, "out of memory");
  log.Log(LogSeverity::kError, "out of files");
  ASSERT_EQ(lines.size(), 1'003u);
  EXPECT_EQ(lines.back(), "out of files");
}

TEST(OnceLog, WhatWasLoggedIsNotForgottenWhileThereIsRoom) {
  int64_t now = 0;
  int lines = 0;
  OnceLog log([&](LogSeverity, const std::string&) { ++lines; }, Clock([&] { return now; }));
  for (int day = 0; day < 10; ++day) {
    now += 24 * 3'600'000 * kMillisecond;
    log.Log(LogSeverity::kError, "out of files");
  }
  EXPECT_EQ(lines, 1);
}

// What StderrLog writes, with HOLLER_LOG set to `level`.
std::string Stderr(const char* level) {
  if (level == nullptr) {
    ::unsetenv("HOLLER_LOG");
  } else {
    ::setenv("HOLLER_LOG", level, 1);
  }
  testing::internal::CaptureStderr();
  const LogSink sink = StderrLog("node");
  ::unsetenv("HOLLER_LOG");
  sink(LogSeverity::kInfo, "i");
  sink(LogSeverity::kWarning, "w");
  sink(LogSeverity::kError, "e");
  return testing::internal::GetCapturedStderr();
}

TEST(StderrLog, ShowsInfosOnRequest) {
  const std::string rest = "holler[node]: warning: w\nholler[node]: error: e\n";
  EXPECT_EQ(Stderr(nullptr), rest);
  EXPECT_EQ(Stderr("warning"), rest);
  EXPECT_EQ(Stderr("info"), "holler[node]: i\n" + rest);
  EXPECT_EQ(Stderr("INFO"), "holler[node]: i\n" + rest);
}

TEST(StderrLog, SaysWhatItDoesNotUnderstand) {
  const std::string text = Stderr("debug");
  EXPECT_NE(text.find("warning: HOLLER_LOG is neither \"info\" nor"), std::string::npos) << text;
  EXPECT_EQ(text.find(": i\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace holler
