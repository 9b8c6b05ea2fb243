// Contract: for each API, which claims its tokens have to carry, and who needs each (docs/claims.md).
//
// A token has no action, so a contract is the union over everything that may be asked with a token for the
// API: guards, the policies and shadow policies of its actions, what the API says it reads, the context that
// is forwarded to it, and the same of every API that the token may be exchanged for. What is left out is read
// by none of them, or is said equally by the token's task.
//
// An API that does not go by its contract and says nothing of what it reads gets everything that is known. Of
// APIs that do go by theirs, all is needed that may be exchanged for its tokens. The contract of an API that
// does not is what it would be if all of them did.
//
// Linear in the policies and APIs. Pure.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "cedar/ast.h"
#include "cedar/schema.h"
#include "decision/minted_claims.h"
#include "files/issue.h"
#include "inventory/identity.h"

namespace writ::claims {

enum class Carried : std::uint8_t {
  kAlways,        // a standard claim
  kNeeded,        // somebody reads it
  kOutsideTasks,  // needed, and inside a task the task says the same
  kLeftOut,       // nobody reads it
};
std::string_view carried_name(Carried carried) noexcept;  // "always", "needed", "outside tasks", "left out"

struct Reader {
  enum class Kind : std::uint8_t {
    kGuard,      // by its name
    kPolicy,     // by its id
    kShadow,     // by its id
    kApi,        // the API itself, as its `reads` says
    kForwarded,  // the context header
    kExchange,   // an API that the token may be exchanged for, by its id
    kOpen,       // the same of one that does not say what it reads, and so gets everything
  };
  Kind kind;
  std::string name;
  std::string path = {};    // of a policy: "context.token.acr"
  files::Place place = {};  // of a policy
};
std::string text_of(const Reader& reader);

struct ClaimNeed {
  std::string_view claim;
  Carried carried = Carried::kLeftOut;
  std::vector<Reader> readers = {};  // the first of them
  std::size_t more = 0;              // beside those
};

struct Contract {
  std::string api;
  std::vector<ClaimNeed> claims;  // in the order of claim_uses()
  decision::MintedClaims::OfApi minted;

  const ClaimNeed& need(std::string_view claim) const;
};

// Of each claim so many readers are named.
inline constexpr std::size_t kReadersNamed = 20;

struct PolicyAt {
  const cedar::Policy* policy;
  bool shadow = false;
  std::function<files::Place(cedar::Span)> place_of = {};
};

// What contracts are computed of. Borrowed.
struct Known {
  std::span<const inventory::Api> apis;
  std::span<const PolicyAt> policies;
  const cedar::Schema* schema = nullptr;           // null: there is none
  bool actions_have_parents = false;               // by the entities, where there is no schema
  std::unordered_set<std::string> forwarded = {};  // ids of APIs that the context header is sent to
  std::string own_api = {};                        // the id of Writ's own
};

// In the order of the APIs.
std::vector<Contract> contracts_of(const Known& known);
// Ids of the APIs that a token for this one may be exchanged for, without itself, in their order. "*": one
// that is not declared.
std::vector<std::string> exchanged_for(const Known& known, const std::string& api);

// For each policy the ids of the APIs with whose tokens it may be asked, in their order; nothing: any.
using Asked = std::optional<std::vector<std::string>>;
std::vector<Asked> asked_with(const Known& known);

}  // namespace writ::claims
