// Reads a body off the wire by its framing (RFC 9112 §6, §7), piece by piece and without copying.
//
// Chunked coding is read here and not by Beast: Beast 1.81 asserts when a first chunk of size 0 arrives in
// pieces, and a peer must not be able to choose that. Extensions are checked and ignored; trailer fields are
// checked and dropped, because a field that comes after the decision must not look like one that came before
// it. Both have limits. Internal to http.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h1/framing.h"

namespace writ::http {

class BodyReader {
 public:
  BodyReader() = default;  // no body
  explicit BodyReader(const Framing& framing);
  static BodyReader until_close();

  bool done() const noexcept { return state_ == State::kDone; }
  // Does only the end of the connection end this body?
  bool ends_with_connection() const noexcept { return state_ == State::kUntilClose; }

  // Reads on in `bytes` until there is a piece of the body, its end, an error, or a need for more; all other
  // bytes are used up. The piece lies within `bytes`.
  enum class Step { kPiece, kEnd, kNeedMore, kMalformed };
  struct Progress {
    Step step;
    std::size_t used;
    std::string_view piece;
  };
  Progress read(std::string_view bytes);

 private:
  enum class State {
    kDone,
    kLength,
    kUntilClose,
    kSize,  // within the digits of a chunk's size
    // An extension, RFC 9112 §7.1.1: *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
    kSpace,           // before a `;`
    kExtension,       // before the name
    kExtensionName,   //
    kExtensionSpace,  // between the name and `=` or `;`
    kExtensionEquals,
    kExtensionValue,
    kExtensionQuoted,
    kExtensionEscape,  // after a backslash within quotes
    kExtensionEnd,     // after the closing quote
    kSizeEnd,          // LF after it
    kData,
    kDataCr,
    kDataLf,
    kTrailerBegin,  // at the begin of a trailer line
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kLastLf,
    kBroken,
  };
  bool read_control(char c);  // one byte outside of chunk data; false: malformed
  bool read_size(char c);
  bool read_extension(char c);
  bool next_extension(char c);
  bool end_size();

  State state_ = State::kDone;
  std::uint64_t left_ = 0;  // of the body, or of the chunk
  unsigned digits_ = 0;
  std::size_t extra_bytes_ = 0;  // extensions and trailer fields of the whole message
};

}  // namespace writ::http
