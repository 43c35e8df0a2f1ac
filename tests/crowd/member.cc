#include "member.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crowd_topics.h"

namespace crowd {
namespace {

std::string TopicName(uint32_t member, uint32_t topic) {
  return absl::StrCat("crowd/", member, "/", topic);
}

class Member {
 public:
  Member(uint32_t index, uint32_t members) : index_(index), members_(members) {}

  int Run() {
    if (!Create()) return 1;
    // For ever: the driver knows when it has taken too long.
    for (const WordPublisher& publisher : publishers_) {
      publisher.WaitForSubscriber(absl::InfiniteDuration());
    }
    for (const WordSubscriber& subscriber : subscribers_) {
      subscriber.WaitForPublisher(absl::InfiniteDuration());
    }
    if (!Tell()) return 1;
    char command;
    while (::read(STDIN_FILENO, &command, 1) == 1) {
      switch (static_cast<Command>(command)) {
        case Command::kSend:
          if (!Send() || !Receive() || !Tell()) return 1;
          break;
        case Command::kCheck:
          if (!Check() || !Tell()) return 1;
          break;
        case Command::kEnd:
          return 0;
      }
    }
    return Fail("the driver is gone");
  }

 private:
  int Fail(const std::string& what) const {
    std::cerr << absl::StrCat("member ", index_, ": ", what, "\n");
    return 1;
  }

  // The member whose topic `topic` this one subscribes to.
  uint32_t Sender(uint32_t topic) const { return (index_ + topic + 1) % members_; }

  bool Create() {
    absl::StatusOr<holler::Node> node = holler::Node::Create({.name = absl::StrCat("m", index_)});
    if (!node.ok()) return Fail(node.status().ToString()), false;
    node_.push_back(*std::move(node));
    for (uint32_t topic = 0; topic < kTopics; ++topic) {
      auto publisher = WordPublisher::Create(node_.front(), {.topic = TopicName(index_, topic)});
      auto subscriber =
          WordSubscriber::Create(node_.front(), {.topic = TopicName(Sender(topic), topic)});
      if (!publisher.ok()) return Fail(publisher.status().ToString()), false;
      if (!subscriber.ok()) return Fail(subscriber.status().ToString()), false;
      publishers_.push_back(*std::move(publisher));
      subscribers_.push_back(*std::move(subscriber));
    }
    return true;
  }

  bool Send() {
    for (uint32_t topic = 0; topic < kTopics; ++topic) {
      if (publishers_[topic].Publish(Word(index_, topic)) == 1) continue;
      return Fail(absl::StrCat("cannot publish on ", publishers_[topic].topic())), false;
    }
    return true;
  }

  bool Receive() {
    for (uint32_t topic = 0; topic < kTopics; ++topic) {
      WordSubscriber& subscriber = subscribers_[topic];
      subscriber.Wait(absl::InfiniteDuration());
      const auto word = subscriber.Take();
      if (!word || word.sequence() != 1 || word->member() != Sender(topic) ||
          word->topic() != topic) {
        return Fail(absl::StrCat("not the first sample of ", subscriber.topic())), false;
      }
    }
    return true;
  }

  bool Check() {
    for (WordSubscriber& subscriber : subscribers_) {
      if (subscriber.Take()) return Fail("a sample that nobody sent"), false;
      if (subscriber.lost() != 0) return Fail("lost a sample"), false;
      if (subscriber.publisher_count() != 1) return Fail("not one publisher"), false;
    }
    for (const WordPublisher& publisher : publishers_) {
      if (publisher.subscriber_count() != 1) return Fail("not one subscriber"), false;
    }
    return true;
  }

  bool Tell() const {
    const holler::NodeStats stats = node_.front().stats();
    const Report report{stats.connections, stats.hollers_sent, stats.hollers_received,
                        stats.sweeps};
    return ::write(STDOUT_FILENO, &report, sizeof(report)) == sizeof(report);
  }

  const uint32_t index_;
  const uint32_t members_;
  std::vector<holler::Node> node_;
  std::vector<WordPublisher> publishers_;
  std::vector<WordSubscriber> subscribers_;
};

}  // namespace

int RunMember(uint32_t index, uint32_t members) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // Not to outlive a driver that was killed.
  return Member(index, members).Run();
}

}  // namespace crowd
