// Exchange: for which other APIs a token may be exchanged, as far as the policies' scopes tell.
//
// Whoever holds a token stays a party of each token that is made of it (oauth/origin.h), and every party is
// asked whether a token for the next API is issued. So a token for one API can become one for another only
// where some identity that is not a user may be issued both. In doubt it may. Pure.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "cedar/ast.h"

namespace writ::claims {

// Who may hold a token for an API.
struct Holders {
  bool any = false;
  std::set<std::string> types;
  std::set<cedar::EntityUid> uids;

  bool none() const noexcept { return !any && types.empty() && uids.empty(); }
  bool may_share_with(const Holders& other) const;
  void add(const cedar::ScopeTerm& principal);
  void add(const Holders& others);
};

// `Writ::Action::"issue"` may be among the actions of the policy's scope.
bool may_be_about_issuing(const cedar::Policy& policy);
// The ids of the APIs that the policy's scope and its outermost conditions leave; nothing: any.
std::optional<std::set<std::string>> apis_left_by(const cedar::Policy& permit);
// By the scope alone. A forbid that fails counts also where its conditions would leave the API out.
std::optional<std::set<std::string>> apis_in_scope(const cedar::Policy& policy);

}  // namespace writ::claims
