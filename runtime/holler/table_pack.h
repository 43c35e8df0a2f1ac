// Copying messages of bounded tables without the room they do not use.
#ifndef HOLLER_TABLE_PACK_H_
#define HOLLER_TABLE_PACK_H_

#include "flatbuffers/flatbuffers.h"
#include "holler/table_shape.h"

namespace holler {

// Copies a table to `builder`, which packs it as tightly as FlatBuffers allow. Fields that this
// program's schema does not know are left out; unions that hold what it does not know become NONE,
// those of a vector in their places. Allocates as the builder does.
flatbuffers::uoffset_t PackTable(const TableShape& shape, const flatbuffers::Table& from,
                                 flatbuffers::FlatBufferBuilder& builder);

// The same for a message of a bounded topic, whoever wrote it and under whatever bounds: for
// recording it, or sending it elsewhere.
//
//   builder.Finish(holler::Pack<sensors::ScanWriter>(*sample, builder));
template <typename Writer>
flatbuffers::Offset<typename Writer::Message> Pack(const typename Writer::Message& message,
                                                   flatbuffers::FlatBufferBuilder& builder) {
  return PackTable(Writer::shape(), reinterpret_cast<const flatbuffers::Table&>(message), builder);
}

}  // namespace holler

#endif  // HOLLER_TABLE_PACK_H_
