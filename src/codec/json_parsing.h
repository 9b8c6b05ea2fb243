// What the readers of JSON share: simdjson, and what Writ refuses beyond it. Internal to codec.
#pragma once

#include <simdjson.h>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"

namespace writ::codec::internal {

// simdjson stops at this nesting whatever the caller's limit is; conversion and destruction recurse no
// deeper.
inline constexpr std::size_t kDepthCeiling = 1024;
// A parser kept by a thread holds several bytes per byte of its largest text; larger texts get one of their
// own.
inline constexpr std::size_t kKeptParserBytes = 64 * 1024;
// Up to here comparing every pair of names is cheaper than sorting them.
inline constexpr std::size_t kFewMembers = 8;

// simdjson accepts an escaped low surrogate without its high one and writes it as the three bytes ED A0..BF
// xx, which no UTF-8 text holds. The text itself is validated, so those bytes can come from nowhere else.
inline bool has_lone_surrogate(std::string_view text) {
  for (auto at = text.find('\xED'); at != text.npos; at = text.find('\xED', at + 1)) {
    if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0) return true;
  }
  return false;
}

inline Error depth_exceeded(std::size_t max_depth) {
  return Error{ErrorCode::kLimit, "json: nested deeper than " + std::to_string(max_depth) + " levels"};
}

inline std::unexpected<Error> too_large() {
  return failure(ErrorCode::kInvalid, "json: integer does not fit 64 bits, signed");
}
inline std::unexpected<Error> lone_surrogate() {
  return failure(ErrorCode::kInvalid, "json: lone surrogate in a string");
}
inline std::unexpected<Error> duplicate_name(std::string_view name) {
  return failure(ErrorCode::kInvalid, "json: duplicate member name `" + std::string(name) + "`");
}

inline Error parser_error(simdjson::error_code code, std::size_t max_depth) {
  switch (code) {
    case simdjson::DEPTH_ERROR:
      return depth_exceeded(max_depth);
    case simdjson::MEMALLOC:
      return Error{ErrorCode::kUnavailable, "json: out of memory"};
    case simdjson::UTF8_ERROR:
      return Error{ErrorCode::kInvalid, "json: not valid UTF-8"};
    case simdjson::EMPTY:
      return Error{ErrorCode::kInvalid, "json: no value"};
    case simdjson::NUMBER_ERROR:
      return Error{ErrorCode::kInvalid, "json: malformed number, or one out of range"};
    case simdjson::STRING_ERROR:
    case simdjson::UNESCAPED_CHARS:
      return Error{ErrorCode::kInvalid, "json: malformed string"};
    case simdjson::UNCLOSED_STRING:
      return Error{ErrorCode::kInvalid, "json: string without end"};
    default:
      return Error{ErrorCode::kInvalid, "json: malformed"};
  }
}

// Parses the text and gives the root to `convert`, which answers with a Result.
template <class Convert>
auto parse_with(simdjson::dom::parser& parser, std::string_view text, std::size_t max_depth, Convert convert)
    -> decltype(convert(simdjson::dom::element())) {
  simdjson::dom::element root;
  // The text is copied, because simdjson reads a few bytes past the end of what it parses.
  if (const auto code = parser.parse(text.data(), text.size(), /*realloc_if_needed=*/true).get(root)) {
    return std::unexpected(parser_error(code, max_depth));
  }
  return convert(root);
}

inline Result<void> check_text(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return failure(ErrorCode::kLimit, "json: longer than " + std::to_string(limits.max_bytes) + " bytes");
  }
  if (text.empty()) return failure(ErrorCode::kInvalid, "json: no value");
  // RFC 8259 §8.1: a byte order mark may be refused.
  if (text.starts_with("\xEF\xBB\xBF"))
    return failure(ErrorCode::kInvalid, "json: begins with a byte order mark");
  return {};
}

}  // namespace writ::codec::internal
