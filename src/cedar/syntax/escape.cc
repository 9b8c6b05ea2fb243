#include "cedar/syntax/escape.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/characters.h"

namespace writ::cedar {
namespace {

constexpr std::uint32_t kMaxCodePoint = 0x10ffff;

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

class EscapeReader {
 public:
  explicit EscapeReader(std::string_view text) : text_(text) {}

  // Appends to `out`, which star() may turn elsewhere; star() is called where a pattern has a star.
  template <class Star>
  std::expected<void, EscapeError> read(bool pattern, std::string*& out, Star&& star) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\r') return wrong(at_, 1, "a bare carriage return in a string; write `\\r`");
      if (c == '\\') {
        if (pattern && text_.substr(at_).starts_with("\\*")) {
          *out += '*';
          at_ += 2;
        } else {
          if (auto done = escape(*out); !done) return done;
          // As in the reference, `\x2a` and `\u{2a}` are stars like any other; only `\*` is the character.
          if (pattern && out->ends_with('*')) {
            out->pop_back();
            star();
          }
        }
      } else if (pattern && c == '*') {
        star();
        ++at_;
      } else {
        *out += c;
        ++at_;
      }
    }
    return {};
  }

 private:
  static std::unexpected<EscapeError> wrong(std::size_t at, std::size_t size, std::string message) {
    return std::unexpected(EscapeError{
        {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + size)}, std::move(message)});
  }

  std::expected<void, EscapeError> escape(std::string& out) {
    const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (c == 'x') return hex_escape(out);
    if (c == 'u') return unicode_escape(out);
    constexpr std::string_view kNames = "nrt\\0'\"", kMeanings{"\n\r\t\\\0'\"", 7};
    const auto which = at_ + 1 < text_.size() ? kNames.find(c) : kNames.npos;
    if (which == kNames.npos) {
      std::size_t size = std::min(text_.size() - at_, std::size_t{2});
      while (at_ + size < text_.size() && (static_cast<unsigned char>(text_[at_ + size]) & 0xc0) == 0x80)
        ++size;
      return wrong(at_, size, fmt::format("the escape `{}` is unknown", text_.substr(at_, size)));
    }
    out += kMeanings[which];
    at_ += 2;
    return {};
  }

  // \xHH, at most \x7f.
  std::expected<void, EscapeError> hex_escape(std::string& out) {
    const auto digits = text_.substr(at_ + 2, 2);
    const int high = digits.size() == 2 ? hex_value(digits[0]) : -1;
    const int low = digits.size() == 2 ? hex_value(digits[1]) : -1;
    if (high < 0 || low < 0) return wrong(at_, 2, "`\\x` needs two hexadecimal digits");
    if (high > 7) return wrong(at_, 4, "`\\x` reaches only to `\\x7f`; write `\\u{..}`");
    out += static_cast<char>(high * 16 + low);
    at_ += 4;
    return {};
  }

  // \u{H..}, one to six digits, with `_` between them.
  std::expected<void, EscapeError> unicode_escape(std::string& out) {
    const auto start = at_;
    const auto close = text_.find('}', at_);
    if (!text_.substr(at_).starts_with("\\u{") || close == text_.npos)
      return wrong(start, 2, "`\\u` needs hexadecimal digits in braces, such as `\\u{1F600}`");
    const auto digits = text_.substr(at_ + 3, close - at_ - 3);
    const auto size = close + 1 - start;
    std::uint32_t code = 0;
    int count = 0;
    if (digits.starts_with('_')) return wrong(start, size, "`\\u{..}` cannot begin with `_`");
    for (const char c : digits) {
      if (c == '_') continue;
      const int digit = hex_value(c);
      if (digit < 0) return wrong(start, size, "`\\u{..}` holds hexadecimal digits only");
      if (++count > 6) return wrong(start, size, "`\\u{..}` has at most six digits");
      code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    if (count == 0) return wrong(start, size, "`\\u{..}` is empty");
    if (code > kMaxCodePoint || (code >= 0xd800 && code <= 0xdfff))
      return wrong(start, size, "`\\u{..}` is not a Unicode character");
    append_utf8(out, code);
    at_ = close + 1;
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::expected<std::string, EscapeError> unescape_string(std::string_view text) {
  std::string out;
  std::string* target = &out;
  if (auto done = EscapeReader(text).read(false, target, [] {}); !done) return std::unexpected(done.error());
  return out;
}

std::expected<std::vector<std::string>, EscapeError> unescape_pattern(std::string_view text) {
  std::vector<std::string> pieces(1);
  std::string* piece = &pieces.back();
  auto done = EscapeReader(text).read(true, piece, [&] { piece = &pieces.emplace_back(); });
  if (!done) return std::unexpected(done.error());
  return pieces;
}

}  // namespace writ::cedar
