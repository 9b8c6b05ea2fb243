// Reads: what a policy reads of the context and of entities, from its text alone, and which claims supply it.
//
// In doubt a policy reads: a record that is used whole is read with all that is in it, and an attribute of
// the subject's name (`issuer`) counts of whatever entity it is read. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cedar/ast.h"

namespace writ::claims {

struct PathRead {
  std::string
      path;  // as policies write it: "context.token.acr", "principal.issuer"; "….issuer" of anything else
  cedar::Span span;
};

// Each place once, in the order of the text.
std::vector<PathRead> paths_read(const cedar::Policy& policy);

struct ClaimRead {
  std::string_view claim;  // a name of claim_uses()
  PathRead at;
};

// Of the claims that a contract may leave out, those that the policy reads, each at its first place.
std::vector<ClaimRead> claims_read(const cedar::Policy& policy);

}  // namespace writ::claims
