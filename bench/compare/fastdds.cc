// Fast DDS, in the comparison: its shared-memory transport, which copies, or data sharing, where
// sender and receiver are lent places in one pool.
#include <fastdds/rtps/transport/shared_mem/SharedMemTransportDescriptor.h>
#include <sched.h>
#include <unistd.h>

#include <cstring>
#include <fastdds/dds/core/LoanableSequence.hpp>
#include <fastdds/dds/core/condition/WaitSet.hpp>
#include <fastdds/dds/domain/DomainParticipant.hpp>
#include <fastdds/dds/domain/DomainParticipantFactory.hpp>
#include <fastdds/dds/publisher/DataWriter.hpp>
#include <fastdds/dds/publisher/Publisher.hpp>
#include <fastdds/dds/subscriber/DataReader.hpp>
#include <fastdds/dds/subscriber/SampleInfo.hpp>
#include <fastdds/dds/subscriber/Subscriber.hpp>
#include <fastdds/dds/topic/TopicDataType.hpp>
#include <functional>
#include <memory>
#include <string>

#include "measure.h"

namespace bench {
namespace {

namespace dds = eprosima::fastdds::dds;
using eprosima::fastrtps::c_TimeInfinite;
using eprosima::fastrtps::Duration_t;
using eprosima::fastrtps::rtps::InstanceHandle_t;
using eprosima::fastrtps::rtps::SerializedPayload_t;
using eprosima::fastrtps::types::ReturnCode_t;

void Must(const ReturnCode_t& result, const char* what) {
  if (result != ReturnCode_t::RETCODE_OK) {
    Die(std::string(what) + " failed with " + std::to_string(result()));
  }
}

template <typename T>
T* Made(T* made, const char* what) {
  if (made == nullptr) Die(std::string("no ") + what);
  return made;
}

// A message: so many bytes as the type below says.
struct alignas(4) Bytes {
  std::byte first;
};

// A plain type: it is in memory as it is when sent, which is why it can be lent.
class BytesType : public dds::TopicDataType {
 public:
  explicit BytesType(size_t bytes) : bytes_(bytes) {
    setName(("Bytes" + std::to_string(bytes)).c_str());
    m_typeSize = static_cast<uint32_t>(SerializedPayload_t::representation_header_size + bytes);
    m_isGetKeyDefined = false;
  }

  bool serialize(void* data, SerializedPayload_t* payload) override {
    constexpr uint8_t kLittleEndian[] = {0, 1, 0, 0};
    std::memcpy(payload->data, kLittleEndian, sizeof(kLittleEndian));
    std::memcpy(payload->data + sizeof(kLittleEndian), data, bytes_);
    payload->length = m_typeSize;
    return true;
  }
  bool deserialize(SerializedPayload_t* payload, void* data) override {
    std::memcpy(data, payload->data + SerializedPayload_t::representation_header_size, bytes_);
    return true;
  }
  std::function<uint32_t()> getSerializedSizeProvider(void*) override {
    return [size = m_typeSize] { return size; };
  }
  void* createData() override { return ::operator new(bytes_); }
  void deleteData(void* data) override { ::operator delete(data); }
  bool getKey(void*, InstanceHandle_t*, bool) override { return false; }
  bool is_bounded() const override { return true; }
  bool is_plain() const override { return true; }

 private:
  const size_t bytes_;
};

class FastDds {
 public:
  static constexpr const char* kName = "Fast DDS";
  static constexpr const char* kModes[] = {"shm", "datasharing"};

  struct Shared {};
  static Shared Prepare(const Setup&) { return {}; }

