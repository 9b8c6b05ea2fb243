#include "codec/twin.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "codec/utf8.h"

namespace writ::codec {
namespace {

constexpr char kAnything = '*';

// 0: neither a letter nor a digit of ASCII.
char folded(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c | 0x20);
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '\0';
}

// Takes one code point off. What is no UTF-8 is 0.
std::uint32_t take_code_point(std::string_view& text) noexcept {
  const auto size = utf8_sequence_length(text);
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  std::uint32_t point = size < 2 ? byte(0) : byte(0) & (0xffu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) point = point << 6 | (byte(i) & 0x3fu);
  text.remove_prefix(std::max<std::size_t>(size, 1));
  return size == 0 ? 0 : point;
}

bool is_never_ascii(std::uint32_t point) noexcept {
  return (point >= 0x0370 && point <= 0x1aff) || (point >= 0x3041 && point <= 0x30ff) ||
         (point >= 0x3400 && point <= 0x9fff) || (point >= 0xac00 && point <= 0xd7a3);
}

// What is left for a reader that drops all but letters and digits, with kAnything for what may be anything.
std::string pattern_of(std::string_view name) {
  std::string pattern;
  while (!name.empty()) {
    const auto point = take_code_point(name);
    if (point != 0 && point < 0x80) {
      if (const char c = folded(static_cast<char>(point)); c != '\0') pattern += c;
    } else if (!is_never_ascii(point) && !pattern.ends_with(kAnything)) {
      pattern += kAnything;
    }
  }
  return pattern;
}

// Goes back to the last kAnything where what follows does not fit.
bool matches(std::string_view pattern, std::string_view text) noexcept {
  std::size_t p = 0, t = 0, star = pattern.npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == kAnything) {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return std::ranges::all_of(pattern.substr(p), [](char c) { return c == kAnything; });
}

bool is_plain(std::string_view name) noexcept {
  return std::ranges::all_of(name, [](unsigned char c) { return c != 0 && c < 0x80; });
}

// Of two plain names: whether the same is left of both.
bool same_is_left(std::string_view a, std::string_view b) noexcept {
  const auto next = [](std::string_view& name) {
    while (!name.empty()) {
      const char c = folded(name.front());
      name.remove_prefix(1);
      if (c != '\0') return c;
    }
    return '\0';
  };
  for (;;) {
    const char one = next(a);
    if (one != next(b)) return false;
    if (one == '\0') return true;
  }
}

// They begin with two letters or digits that are not the same, and both stay for every reader.
bool begin_apart(std::string_view a, std::string_view b) noexcept {
  if (a.empty() || b.empty()) return false;
  const char one = folded(a.front()), other = folded(b.front());
  return one != other && one != '\0' && other != '\0';
}

}  // namespace

bool is_ascii_name(std::string_view name) noexcept {
  return std::ranges::any_of(name, [](char c) { return folded(c) != '\0'; }) &&
         std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool may_read_as(std::string_view other, std::string_view name) {
  if (begin_apart(other, name)) return false;
  // As nearly every name is: nothing may be anything.
  if (is_plain(other) && is_plain(name)) return same_is_left(other, name);
  const auto pattern = pattern_of(name);
  const auto nul = other.find('\0');
  return matches(pattern_of(other), pattern) ||
         (nul != other.npos && matches(pattern_of(other.substr(0, nul)), pattern));
}

}  // namespace writ::codec
