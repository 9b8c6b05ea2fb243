// Issuer: from the claims that a token would have to the token. The token service without the protocol that
// asks for it: POST /oauth2/token ends here, and so do tests of policies.
//
//   claims → decision (issue) → decision (delegate), where an agent takes work over → token → audit record
//
// A token leaves only after its record is written. One Issuer is for one request. Not thread-safe; it waits
// for the audit.
#pragma once

#include <array>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/authority.h"
#include "enforce/in_force.h"
#include "enforce/issuing.h"
#include "enforce/record.h"
#include "token/minter.h"

namespace writ::oauth {

// A token that is asked for. The caller has authenticated the client, and the claims are no more than what it
// presented proves (oauth/origin.h). Borrowed.
struct Wanted {
  const token::AccessClaims& claims;
  const inventory::Api& api;   // that it is for
  const task::LiveTask* task;  // of the claims; null: there is none, or nobody knows it
  bool handed_on;              // an agent takes work over
  std::shared_ptr<const enforce::InForce> in_force;
  Times now;
  audit::Standing standing = audit::Standing::kOrdinary;  // of a permit's record
};

// Why there is no token.
struct NotIssued {
  enum class Kind : std::uint8_t {
    kRefused,  // as `refusal` says, in the step that Issuer::step() says
    kTooLong,  // what the API wants to know does not fit into a token
    kBroken,   // something of ours
  };
  Kind kind;
  decision::Refusal refusal;
};

class Issuer {
 public:
  // What it refers to must outlive it.
  Issuer(const token::Minter& minter, const control::Recorder& record, enforce::Sent sent,
         std::string_view request_id)
      : minter_(minter), record_(record), sent_(sent), request_id_(request_id) {}

  // Which API the decisions and records from here on are about.
  void aim_at(const inventory::Api& api);
  // The signed token. May be called again, for another one.
  std::expected<std::string, NotIssued> issue(const Wanted& wanted);

  // What is asked about now, or was last.
  enforce::IssuingStep step() const noexcept { return step_; }
  // For a record, as far as it came. A view of this object.
  enforce::Told told() const;

 private:
  void ask_about(enforce::IssuingStep step, const cedar::EntityUid& resource);
  std::expected<void, NotIssued> decide(const Wanted& wanted);
  std::expected<void, NotIssued> record_permit(const Wanted& wanted) const;
  std::size_t index() const noexcept { return static_cast<std::size_t>(step_); }

  const token::Minter& minter_;
  const control::Recorder& record_;
  const enforce::Sent sent_;
  const std::string_view request_id_;
  std::string api_, resource_;
  enforce::IssuingStep step_ = enforce::IssuingStep::kIssue;
  std::optional<token::AccessClaims> claims_;
  std::shared_ptr<const enforce::InForce> in_force_;  // whose policies were asked; null: none yet
  // Of issuing and of delegating, each until it is recorded.
  std::array<enforce::Memory, 2> memory_;
  std::array<std::optional<enforce::Ruling>, 2> rulings_;
};

}  // namespace writ::oauth
