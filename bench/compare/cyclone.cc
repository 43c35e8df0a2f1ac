// Cyclone DDS, in the comparison: by way of iceoryx, whose daemon iox-roudi has to run. Only where
// nothing may be lost however fast the sender is, it takes UDP, for it has its iceoryx drop what a
// receiver is too slow for.
#include <dds/dds.h>
#include <dds/ddsc/dds_loan_api.h>
#include <dds/ddsi/ddsi_serdata.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "compare.h"
#include "measure.h"

namespace bench {
namespace {

// What a call returned, unless it failed.
int32_t Must(int32_t result, const char* what) {
  if (result < 0) Die(std::string(what) + ": " + ::dds_strretcode(-result));
  return result;
}

const dds_topic_descriptor_t* DescriptorOf(size_t bytes) {
  switch (bytes) {
    case 64:
      return &bench_Bytes64_desc;
    case 1'024:
      return &bench_Bytes1K_desc;
    case 65'536:
      return &bench_Bytes64K_desc;
    case 1'048'576:
      return &bench_Bytes1M_desc;
    default:
      return &bench_Bytes4M_desc;
  }
}

class Cyclone {
 public:
  static constexpr const char* kName = "Cyclone DDS";

  struct Shared {};
  static Shared Prepare(const Setup&) { return {}; }

  Cyclone(const Setup& setup, Shared&) : setup_(setup) {
    ::setenv("CYCLONEDDS_URI", Config().c_str(), 1);
    participant_ = Must(::dds_create_participant(1 + setup.instance, nullptr, nullptr),
                        "dds_create_participant");
    if (IsLossless(setup_)) ::dds_write_set_batch(true);  // As its own example of throughput does.
  }
  void Close() { Must(::dds_delete(participant_), "dds_delete"); }

