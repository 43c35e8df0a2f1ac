#ifndef HOLLER_SERVER_H_
#define HOLLER_SERVER_H_

#include "holler/client.h"

namespace holler {

template <typename Method>
struct Server : Client<Method> {};

}  // namespace holler

#endif  // HOLLER_SERVER_H_
