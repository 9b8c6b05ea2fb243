// What a provider's token came of: a session there, a subject, and the token itself, as ids that Revocations
// know.
//
// Each of Writ's tokens that was issued for it carries them on (`exchanged_from`), a task that was opened
// with one keeps them, and a provider's own token that is accepted has them too. So what ends one of them
// ends all that came of it, across restarts, and nobody keeps a list of what was issued. They tell nothing:
// they are hashes, and no `jti` looks like one. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace writ::token {

enum class Origin { kSession, kSubject, kToken };

// "sid~…", "sub~…", "jti~…"
std::string came_from(Origin origin, std::string_view issuer, std::string_view name);
// Only those of providers.
std::vector<std::string> of_providers(const std::vector<std::string>& ids);

// The end of a subject's sessions is about what was issued until then, and later sessions go on. It is kept
// for so long: nothing that came of it lives longer (a token to exchange has a week, and Writ's an hour).
inline constexpr Duration kSubjectEndKept = std::chrono::hours(8 * 24);

// All tokens of a client of Writ's that were issued until then, as the same kind of end: "cli~…".
std::string all_of_client(std::string_view client);

// Whether its end is about what was issued until then, and was put at that time and kSubjectEndKept.
bool is_until(std::string_view id) noexcept;
bool is_of_client(std::string_view id) noexcept;

}  // namespace writ::token