  class Sender {
   public:
    Sender(Cyclone& cyclone, const std::string& channel, uint32_t receivers) : cyclone_(cyclone) {
      dds_qos_t* qos = cyclone.NewQos();
      writer_ =
          Must(::dds_create_writer(cyclone.participant_, cyclone.Topic(channel), qos, nullptr),
               "dds_create_writer");
      ::dds_delete_qos(qos);
      lends_ = ::dds_is_loan_available(writer_);
      if (!lends_) buffer_.resize(cyclone.setup_.bytes);
      if (receivers == 0) return;
      dds_publication_matched_status_t status{};
      while (status.current_count < receivers) {
        Must(::dds_get_publication_matched_status(writer_, &status), "publication matched");
        ::usleep(1'000);
      }
      ::usleep(200'000);  // iceoryx connects them after that, and does not tell when.
    }

    template <typename F>
    void Send(F&& fill) {
      void* message = buffer_.data();
      if (lends_) Must(::dds_loan_sample(writer_, &message), "dds_loan_sample");
      fill(static_cast<std::byte*>(message));
      Stamp stamp;
      std::memcpy(&stamp, message, sizeof(stamp));
      Must(::dds_write(writer_, message), "dds_write");
      // Else it would wait for more, to go with them in one datagram.
      if (IsLossless(cyclone_.setup_) && stamp.number == kLast) ::dds_write_flush(writer_);
    }

   private:
    Cyclone& cyclone_;
    dds_entity_t writer_;
    bool lends_;
    std::vector<std::byte> buffer_;  // Where it does not lend memory.
  };

  class Receiver {
   public:
    Receiver(Cyclone& cyclone, const std::string& channel, uint32_t senders)
        : setup_(cyclone.setup_) {
      dds_qos_t* qos = cyclone.NewQos();
      reader_ =
          Must(::dds_create_reader(cyclone.participant_, cyclone.Topic(channel), qos, nullptr),
               "dds_create_reader");
      ::dds_delete_qos(qos);
      wait_set_ = Must(::dds_create_waitset(cyclone.participant_), "dds_create_waitset");
      const dds_entity_t condition =
          Must(::dds_create_readcondition(reader_, DDS_ANY_STATE), "dds_create_readcondition");
      Must(::dds_waitset_attach(wait_set_, condition, 0), "dds_waitset_attach");
      while (CountSenders() < senders) ::usleep(1'000);
    }

    // Reads it where it is, which dds_take, unlike this, would copy.
    template <typename F>
    void Receive(F&& read) {
      while (true) {
        ddsi_serdata* message = nullptr;
        dds_sample_info_t info;
        const int32_t count =
            Must(::dds_takecdr(reader_, &message, 1, &info, DDS_ANY_STATE), "dds_takecdr");
        if (count > 0) {
          if (info.valid_data) Visit(message, read);
          ::ddsi_serdata_unref(message);
          if (info.valid_data) return;
        } else if (setup_.waiting == Waiting::kBlock) {
          Must(::dds_waitset_wait(wait_set_, nullptr, 0, DDS_INFINITY), "dds_waitset_wait");
        } else {
          ::sched_yield();  // To its own thread on the same CPU, which has to hand messages over.
        }
      }
    }

    void AwaitEnd() {
      Must(::dds_set_status_mask(reader_, DDS_SUBSCRIPTION_MATCHED_STATUS), "status mask");
      const dds_entity_t wait_set =
          Must(::dds_create_waitset(::dds_get_participant(reader_)), "dds_create_waitset");
      Must(::dds_waitset_attach(wait_set, reader_, 0), "dds_waitset_attach");
      while (CountSenders() > 0) {
        Must(::dds_waitset_wait(wait_set, nullptr, 0, DDS_INFINITY), "dds_waitset_wait");
      }
      ::dds_delete(wait_set);
    }

   private:
    template <typename F>
    static void Visit(ddsi_serdata* message, F& read) {
      if (message->iox_chunk != nullptr) return read(static_cast<std::byte*>(message->iox_chunk));
      constexpr size_t kHeader = 4;  // Of what went over UDP.
      ddsrt_iovec_t bytes;
      ddsi_serdata* reference =
          ::ddsi_serdata_to_ser_ref(message, 0, ::ddsi_serdata_size(message), &bytes);
      read(static_cast<std::byte*>(bytes.iov_base) + kHeader);
      ::ddsi_serdata_to_ser_unref(reference, &bytes);
    }
    uint32_t CountSenders() const {
      dds_subscription_matched_status_t status{};
      Must(::dds_get_subscription_matched_status(reader_, &status), "subscription matched");
      return status.current_count;
    }

    const Setup& setup_;
    dds_entity_t reader_;
    dds_entity_t wait_set_;
  };

 private:
  // On this machine only: participants meet by multicast there. iceoryx knows nothing of domains:
  // it is the prefix that keeps runs apart.
  std::string Config() const {
    return std::string(
               "<General><Interfaces><NetworkInterface name='lo' multicast='true'/></Interfaces>"
               "<AllowMulticast>spdp</AllowMulticast>"
               "<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize>"
               "</General>"
               "<Discovery><ParticipantIndex>none</ParticipantIndex></Discovery>"
               "<SharedMemory><Enable>") +
           (IsLossless(setup_) ? "false" : "true") + "</Enable><Prefix>bench_" +
           std::to_string(setup_.instance) + "</Prefix><LogLevel>error</LogLevel></SharedMemory>";
  }
  dds_entity_t Topic(const std::string& channel) const {
    return Must(::dds_create_topic(participant_, DescriptorOf(setup_.bytes), channel.c_str(),
                                   nullptr, nullptr),
                "dds_create_topic");
  }
  dds_qos_t* NewQos() const {
    // Few where there are many topics, for all of them share iceoryx's memory.
    const int32_t depth = setup_.topics == 1 ? static_cast<int32_t>(QueueDepth(setup_)) : 4;
    const int32_t most = setup_.bytes <= 1'024 ? 8'000 : depth;
    dds_qos_t* qos = ::dds_create_qos();
    ::dds_qset_reliability(qos, DDS_RELIABILITY_RELIABLE, DDS_INFINITY);
    ::dds_qset_durability(qos, DDS_DURABILITY_VOLATILE);
    if (IsLossless(setup_)) {
      ::dds_qset_history(qos, DDS_HISTORY_KEEP_ALL, 0);
      ::dds_qset_resource_limits(qos, most, DDS_LENGTH_UNLIMITED, DDS_LENGTH_UNLIMITED);
    } else {
      ::dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, depth);
    }
    return qos;
  }

  const Setup& setup_;
  dds_entity_t participant_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main<bench::Cyclone>(argc, argv); }
