// Puts several texts behind a string, in one step: it grows once, and the parts of a line stand side by side.
//
//   append(out, header.name, ": ", header.value, "\r\n");
//
// No part may be a view of `out` itself, which may move. Inlined, so that literals cost what their bytes do.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace writ {
namespace internal {

[[gnu::always_inline]] inline void append_views(std::string& out,
                                                std::same_as<std::string_view> auto... parts) {
  // The size is captured: g++ 12 may tell a larger one.
  const auto begin = out.size(), end = (begin + ... + parts.size());
  out.resize_and_overwrite(end, [end](char*, std::size_t) { return end; });
  char* at = out.data() + begin;
  ((std::char_traits<char>::copy(at, parts.data(), parts.size()), at += parts.size()), ...);
}

}  // namespace internal

template <class... Parts>
requires(sizeof...(Parts) > 0)
    [[gnu::always_inline]] inline void append(std::string& out, const Parts&... parts) {
  internal::append_views(out, std::string_view(parts)...);
}

}  // namespace writ
