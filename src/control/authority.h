// Authority: who may use Writ itself. Writ's own API is an API like any other: a token for its audience, a
// decision for every party, a record before the effect. Use cases ask here first, and record here what they
// are about to do.
//
// Thread-safe. Most of it waits for the audit: not on a loop thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "audit/record.h"
#include "base/clock.h"
#include "base/times.h"
#include "control/failure.h"
#include "control/own_api.h"
#include "enforce/enforcer.h"

namespace writ::control {

// Returns after the record is written as durably as the log is configured.
using Recorder = std::function<Result<void>(audit::Record)>;

// To a caller that belongs to one tenant: `what` ("the audit is") is of all of them.
std::unexpected<Failure> of_all_tenants(const enforce::Permit& permit, std::string_view what);

// Who asks for a use case. Views.
struct Caller {
  enforce::Sent sent;
  enforce::Credentials credentials;
};

// Does a use case stop somebody or something? Then its records come from the space that is kept for stops.
enum class Stops : bool { kNo, kYes };

class Authority {
 public:
  // What it refers to must outlive it. `origin`: how callers reach it, for DPoP proofs.
  Authority(const Clock& clock, enforce::Enforcer& enforcer, Recorder record, std::string origin)
      : clock_(clock), enforcer_(enforcer), record_(std::move(record)), origin_(std::move(origin)) {}

  Times now() const { return times_of(clock_); }
  const Clock& clock() const noexcept { return clock_; }

  // Silent, and believed for nothing but what is not told: the token, when it is good.
  std::optional<token::Verified> token_of(const Caller& caller) const {
    return enforcer_.token_of(caller.credentials, caller.sent.peer_ip, kOwnApi);
  }
  // True: its token's issuer is being asked, as Enforcer::wait_for_issuer() has it; `then` is called on
  // another thread when that is over.
  bool wait_for_issuer(const Caller& caller, std::move_only_function<void()>& then) const {
    return enforcer_.wait_for_issuer(caller.credentials, caller.sent.peer_ip, kOwnApi, then);
  }
  // Of Writ as a whole, without an action: for a caller that is not recognised. Calls back as
  // Enforcer::enforce() does, and waits for nothing.
  void turn_away(const Caller& caller, enforce::OutcomeCallback callback) const;

  // `action` is one of Writ's own: "manage-tasks".
  Answer<enforce::Permit> allow(const Caller& caller, std::string_view action,
                                const enforce::EntityName& resource, enforce::Attributes attributes = {},
                                Stops stops = Stops::kNo) const;
  // Of Writ as a whole.
  Answer<enforce::Permit> allow(const Caller& caller, std::string_view action) const;
  // The same of what acts on all tenants, or tells of them: a caller that belongs to one is refused. `what`
  // says it: "the audit is".
  Answer<enforce::Permit> allow_for_all_tenants(const Caller& caller, std::string_view action,
                                                std::string_view what, Stops stops = Stops::kNo) const;

  // Whether there is what is asked about. kOpen: it need not be there for who may, and is not for who may
  // not.
  enum class Presence { kAbsent, kOpen, kThere };
  struct Object {
    enforce::EntityName name;
    enforce::Attributes attributes;
    std::string_view seen_by;  // the action that it takes to see it
    Presence presence;
    Error absent;  // kNotFound, with its id
  };
  // About one object, by its id. What the caller may not see is told as what is not there, in the same words
  // and after the same work: a refusal says its reason only to who may see what it is about, or where it
  // would be the same for every object.
  Answer<enforce::Permit> allow_on(const Caller& caller, std::string_view action, Object object,
                                   Stops stops = Stops::kNo) const;
  // Silently, for lists.
  bool would_allow(const Caller& caller, std::string_view action, const enforce::EntityName& resource,
                   enforce::Attributes attributes) const;

  // What is about to be done, written before it is done.
  Answer<void> record(const enforce::Permit& permit, std::string_view event, std::string_view object,
                      std::string_view detail = {}, Stops stops = Stops::kNo) const;

  // The same of what Writ does by itself.
  Result<void> record(const audit::Event& event) const {
    return record_(audit::make_record(clock_.earliest(), event));
  }

 private:
  enforce::Question question(const Caller& caller, std::string_view action,
                             const enforce::EntityName& resource, enforce::Attributes attributes,
                             Stops stops) const;

  const Clock& clock_;
  enforce::Enforcer& enforcer_;
  Recorder record_;
  std::string origin_;
};

}  // namespace writ::control
