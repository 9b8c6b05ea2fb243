#include "gateway/left_out.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::gateway {
namespace {

// FNV-1a, without case; never 0.
std::uint64_t folded_hash(std::string_view api, std::string_view name) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (const char c : api) mix(static_cast<unsigned char>(c));
  mix(0);
  for (const char c : name) mix(static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c));
  return std::max<std::uint64_t>(hash, 1);
}

// A name is a caller's own word: it is cut, and nothing in it moves a terminal.
std::string cut_name(std::string_view name) {
  std::string text(name.substr(0, LeftOut::kMaxShownBytes));
  std::ranges::replace_if(
      text, [](char c) { return c < 0x21 || c > 0x7e; }, '?');
  return name.size() > LeftOut::kMaxShownBytes ? text + "..." : text;
}

}  // namespace

bool LeftOut::is_new(std::uint64_t hash) noexcept {
  for (std::size_t i = 0; i < kSlots; ++i) {
    auto& slot = seen_[(hash + i) % kSlots];
    auto held = slot.load(std::memory_order_relaxed);
    if (held == hash) return false;
    if (held != 0) continue;
    if (names_.load(std::memory_order_relaxed) >= kMaxNames) return false;
    if (slot.compare_exchange_strong(held, hash, std::memory_order_relaxed))
      return names_.fetch_add(1, std::memory_order_relaxed) < kMaxNames;
    if (held == hash) return false;
  }
  return false;
}

void LeftOut::saw(std::string_view api, std::string_view name) {
  count_.fetch_add(1, std::memory_order_relaxed);
  if (!is_new(folded_hash(api, name)) || !tell_) return;
  tell_(fmt::format(
      "the header field `{}` of a request to API `{}` was not forwarded; if the API reads it, name it in "
      "`forward_headers`",
      cut_name(name), api));
  if (names_.load(std::memory_order_relaxed) == kMaxNames)
    tell_(
        fmt::format("{} names of fields that were not forwarded have been told; further ones are only "
                    "counted",
                    kMaxNames));
}

}  // namespace writ::gateway
