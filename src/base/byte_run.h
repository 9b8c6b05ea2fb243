// How far a text goes on with bytes of one kind: what needs no escape, what a token may have.
//
// Nearly all bytes from outside are of the kind that is expected, so they are looked at a block at a time.
// The predicate is written once, and is asked of a byte or of a whole block of them:
//
//   constexpr auto kPlain = [](auto byte) { return in_range(byte, 0x20, 0x7f) & (byte != '"'); };
//   if (is_run_of(text, kPlain)) ...
//
// Bytes are unsigned. `&` and `|` join comparisons, because blocks have no `&&` and `||`. Pure.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace writ {

// As it lies in memory, wherever that is.
template <class Word>
Word load(const char* bytes) noexcept {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

namespace internal {

using ByteBlock = unsigned char __attribute__((vector_size(16)));

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

// Whether all bits of all bytes are set: a predicate held for the whole block.
template <class Block>
bool holds_for_all(const Block& holds) noexcept {
  std::array<std::uint64_t, 2> halves;
  static_assert(sizeof halves == sizeof holds);
  std::memcpy(halves.data(), &holds, sizeof holds);
  return (halves[0] & halves[1]) == ~std::uint64_t{0};
}

// For how many of the first bytes of a block does the predicate hold?
template <class Predicate>
std::size_t run_in_block(const char* bytes, Predicate predicate) noexcept {
  const auto holds = predicate(load<ByteBlock>(bytes));  // of each byte all bits, or none
  std::array<std::uint64_t, 2> halves;
  static_assert(sizeof halves == sizeof holds);
  std::memcpy(halves.data(), &holds, sizeof holds);
  if ((halves[0] & halves[1]) == ~std::uint64_t{0}) return sizeof holds;
  const auto bits = std::countr_one(halves[0]);
  return static_cast<std::size_t>(bits < 64 ? bits : 64 + std::countr_one(halves[1])) / 8;
}

// The bytes of a text of 4 to 15 as a block, some of them more than once.
inline std::array<std::uint64_t, 2> as_block(std::string_view text) noexcept {
  const char* const end = text.data() + text.size();
  if (text.size() >= 8) return {load<std::uint64_t>(text.data()), load<std::uint64_t>(end - 8)};
  const std::uint64_t begin = load<std::uint32_t>(text.data()), rest = load<std::uint32_t>(end - 4);
  return {begin | rest << 32, begin | rest << 32};
}

}  // namespace internal

// Both ends included. `byte`: unsigned, or a block of them.
template <class Byte>
constexpr auto in_range(Byte byte, unsigned char first, unsigned char last) noexcept {
  static_assert(sizeof byte == 1 || sizeof byte == sizeof(internal::ByteBlock));
  return static_cast<Byte>(byte - first) <= static_cast<unsigned char>(last - first);
}

// An ASCII letter.
template <class Byte>
constexpr auto is_letter(Byte byte) noexcept {
  return in_range(static_cast<Byte>(byte | 0x20), 'a', 'z');
}

// For how many of the first bytes does the predicate hold?
template <class Predicate>
std::size_t run_length(std::string_view text, Predicate predicate) noexcept {
  constexpr auto kBlock = sizeof(internal::ByteBlock);
  std::size_t length = 0;
  if (text.size() < kBlock) {
    while (length < text.size() && predicate(static_cast<unsigned char>(text[length]))) ++length;
    return length;
  }
  for (; length + kBlock < text.size(); length += kBlock) {
    const auto run = internal::run_in_block(text.data() + length, predicate);
    if (run < kBlock) return length + run;
  }
  length = text.size() - kBlock;  // the last block may overlap the one before it
  return length + internal::run_in_block(text.data() + length, predicate);
}

// Does it hold for every byte? Nearly always it does, so what a block says is looked at once, at the end.
template <class Predicate>
bool is_run_of(std::string_view text, Predicate predicate) noexcept {
  constexpr auto kBlock = sizeof(internal::ByteBlock);
  if (text.size() < 4) return run_length(text, predicate) == text.size();
  if (text.size() < kBlock) {
    const auto block = internal::as_block(text);
    return internal::holds_for_all(
        predicate(load<internal::ByteBlock>(reinterpret_cast<const char*>(block.data()))));
  }
  const char* const last = text.data() + text.size() - kBlock;  // it may overlap the one before it
  const char* at = text.data();
  auto holds = predicate(load<internal::ByteBlock>(last));
  for (; at + kBlock <= last; at += 2 * kBlock)
    holds &= predicate(load<internal::ByteBlock>(at)) & predicate(load<internal::ByteBlock>(at + kBlock));
  if (at < last) holds &= predicate(load<internal::ByteBlock>(at));
  return internal::holds_for_all(holds);
}

}  // namespace writ
