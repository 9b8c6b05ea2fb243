// Question: what a face puts to the enforcer. There is no HTTP in it: the gateway, Writ's own API, AuthZEN
// and whatever comes next each translate what they received, at their edge.
//
// Views. What they view lives until the outcome is there.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/denial.h"
#include "cedar/value.h"
#include "context/context.h"
#include "enforce/in_force.h"
#include "task/amount.h"
#include "token/presented.h"
#include "token/verified.h"

namespace writ::enforce {

struct EntityName {
  std::string_view type;  // "Billing::Invoice"
  std::string_view id;
};

// What the caller sent, as policies, the audit and proofs of possession see it.
struct Sent {
  std::string_view method;
  std::string_view path;          // decoded
  std::string_view encoded_path;  // as it came: what a DPoP proof is for
  std::string_view query;
  std::string_view peer_ip;
};

// How the caller shows who it is: a token that came along (or why there is none), or one that Writ itself
// made or verified for it a moment ago.
class Credentials {
 public:
  Credentials(std::expected<token::Presented, Denial> presented) : presented_(std::move(presented)) {}
  explicit Credentials(const token::Verified& verified)
      : presented_(std::unexpected(Denial{Reason::kTokenMissing, {}})), verified_(&verified) {}

  const std::expected<token::Presented, Denial>& presented() const noexcept { return presented_; }
  const token::Verified* verified() const noexcept { return verified_; }  // null: see presented()

 private:
  std::expected<token::Presented, Denial> presented_;
  const token::Verified* verified_ = nullptr;
};

// Makes a record, what is known of the resource, in an arena.
using Attributes = std::function<cedar::Value(cedar::Arena&)>;

// An approval of this very call, by people. A face that takes none leaves all of it out.
struct ApprovalUse {
  std::size_t named = 0;  // how many the request names; more than one is refused
  std::string_view id = {};
  // Makes the digest of all that the API acts on. Empty: not all of it was read, and no approval can be used.
  std::function<std::string()> arguments = {};
};

struct Question {
  std::string_view point;  // for the audit: "gateway", "api", "authzen"
  Sent sent;
  Credentials credentials;
  std::string_view api;  // its id in the inventory
  EntityName action;
  EntityName resource;
  // Fills in where the entities say nothing.
  Attributes attributes = {};
  // What the request spends, as far as it tells, and the labels that the token's task earns by it, beside
  // those of the resource's attribute `taskLabels`.
  std::span<const task::NamedAmount> amounts = {};
  std::span<const std::string> labels = {};
  // What else the face found in it: `context.input`. The notes say which part told what, and why one did not.
  Attributes input = {};
  std::span<const context::FactNote> notes = {};
  ApprovalUse approval = {};
  // Scheme and authority under which callers reach this server, "https://api.acme.example": DPoP proofs are
  // for it. Empty: no proof can be checked, and sender-bound tokens are refused.
  std::string_view public_origin = {};
  // False: the face writes the record of a permit itself, with what it did (AuthZEN's evaluations).
  // Refusals are recorded always.
  bool record_permit = true;
  // It stops somebody or something: a permit is recorded from the space that is kept for stops.
  bool stops = false;
  // The API is not enforced yet: what would be refused is recorded as such, and Refused::observed says that
  // it passes.
  bool observed = false;
  // Names of attributes of the resource that only the API's own answer will tell: for Enforcer::ask().
  std::span<const std::string> awaited = {};
  // The face leaves out of the answer what the permits oblige to (Permit::obligations()). One that does not
  // is refused where they do.
  bool fulfils = false;
  // What the face has read already, such as routes. Null: the enforcer reads what is in force.
  std::shared_ptr<const InForce> in_force = nullptr;
};

}  // namespace writ::enforce
