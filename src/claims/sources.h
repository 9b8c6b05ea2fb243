// Sources: what each claim of an access token is there for. One row for each row of the table of claims
// (token/claims.h): where the token service takes it from, which guards look at it, and by which paths
// policies see it. Tests hold it against the claims, the guards and the vocabulary. Constant data.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace writ::claims {

struct ClaimUse {
  std::string_view claim;
  std::string_view source;  // for people: "the identity provider's token"
  // Who needs it whatever policies say: guards by their names. Of those that only a contract leaves out, all
  // guards that look at it.
  std::span<const std::string_view> guards = {};
  std::string_view path = {};       // below `context`: "token.acr"; empty: there is none
  std::string_view attribute = {};  // of the subject's entity: "issuer"; empty: there is none
  bool by_contract = false;         // a contract may leave it out; standard claims always stay
  // Inside a task it may be left out, because the task says the same and a guard holds the two together.
  bool said_by_task = false;
  // Not carried on by an exchange: the token service says it of each token anew.
  bool made_anew = false;
};

// In the order of the table of claims.
std::span<const ClaimUse> claim_uses() noexcept;
const ClaimUse* find_use(std::string_view claim) noexcept;  // null: there is no such claim

// The claims that an API can say it reads: those of the table, and `scope`.
std::vector<std::string_view> readable_names();

}  // namespace writ::claims
