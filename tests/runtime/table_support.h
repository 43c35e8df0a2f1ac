// A bounded message outside of any slot, and its text, for tests.
#ifndef HOLLER_TESTS_RUNTIME_TABLE_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_TABLE_SUPPORT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "flatbuffers/idl.h"
#include "flatbuffers/util.h"
#include "gtest/gtest.h"
#include "holler/layout.h"

namespace holler {

// One message of `Topic`, begun. Around it and in it stand bytes that are not zero, so that
// nothing rests on a slot being clean.
template <typename Topic>
class Draft {
 public:
  using Message = typename Topic::Message;
  using Writer = typename Topic::Writer;

  Draft() : bytes_(std::make_unique<Bytes>()) {
    for (std::byte& byte : bytes_->all) byte = kRest;
    writer_.Start(payload(), Topic::kFileIdentifier);
  }

  Writer* operator->() { return &writer_; }
  Writer& operator*() { return writer_; }
  const Message& message() const { return writer_.message(); }
  std::span<std::byte> payload() const { return {bytes_->all + kMargin, kSize}; }
  const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(payload().data()); }

  // Whether FlatBuffers accept it, and nothing was written beyond it.
  bool IsValid() const {
    for (size_t i = 0; i < kMargin; ++i) {
      if (bytes_->all[i] != kRest || bytes_->all[kMargin + kSize + i] != kRest) return false;
    }
    return flatbuffers::Verifier(data(), kSize).VerifyBuffer<Message>(Topic::kFileIdentifier);
  }

 private:
  static constexpr size_t kSize = Topic::kLayout.payload_capacity;
  static constexpr size_t kMargin = 64;
  static constexpr std::byte kRest{0xa5};

  struct Bytes {
    alignas(64) std::byte all[kMargin + kSize + kMargin];
  };

  std::unique_ptr<Bytes> bytes_;
  Writer writer_;
};

// From JSON to FlatBuffers and back, as FlatBuffers' own parser does it. Defaults are spelled out.
class Json {
 public:
  explicit Json(const std::string& schema_file) {
    flatbuffers::IDLOptions options;
    options.output_default_scalars_in_json = true;
    options.strict_json = true;
    options.indent_step = -1;
    options.lang_to_generate = flatbuffers::IDLOptions::kCpp;  // Else unions hold only tables.
    parser_ = std::make_unique<flatbuffers::Parser>(options);
    std::string text;
    const std::string folder = HOLLER_TEST_IDL_DIR;
    EXPECT_TRUE(flatbuffers::LoadFile((folder + "/" + schema_file).c_str(), false, &text));
    const char* folders[] = {folder.c_str(), HOLLER_IDL_DIR, nullptr};
    EXPECT_TRUE(parser_->Parse(text.c_str(), folders, schema_file.c_str())) << parser_->error_;
  }

  // The FlatBuffer that FlatBufferBuilder makes of `text`. Valid until the next call.
  const uint8_t* Build(const std::string& text) {
    EXPECT_TRUE(parser_->ParseJson(text.c_str())) << parser_->error_ << "\n" << text;
    return parser_->builder_.GetBufferPointer();
  }
  const uint8_t* built() const { return parser_->builder_.GetBufferPointer(); }
  size_t built_size() const { return parser_->builder_.GetSize(); }

  std::string Text(const uint8_t* message) const {
    std::string text;
    EXPECT_TRUE(flatbuffers::GenerateText(*parser_, message, &text));
    return text;
  }

  // `text` as Text() would write what is built of it.
  std::string Canonical(const std::string& text) { return Text(Build(text)); }

 private:
  std::unique_ptr<flatbuffers::Parser> parser_;
};

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_TABLE_SUPPORT_H_
