// One of several programs that disagree about a topic: each is compiled with a schema of its own.
//
//   evolved publisher|subscriber
//
// Says "* refused WHY" for each refusal, and a subscriber "* sample ID NAME EXTRA" (EXTRA: "none"
// where the schema has no such field). Lives until the end of stdin.
#include <unistd.h>

#include <iostream>
#include <string>
#include <thread>

#include "report_topics.h"
#include "voice.h"

namespace evolution {
namespace {

using e2e::SayEvent;

void SayRefused(const holler::PeerInfo&, const absl::Status& why) {
  SayEvent("refused", why.message());
}

void AwaitEndOfInput() {
  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
}

// Not every schema has `extra`.
template <typename AnyReport>
std::string ExtraOf(const AnyReport& report) {
  if constexpr (requires { report.extra(); }) {
    return absl::StrCat(report.extra());
  } else {
    return "none";
  }
}

template <typename Builder>
void AddExtra(Builder& builder) {
  if constexpr (requires { builder.add_extra(9); }) builder.add_extra(9);
}

int Publish(holler::Node& node) {
  auto reports = ReportPublisher::Create(node, {.on_refused = SayRefused});
  if (!reports.ok()) return 1;
  std::thread publishing([&] {
    if (!reports->WaitForSubscriber(absl::Minutes(1))) return;
    auto loan = reports->Loan();
    if (!loan) return;
    const auto name = loan->builder().CreateString("imu");
    ReportBuilder report(loan->builder());
    report.add_id(7);
    report.add_name(name);
    AddExtra(report);
    loan->Finish(report.Finish());
    reports->Publish(std::move(loan));
  });
  AwaitEndOfInput();
  ::_exit(0);  // The thread may still wait.
}

int Subscribe(holler::Node& node) {
  auto reports = ReportSubscriber::Create(node, {.on_refused = SayRefused});
  if (!reports.ok()) return 1;
  std::thread taking([&] {
    while (reports->Wait(absl::InfiniteDuration())) {
      while (const auto report = reports->Take()) {
        SayEvent("sample", report->id(), report->name()->str(), ExtraOf(*report));
      }
    }
  });
  AwaitEndOfInput();
  ::_exit(0);  // The thread still waits.
}

int Main(int argc, char** argv) {
  const std::string role = argc > 1 ? argv[1] : "";
  auto node = holler::Node::Create({.name = absl::StrCat("evolved_", role)});
  if (!node.ok()) return 1;
  return role == "publisher" ? Publish(*node) : Subscribe(*node);
}

}  // namespace
}  // namespace evolution

int main(int argc, char** argv) { return evolution::Main(argc, argv); }
