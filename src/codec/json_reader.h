// JsonReader: strict JSON that is looked at once and not kept.
//
// It refuses what parse_json (json.h) refuses, with the same words. What it reads lies in its own memory,
// which it uses again: reading text after text of the usual kind takes no memory from the heap. That is for
// requests; for what lives longer there is Json.
//
//   thread_local codec::JsonReader reader;
//   const auto* body = TRY(reader.read(request.body));
//   const auto* subject = body->find("subject");
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace writ::codec {

// A value where it was read, with what is inside it right behind it. A view: valid until the reader reads
// again.
class JsonNode {
 public:
  bool is_object() const noexcept { return kind_ == Kind::kObject; }
  std::optional<std::string_view> if_string() const noexcept {
    return kind_ == Kind::kString ? std::optional(text_) : std::nullopt;
  }
  // "null", "boolean", "number", "string", "array" or "object", for messages.
  std::string_view kind() const noexcept;

  // The member of that name, or null when there is none or this is not an object.
  const JsonNode* find(std::string_view name) const noexcept;

  // A value of its own, which stays.
  Json tree() const;

 private:
  friend class JsonReader;
  enum class Kind : std::uint8_t { kNull, kBool, kInt, kDouble, kString, kArray, kObject };

  const JsonNode* begin() const noexcept { return this + 1; }  // the first inside it
  const JsonNode* next() const noexcept { return this + size_; }

  Kind kind_ = Kind::kNull;
  std::uint32_t size_ = 1;  // how many nodes it is, with those inside it
  std::string_view name_;   // of a member
  std::string_view text_;
  std::int64_t integer_ = 0;  // or whether a boolean is true
  double number_ = 0;
};

class JsonReader {
 public:
  JsonReader();
  ~JsonReader();

  // Fails as parse_json does, also at an integer beyond 64 bits; or that is some double, for whoever takes no
  // double as a value. Never null.
  enum class LargeIntegers : std::uint8_t { kRefused, kSomeDouble };
  Result<const JsonNode*> read(std::string_view text, const JsonLimits& limits = {},
                               LargeIntegers large = LargeIntegers::kRefused);

 private:
  Result<const JsonNode*> read_once(std::string_view text, const JsonLimits& limits);

  struct Reading;
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::vector<JsonNode> nodes_;
};

}  // namespace writ::codec
