#include "http/h1/body_reader.h"

#include <algorithm>

#include "base/characters.h"
#include "http/headers.h"

namespace writ::http {
namespace {

constexpr unsigned kMaxSizeDigits = 15;  // below 2^60
// Extensions and trailers carry nothing for Writ; more than this is an attack on its time.
constexpr std::size_t kMaxExtraBytes = 8 * 1024;

}  // namespace

BodyReader::BodyReader(const Framing& framing) {
  left_ = framing.content_length.value_or(0);
  if (framing.chunked) {
    left_ = 0;
    state_ = State::kSize;
  } else if (left_ > 0) {
    state_ = State::kLength;
  }
}

BodyReader BodyReader::until_close() {
  BodyReader reader;
  reader.state_ = State::kUntilClose;
  return reader;
}

BodyReader::Progress BodyReader::read(std::string_view bytes) {
  std::size_t used = 0;
  while (state_ != State::kDone) {
    if (state_ == State::kBroken) return {.step = Step::kMalformed, .used = used, .piece = {}};
    if (used == bytes.size()) return {.step = Step::kNeedMore, .used = used, .piece = {}};
    if (state_ == State::kLength || state_ == State::kData || state_ == State::kUntilClose) {
      const std::uint64_t most = state_ == State::kUntilClose ? bytes.size() : left_;
      const std::string_view piece = bytes.substr(used, most);
      used += piece.size();
      if (state_ != State::kUntilClose) {
        left_ -= piece.size();
        if (left_ == 0) state_ = state_ == State::kLength ? State::kDone : State::kDataCr;
      }
      return {.step = Step::kPiece, .used = used, .piece = piece};
    }
    if (!read_control(bytes[used])) state_ = State::kBroken;
    ++used;
  }
  return {.step = Step::kEnd, .used = used, .piece = {}};
}

bool BodyReader::read_control(char c) {
  const auto expect = [&](char wanted, State next) {
    state_ = next;
    return c == wanted;
  };
  switch (state_) {
    case State::kSize:
      return read_size(c);
    case State::kSpace:
    case State::kExtension:
    case State::kExtensionName:
    case State::kExtensionSpace:
    case State::kExtensionEquals:
    case State::kExtensionValue:
    case State::kExtensionQuoted:
    case State::kExtensionEscape:
    case State::kExtensionEnd:
      return ++extra_bytes_ <= kMaxExtraBytes && read_extension(c);
    case State::kSizeEnd:
      return c == '\n' && end_size();
    case State::kDataCr:
      return expect('\r', State::kDataLf);
    case State::kDataLf:
      digits_ = 0;
      return expect('\n', State::kSize);
    case State::kTrailerBegin:
      if (c == '\r') {
        state_ = State::kLastLf;
        return true;
      }
      state_ = State::kTrailerName;
      return is_token({&c, 1}) && ++extra_bytes_ <= kMaxExtraBytes;
    case State::kTrailerName:
      if (c == ':') {
        state_ = State::kTrailerValue;
        return true;
      }
      return is_token({&c, 1}) && ++extra_bytes_ <= kMaxExtraBytes;
    case State::kTrailerValue:
      if (c == '\r') {
        state_ = State::kTrailerLf;
        return true;
      }
      return is_field_value({&c, 1}) && ++extra_bytes_ <= kMaxExtraBytes;
    case State::kTrailerLf:
      return expect('\n', State::kTrailerBegin);
    case State::kLastLf:
      return expect('\n', State::kDone);
    default:
      return false;
  }
}

// RFC 9112 §7.1: chunk-size = 1*HEXDIG, then extensions or CRLF.
bool BodyReader::read_size(char c) {
  if (const int value = hex_value(c); value >= 0) {
    left_ = left_ * 16 + static_cast<std::uint64_t>(value);
    return ++digits_ <= kMaxSizeDigits;
  }
  if (digits_ == 0) return false;
  if (c == '\r') {
    state_ = State::kSizeEnd;
  } else if (c == ';') {
    state_ = State::kExtension;
  } else if (c == ' ' || c == '\t') {
    state_ = State::kSpace;
  } else {
    return false;
  }
  return true;
}

// RFC 9112 §7.1.1; a quoted-string is RFC 9110 §5.6.4.
bool BodyReader::read_extension(char c) {
  const bool space = c == ' ' || c == '\t';
  const auto go = [&](State next) {
    state_ = next;
    return true;
  };
  switch (state_) {
    case State::kSpace:
      return space || (c == ';' && go(State::kExtension));
    case State::kExtension:
      return space || (is_token({&c, 1}) && go(State::kExtensionName));
    case State::kExtensionName:
      if (is_token({&c, 1})) return true;
      if (space) return go(State::kExtensionSpace);
      return c == '=' ? go(State::kExtensionEquals) : next_extension(c);
    case State::kExtensionSpace:
      if (space) return true;
      return (c == '=' && go(State::kExtensionEquals)) || (c == ';' && go(State::kExtension));
    case State::kExtensionEquals:
      if (space) return true;
      return c == '"' ? go(State::kExtensionQuoted) : is_token({&c, 1}) && go(State::kExtensionValue);
    case State::kExtensionValue:
      return is_token({&c, 1}) || (space && go(State::kSpace)) || next_extension(c);
    case State::kExtensionQuoted:
      if (c == '"') return go(State::kExtensionEnd);
      return c == '\\' ? go(State::kExtensionEscape) : is_field_value({&c, 1});
    case State::kExtensionEscape:
      return is_field_value({&c, 1}) && go(State::kExtensionQuoted);
    case State::kExtensionEnd:
      return (space && go(State::kSpace)) || next_extension(c);
    default:
      return false;
  }
}

// The extension ends here: with the line, or with the next one.
bool BodyReader::next_extension(char c) {
  if (c != '\r' && c != ';') return false;
  state_ = c == ';' ? State::kExtension : State::kSizeEnd;
  return true;
}

bool BodyReader::end_size() {
  state_ = left_ == 0 ? State::kTrailerBegin : State::kData;
  return true;
}

}  // namespace writ::http
