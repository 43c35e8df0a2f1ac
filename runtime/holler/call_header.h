// What precedes the message of each request and each reply.
#ifndef HOLLER_CALL_HEADER_H_
#define HOLLER_CALL_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "holler/endpoint.h"
#include "holler/layout.h"

namespace holler {

// Lies right before the payload. Written by the publisher, whoever that is: a reader copies it
// first, and believes nothing. docs/rpc.md says who does what with it.
struct CallHeader {
  EndpointKey to;        // The subscriber it is for; others pass over it.
  uint64_t call = 0;     // Counted by the client, from 1; a reply has its request's.
  int64_t deadline = 0;  // When the client stops waiting, by the nodes' clock; INT64_MAX: never.
  uint32_t status = 0;   // Of a reply: an absl::StatusCode. Only kOk comes with a message.
  uint32_t reserved = 0;
};
static_assert(sizeof(CallHeader) == kCallHeaderBytes);
static_assert(offsetof(CallHeader, call) == 24 && offsetof(CallHeader, status) == 40);

inline CallHeader ReadCallHeader(const std::byte* payload) noexcept {
  CallHeader header;
  std::memcpy(static_cast<void*>(&header), payload - kCallHeaderBytes, kCallHeaderBytes);
  return header;
}
inline void WriteCallHeader(std::byte* payload, const CallHeader& header) noexcept {
  std::memcpy(payload - kCallHeaderBytes, &header, kCallHeaderBytes);
}

// A peer may send any number.
inline absl::StatusCode StatusCodeOf(uint32_t status) noexcept {
  constexpr auto kLast = static_cast<uint32_t>(absl::StatusCode::kUnauthenticated);
  return status <= kLast ? static_cast<absl::StatusCode>(status) : absl::StatusCode::kUnknown;
}

}  // namespace holler

#endif  // HOLLER_CALL_HEADER_H_
