#include "http/headers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "base/append.h"
#include "base/byte_run.h"
#include "base/require.h"
#include "codec/ascii.h"

namespace writ::http {
namespace {

// What most messages have, so that they cost two allocations.
constexpr std::size_t kFewFields = 8, kFewBytes = 512;

// RFC 9110 §5.6.2: tchar.
constexpr std::array<bool, 256> kTokenCharacters = [] {
  std::array<bool, 256> table{};
  for (const char c :
       std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

}  // namespace

namespace {

// Bytes may differ in the bit of the case alone, and only where they are letters.
bool same_letters_in(std::uint64_t x, std::uint64_t y) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const auto differ = x ^ y;
  if (differ == 0) return true;
  if ((differ & ~(kOnes * 0x20)) != 0) return false;
  const auto low = x | (kOnes * 0x20), ascii = low & (kOnes * 0x7f);
  const auto letters = (ascii + kOnes * (0x80 - 'a')) & ~(ascii + kOnes * (0x7f - 'z')) & ~low;
  return ((differ << 2) & ~letters & (kOnes * 0x80)) == 0;
}

// Of 1 to 7 bytes; each is in it.
std::uint64_t word_of(std::string_view text) noexcept {
  if (text.size() >= 4) {
    const std::uint64_t begin = load<std::uint32_t>(text.data());
    return begin | std::uint64_t{load<std::uint32_t>(text.data() + text.size() - 4)} << 32;
  }
  const auto byte = [&](std::size_t at) { return std::uint64_t{static_cast<unsigned char>(text[at])}; };
  return byte(0) | byte(text.size() / 2) << 8 | byte(text.size() - 1) << 16;
}

}  // namespace

bool internal::same_letters(std::string_view a, std::string_view b) noexcept {
  // Eight bytes at a time: every request's fields are compared with the names of a list.
  constexpr auto kWord = sizeof(std::uint64_t);
  if (a.size() < kWord) return a.empty() || same_letters_in(word_of(a), word_of(b));
  const auto same_at = [&](std::size_t at) {
    return same_letters_in(load<std::uint64_t>(a.data() + at), load<std::uint64_t>(b.data() + at));
  };
  for (std::size_t at = 0; at + kWord < a.size(); at += kWord) {
    if (!same_at(at)) return false;
  }
  return same_at(a.size() - kWord);  // may overlap the one before it
}

bool is_token(std::string_view text) noexcept {
  if (is_run_of(text, [](auto byte) { return is_letter(byte) | (byte == '-'); }))
    return !text.empty();  // nearly every name
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return kTokenCharacters[static_cast<unsigned char>(c)]; });
}

bool is_field_value(std::string_view text) noexcept {
  return is_run_of(text,
                   [](auto byte) { return (in_range(byte, 0x20, 0xff) & (byte != 0x7f)) | (byte == '\t'); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < size(); ++i) {
    if (spans_[i].name_size != name.size()) continue;
    const Header header = (*this)[i];
    if (equal_ignoring_case(header.name, name)) return header.value;
  }
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const noexcept {
  std::size_t count = 0;
  for (std::size_t i = 0; i < size(); ++i) count += equal_ignoring_case((*this)[i].name, name) ? 1 : 0;
  return count;
}

bool Headers::has_token(std::string_view name, std::string_view token) const noexcept {
  for (std::size_t i = 0; i < size(); ++i) {
    const Header header = (*this)[i];
    if (!equal_ignoring_case(header.name, name)) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      std::string_view item = rest.substr(0, comma);
      while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
      while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
      if (equal_ignoring_case(item, token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

void Headers::add(std::string_view name, std::string_view value) {
  // A view into this object would be lost when the buffer grows.
  const auto inside = [&](std::string_view text) {
    return !std::less<>()(text.data(), bytes_.data()) &&
           std::less<>()(text.data(), bytes_.data() + bytes_.size());
  };
  if (inside(name) || inside(value)) return add(std::string(name), std::string(value));
  if (spans_.capacity() == 0) {
    spans_.reserve(kFewFields);
    bytes_.reserve(kFewBytes);
  }
  spans_.push_back({.begin = static_cast<std::uint32_t>(bytes_.size()),
                    .name_size = static_cast<std::uint32_t>(name.size()),
                    .value_size = static_cast<std::uint32_t>(value.size())});
  WRIT_REQUIRE(bytes_.size() + name.size() + value.size() < (std::size_t{1} << 31));
  append(bytes_, name, value);
}

void Headers::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

std::size_t Headers::remove(std::string_view name) {
  // The bytes stay until clear(): a few names more or less in one message do not matter.
  return std::erase_if(spans_, [&](const Span& span) {
    return equal_ignoring_case(std::string_view(bytes_).substr(span.begin, span.name_size), name);
  });
}

// Mostly there are none, and sizes tell most names apart.
void Headers::remove_all(std::initializer_list<std::string_view> names) {
  const auto bit = [](std::size_t size) { return std::uint64_t{1} << (size % 64); };
  std::uint64_t sizes = 0;
  for (const auto name : names) sizes |= bit(name.size());
  std::erase_if(spans_, [&](const Span& span) {
    if ((sizes & bit(span.name_size)) == 0) return false;
    const std::string_view found(bytes_.data() + span.begin, span.name_size);
    return std::ranges::any_of(names,
                               [=](std::string_view name) { return equal_ignoring_case(name, found); });
  });
}

void Headers::clear() noexcept {
  bytes_.clear();
  spans_.clear();
}

}  // namespace writ::http
