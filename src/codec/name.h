// What can be a name: of an identity, a subject, a client. One rule wherever names come in, so that whoever
// gets a token can also be named by those who have to stop it.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace writ::codec {

inline constexpr std::size_t kMaxNameBytes = 512;

// What is wrong with it, as the end of a sentence ("is empty"); nothing for a name: 1 to kMaxNameBytes bytes
// of UTF-8 without control characters (Unicode's category Cc). Quotes, spaces and letters of every script are
// fine.
std::optional<std::string_view> name_problem(std::string_view text) noexcept;

}  // namespace writ::codec
