// Sends a message of each topic through shared memory, once written by the generated writer and
// once copied from one that FlatBufferBuilder made, and compares what arrives with the latter.
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "flatbuffers/minireflect.h"
#include "messages.h"

namespace {

// Fails as a test does, not as a program: with all that is known.
void Require(bool is_true, const std::string& topic, const std::string& what) {
  if (is_true) return;
  std::cerr << topic << ": " << what << "\n";
  std::exit(1);
}

template <typename Message>
std::string Text(const void* bytes) {
  return flatbuffers::FlatBufferToString(static_cast<const uint8_t*>(bytes),
                                         Message::MiniReflectTypeTable());
}

template <typename Publisher, typename Subscriber>
void RoundTrips(holler::Node& node) {
  using Message = typename Publisher::Message;
  auto publisher = Publisher::Create(node);
  auto subscriber = Subscriber::Create(node);
  Require(publisher.ok() && subscriber.ok(), "endpoints", "could not be created");
  const std::string topic = publisher->topic();
  Require(publisher->WaitForSubscriber(absl::Seconds(30)), topic, "no subscriber");

  flatbuffers::FlatBufferBuilder builder;
  builder.ForceDefaults(true);  // As the writer has all scalars there, and reflection shows them.
  robot::Build(builder, static_cast<const Message*>(nullptr));
  const std::string expected = Text<Message>(builder.GetBufferPointer());

  for (const bool copied : {false, true}) {
    const std::string how = copied ? "copied: " : "written: ";
    auto loan = publisher->Loan();
    Require(static_cast<bool>(loan), topic, how + "no loan");
    if (copied) {
      const auto result =
          loan->CopyFrom(*flatbuffers::GetRoot<Message>(builder.GetBufferPointer()));
      Require(static_cast<bool>(result), topic, how + std::string(result.field()));
    } else {
      Require(robot::Write(*loan), topic, how + "does not fit");
    }
    publisher->Publish(std::move(loan));
    Require(subscriber->Wait(absl::Seconds(30)), topic, how + "nothing arrived");
    const auto sample = subscriber->Take();
    Require(static_cast<bool>(sample), topic, how + "no sample");
    const auto bytes = sample.bytes();
    flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    Require(verifier.VerifyBuffer<Message>(nullptr), topic, how + "it does not verify");
    const std::string found = Text<Message>(bytes.data());
    Require(found == expected, topic,
            how + "it differs\n" + found.substr(0, 2000) + "\nnot\n" + expected.substr(0, 2000));
  }
  std::cout << topic << ": the same, " << expected.size() << " characters as text\n";
}

}  // namespace

int main() {
  auto node = holler::Node::Create({.name = "foxglove"});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;
  RoundTrips<robot::CameraPublisher, robot::CameraSubscriber>(*node);
  RoundTrips<robot::PhotoPublisher, robot::PhotoSubscriber>(*node);
  RoundTrips<robot::CloudPublisher, robot::CloudSubscriber>(*node);
  RoundTrips<robot::LidarPublisher, robot::LidarSubscriber>(*node);
  RoundTrips<robot::TransformsPublisher, robot::TransformsSubscriber>(*node);
  RoundTrips<robot::FixPublisher, robot::FixSubscriber>(*node);
  RoundTrips<robot::MotionPublisher, robot::MotionSubscriber>(*node);
  RoundTrips<robot::PathPublisher, robot::PathSubscriber>(*node);
  RoundTrips<robot::JointsPublisher, robot::JointsSubscriber>(*node);
  RoundTrips<robot::ScenePublisher, robot::SceneSubscriber>(*node);
}
