#ifndef HOLLER_SUBSCRIBER_H_
#define HOLLER_SUBSCRIBER_H_

namespace holler {

template <typename Topic>
struct Subscriber {
  using Message = typename Topic::Message;
};

}  // namespace holler

#endif  // HOLLER_SUBSCRIBER_H_
