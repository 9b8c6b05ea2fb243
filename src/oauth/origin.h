// Origin: whom a new token is for and through whom, as far as what was presented proves it. It is the most
// that the token may say; claims_from() only ever narrows it.
//
// Delegation (RFC 8693 §1.1, §4.1): a token taken over by another client keeps its subject. The one who takes
// it over becomes `client_id` (RFC 8693 §4.3: who requested the token) and the nearest actor, and who held it
// before moves down the chain:
//
//   nora's ID token      → support-portal   sub nora, client_id support-portal
//   support-portal's     → support-agent    sub nora, client_id support-agent,
//                                           act support-agent ← support-portal
//   support-agent's      → mail-drafter     sub nora, client_id mail-drafter,
//                                           act mail-drafter ← support-agent ← support-portal
//
// An application that a user signed in to is the client and no actor; an agent is always an actor. A
// provider's token that names the client it was made for is that client's to exchange; another takes it over
// only where the token is for it too and the inventory says from whom it accepts such tokens, and then the
// named client stands in the chain. Whether each edge is allowed is decision's question (the inventory's
// `acts_for`, and policy's where an agent takes over), not asked here. Pure but for the verifier's cache;
// times are arguments.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/times.h"
#include "oauth/client_authentication.h"
#include "oauth/token_request.h"
#include "oauth/trusted_issuers.h"
#include "task/registry.h"
#include "token/claims.h"
#include "token/verifier.h"

namespace writ::oauth {

struct Origin : token::CarriedClaims {
  std::string subject;
  std::optional<Instant> expires_at;  // of what was presented; absent: only the client itself
  // The ids of the tokens of ours that were presented, of those that they came from, and of what a provider's
  // token came of.
  std::vector<std::string> exchanged_from;
  // Work came into an agent's hands: it took over what another presented or holds.
  bool handed_on = false;
};

// The client for itself (RFC 6749 §4.4).
Origin origin_of_client(const AuthenticatedClient& client);

struct ExchangeFacts {
  const AuthenticatedClient& client;
  const token::Verifier& verifier;
  const TrustedIssuers& trusted_issuers;
  // The key the request proved to hold; a sender-bound token is accepted with a proof of its key alone.
  const std::optional<std::string>& proof_key;
  Times now;
  // Of the request's connection; empty: none. The same for a token that is bound to a certificate.
  std::string_view certificate = {};
};

// The client for the subject of a token (RFC 8693 §2.1).
Outcome<Origin> origin_of_exchange(const ExchangeRequest& request, const ExchangeFacts& facts);

// What the new token is made with, beside its origin.
struct Terms {
  std::string_view issuer;
  std::string_view audience;
  const AuthenticatedClient& client;
  std::optional<std::string_view> purpose;      // asked for
  std::optional<std::string_view> task;         // asked for
  const std::optional<std::string>& proof_key;  // to bind the token to
  Duration lifetime;
  Times now;
  std::optional<std::string> certificate = {};  // to bind it to instead
};

// The task the token belongs to: the origin's or, where one is chosen, a sub-task of it; never another.
Outcome<std::optional<std::string>> task_of(const Origin& origin, std::optional<std::string_view> asked,
                                            const task::Registry& tasks);

// The task of that id, where the caller may know that it is there: it holds a token of it or of one above it,
// the task names it, it opened the task, or it could get a token for it. Null: there is none, or it is not
// the caller's to know, and whatever is made of it then says and costs the same.
std::shared_ptr<task::LiveTask> task_to_tell(const Origin& origin, const AuthenticatedClient& client,
                                             std::string_view id, const task::Registry& tasks);

// The claims of the new token. `task` is that of task_of(); null where there is none, or nobody knows it.
Outcome<token::AccessClaims> claims_from(const Origin& origin, const Terms& terms,
                                         std::optional<std::string> task_id, const task::LiveTask* task);

}  // namespace writ::oauth
