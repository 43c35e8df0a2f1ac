// Sends itself a struct and a table. Exit status 0: both arrived as they were sent.
#include <iostream>
#include <string_view>
#include <utility>
#include <vector>

#include "weather_topics.h"

namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

// Prints what was expected if it is not so.
bool Expect(bool condition, std::string_view what) {
  if (!condition) std::cerr << "FAILED: " << what << "\n";
  return condition;
}

bool SendWind(holler::Node& node) {
  auto publisher = weather::WindPublisher::Create(node);
  auto subscriber = weather::WindSubscriber::Create(node);
  if (!Expect(publisher.ok() && subscriber.ok(), "endpoints of weather/wind")) return false;
  if (!Expect(publisher->WaitForSubscriber(kPatience), "a match on weather/wind")) return false;

  auto loan = publisher->Loan();
  if (!Expect(static_cast<bool>(loan), "a loan")) return false;
  loan->set_speed(7.5f);
  loan->set_direction(270);
  publisher->Publish(std::move(loan));

  if (!Expect(subscriber->Wait(kPatience), "a sample of weather/wind")) return false;
  auto wind = subscriber->Take();
  return Expect(wind && wind->speed() == 7.5f && wind->direction() == 270 && wind.sequence() == 1,
                "the wind that was sent");
}

bool SendReport(holler::Node& node) {
  auto publisher = weather::ReportPublisher::Create(node);
  auto subscriber = weather::ReportSubscriber::Create(node);
  if (!Expect(publisher.ok() && subscriber.ok(), "endpoints of weather/report")) return false;
  if (!Expect(publisher->WaitForSubscriber(kPatience), "a match on weather/report")) return false;

  auto loan = publisher->Loan();
  if (!Expect(static_cast<bool>(loan), "a loan")) return false;
  const std::vector<float> temperatures = {-1.5f, 0, 3.25f};
  flatbuffers::FlatBufferBuilder& builder = loan->builder();
  loan->Finish(weather::CreateReport(builder, builder.CreateString("Ushuaia"),
                                     builder.CreateVector(temperatures)));
  publisher->Publish(std::move(loan));

  if (!Expect(subscriber->Wait(kPatience), "a sample of weather/report")) return false;
  auto report = subscriber->Take();
  return Expect(report && report->place()->string_view() == "Ushuaia" &&
                    report->temperatures()->size() == 3 && report->temperatures()->Get(2) == 3.25f,
                "the report that was sent");
}

}  // namespace

int main() {
  auto node = holler::Node::Create({.name = "outside"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  if (!SendWind(*node) || !SendReport(*node)) return 1;
  std::cout << "A struct and a table were sent and received.\n";
}