  FastDds(const Setup& setup, Shared&) : setup_(setup) {
    auto transport = std::make_shared<eprosima::fastdds::rtps::SharedMemTransportDescriptor>();
    transport->segment_size(static_cast<uint32_t>(Depth() * (setup.bytes + 4'096) + (1 << 20)));
    transport->max_message_size(transport->segment_size());
    dds::DomainParticipantQos qos;
    qos.transport().use_builtin_transports = false;
    qos.transport().user_transports.push_back(transport);
    participant_ = Made(
        dds::DomainParticipantFactory::get_instance()->create_participant(1 + setup.instance, qos),
        "participant");
    type_ = dds::TypeSupport(new BytesType(setup.bytes));
    Must(type_.register_type(participant_), "register_type");
    publisher_ = Made(participant_->create_publisher(dds::PUBLISHER_QOS_DEFAULT), "publisher");
    subscriber_ = Made(participant_->create_subscriber(dds::SUBSCRIBER_QOS_DEFAULT), "subscriber");
  }
  void Close() {
    Must(participant_->delete_contained_entities(), "delete_contained_entities");
    Must(dds::DomainParticipantFactory::get_instance()->delete_participant(participant_),
         "delete_participant");
  }

  class Sender {
   public:
    Sender(FastDds& fast, const std::string& channel, uint32_t receivers) {
      dds::DataWriterQos qos = dds::DATAWRITER_QOS_DEFAULT;
      fast.Configure(qos);
      // Memory to be lent while the last messages are still on their way.
      qos.resource_limits().extra_samples = fast.Depth();
      qos.reliability().max_blocking_time = Duration_t(1, 0);
      qos.reliable_writer_qos().times.heartbeatPeriod = Duration_t(0, 100'000'000);
      qos.reliable_writer_qos().times.nackResponseDelay = Duration_t(0, 0);
      writer_ = Made(fast.publisher_->create_datawriter(fast.Topic(channel), qos), "writer");
      dds::PublicationMatchedStatus status;
      while (status.current_count < static_cast<int32_t>(receivers)) {
        Must(writer_->get_publication_matched_status(status), "get_publication_matched_status");
        ::usleep(1'000);
      }
      if (receivers > 0) ::usleep(200'000);  // The other ends may know a little later.
    }

    template <typename F>
    void Send(F&& fill) {
      void* message = nullptr;
      while (true) {
        const ReturnCode_t result = writer_->loan_sample(
            message, dds::DataWriter::LoanInitializationKind::NO_LOAN_INITIALIZATION);
        if (result == ReturnCode_t::RETCODE_OK) break;
        // A receiver has not yet let go of any.
        if (result != ReturnCode_t::RETCODE_OUT_OF_RESOURCES) Must(result, "loan_sample");
      }
      fill(static_cast<std::byte*>(message));
      ReturnCode_t result = ReturnCode_t::RETCODE_TIMEOUT;
      // It also says so at once, if all that it had was received while it waited for room.
      while (result == ReturnCode_t::RETCODE_TIMEOUT) {
        result = writer_->write(message, eprosima::fastrtps::rtps::c_InstanceHandle_Unknown);
      }
      Must(result, "write");
    }

   private:
    dds::DataWriter* writer_;
  };

  class Receiver {
   public:
    Receiver(FastDds& fast, const std::string& channel, uint32_t senders) : setup_(fast.setup_) {
      dds::DataReaderQos qos = dds::DATAREADER_QOS_DEFAULT;
      fast.Configure(qos);
      qos.reliable_reader_qos().times.heartbeatResponseDelay = Duration_t(0, 0);
      reader_ = Made(fast.subscriber_->create_datareader(fast.Topic(channel), qos), "reader");
      Enable(dds::StatusMask::data_available());
      Must(wait_set_.attach_condition(reader_->get_statuscondition()), "attach_condition");
      while (CountSenders() < static_cast<int32_t>(senders)) ::usleep(1'000);
    }

    template <typename F>
    void Receive(F&& read) {
      bool is_received = false;
      while (!is_received) {
        dds::LoanableSequence<Bytes> messages;
        dds::SampleInfoSeq infos;
        const ReturnCode_t result = reader_->take(messages, infos, 1);
        if (result == ReturnCode_t::RETCODE_NO_DATA) {
          if (setup_.waiting == Waiting::kBlock) {
            Wait();
          } else {
            ::sched_yield();  // To its own thread on the same CPU, which has to hand messages over.
          }
          continue;
        }
        Must(result, "take");
        is_received = infos[0].valid_data;
        if (is_received) read(&messages[0].first);
        Must(reader_->return_loan(messages, infos), "return_loan");
      }
    }

    void AwaitEnd() {
      Enable(dds::StatusMask::subscription_matched());
      while (CountSenders() > 0) Wait();
      Enable(dds::StatusMask::data_available());
    }

   private:
    void Enable(const dds::StatusMask& statuses) {
      Must(reader_->get_statuscondition().set_enabled_statuses(statuses), "set_enabled_statuses");
    }
    void Wait() {
      dds::ConditionSeq active;
      Must(wait_set_.wait(active, c_TimeInfinite), "wait");
    }
    int32_t CountSenders() const {
      dds::SubscriptionMatchedStatus status;
      Must(reader_->get_subscription_matched_status(status), "get_subscription_matched_status");
      return status.current_count;
    }

    const Setup& setup_;
    dds::DataReader* reader_;
    dds::WaitSet wait_set_;
  };

 private:
  int32_t Depth() const {
    if (IsLossless(setup_) && setup_.bytes <= 1'024) return 256;  // More make it slower.
    return static_cast<int32_t>(QueueDepth(setup_));
  }
  // Of a writer or a reader alike.
  template <typename Qos>
  void Configure(Qos& qos) const {
    const int32_t depth = Depth();
    qos.reliability().kind = dds::RELIABLE_RELIABILITY_QOS;
    qos.durability().kind = dds::VOLATILE_DURABILITY_QOS;
    qos.history().kind =
        IsLossless(setup_) ? dds::KEEP_ALL_HISTORY_QOS : dds::KEEP_LAST_HISTORY_QOS;
    qos.history().depth = depth;
    qos.resource_limits().max_samples = depth;
    qos.resource_limits().allocated_samples = depth;
    qos.resource_limits().max_instances = 1;
    qos.resource_limits().max_samples_per_instance = depth;
    if (setup_.mode == "datasharing") {
      qos.data_sharing().on("");
    } else {
      qos.data_sharing().off();
    }
  }
  dds::Topic* Topic(const std::string& channel) const {
    return Made(participant_->create_topic(channel, type_.get_type_name(), dds::TOPIC_QOS_DEFAULT),
                "topic");
  }

  const Setup& setup_;
  dds::DomainParticipant* participant_;
  dds::TypeSupport type_;
  dds::Publisher* publisher_;
  dds::Subscriber* subscriber_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main<bench::FastDds>(argc, argv); }
