// Claims contracts of what was loaded (claims/contract.h): for what is minted, for `writ claims`, and for a
// reload that makes them grow, by which policies wait until the last token ends that lacks what they read.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "claims/contract.h"
#include "config/world.h"
#include "files/issue.h"
#include "policy/minted_since.h"
#include "policy/policies.h"

namespace writ::policy {

// Borrows what it is made of.
class ContractSources {
 public:
  ContractSources(const LoadedPolicies& policies, const config::World& world);
  // Of two sets together, while one is in force and the other waits: what either reads, of tokens that are
  // exchanged as either permits.
  ContractSources(const LoadedPolicies& next, const LoadedPolicies& in_force, const config::World& world);
  ContractSources(const ContractSources&) = delete;
  ContractSources& operator=(const ContractSources&) = delete;

  const claims::Known& known() const noexcept { return known_; }

 private:
  void add(const LoadedPolicies& policies);

  std::vector<claims::PolicyAt> policies_;
  claims::Known known_;
};

// Null where every API says what its tokens carry in another way.
std::shared_ptr<const decision::MintedClaims> minted_claims_of(const LoadedPolicies& policies,
                                                               const config::World& world);
std::shared_ptr<const decision::MintedClaims> minted_claims_of(const claims::Known& known);

// Of each API.
MintedSince::ByApi minted_by_api(const decision::PolicySnapshot& policies,
                                 std::span<const inventory::Api> apis);

// A claim of the tokens of an API that policies read which decide: its own, or those of an API that its
// tokens may be exchanged for. What an API reads itself and what shadow policies read is not among them.
struct DecidingNeed {
  std::string api;
  std::string_view claim;
  claims::Reader reader;
};
std::vector<DecidingNeed> needed_to_decide(const claims::Known& known);

// A claim that policies need in order to decide as they would with tokens that carry everything, that tokens
// are going to carry, and that some lack until then.
struct Lack {
  DecidingNeed need;
  Instant until;
};
//
// `known` has those policies, and those in force before them: a token that these let somebody exchange for
// another has to bring along what the others read of that one. `carried`: by what is going to be minted.
std::vector<Lack> lacks_of(const claims::Known& known, const MintedSince::ByApi& carried,
                           const MintedSince& minted, Instant now);
// When the last of them is over.
std::optional<Instant> end_of(std::span<const Lack> lacks);

// How a set of policies takes force that lacks something.
struct Growth {
  std::span<const Lack> lacks;
  Instant now;
  Duration token_lifetime;
  std::string_view waiting = {};  // the revision that waits until end_of(lacks); empty: it does not
};

// A warning for each claim that some tokens lack: what policies read of it, and until when; and for each that
// the tokens of an API carried not before and carry now.
void warn_of_grown_contracts(const decision::PolicySnapshot& before, const config::World& world_before,
                             const decision::PolicySnapshot& now, const config::World& world_now,
                             const Growth& growth, files::Issues& issues);

}  // namespace writ::policy
