// What comes of a question: a Permit or a Refused, both values. Each face renders a refusal in its own words:
// an HTTP problem, an OAuth error, AuthZEN's `decision`, JSON-RPC.
//
// Where the API's own answer tells what decides, an ApiAsked comes between (enforce/answer.h).
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/denial.h"
#include "base/times.h"
#include "codec/json_cut.h"
#include "decision/decision.h"
#include "enforce/request_id.h"
#include "inventory/snapshot.h"
#include "task/call_approvals.h"
#include "token/verified.h"

namespace writ::enforce {

struct InForce;

// Whom a request is for and who sends it, as the decision saw them. It permits nothing.
class Parties {
 public:
  const token::Verified& token() const noexcept { return token_; }
  const inventory::Api& api() const noexcept { return *api_; }
  const RequestId& request_id() const noexcept { return request_id_; }
  Times time() const noexcept { return time_; }
  // As the decision saw them: the token's claim, else what inventory and task say.
  const std::optional<std::string>& tenant() const noexcept { return tenant_; }
  const std::optional<std::string>& environment() const noexcept { return environment_; }
  const std::optional<std::string>& purpose() const noexcept { return purpose_; }

 protected:
  friend class Enforcer;
  Parties(token::Verified token, std::shared_ptr<const InForce> in_force, const inventory::Api& api,
          RequestId request_id, Times time)
      : token_(std::move(token)),
        in_force_(std::move(in_force)),
        api_(&api),
        request_id_(request_id),
        time_(time) {}

  token::Verified token_;
  std::shared_ptr<const InForce> in_force_;  // what api_ lives in
  const inventory::Api* api_;
  RequestId request_id_;
  Times time_;
  std::optional<std::string> tenant_, environment_, purpose_;
};

// The request may have its effect.
class Permit : public Parties {
 public:
  // What is left out of the answer; null: nothing is. Only where Question::fulfils says so.
  const std::shared_ptr<const codec::JsonCut>& obligations() const noexcept { return obligations_; }

 private:
  friend class Enforcer;
  explicit Permit(Parties parties, std::shared_ptr<const codec::JsonCut> obligations)
      : Parties(std::move(parties)), obligations_(std::move(obligations)) {}
  std::shared_ptr<const codec::JsonCut> obligations_;
};

// Of a route that is public: the request may have its effect, and nobody knows who sent it.
class PublicPermit {
 public:
  const RequestId& request_id() const noexcept { return request_id_; }
  const std::shared_ptr<const codec::JsonCut>& obligations() const noexcept { return obligations_; }

 private:
  friend class Enforcer;
  PublicPermit(RequestId request_id, std::shared_ptr<const codec::JsonCut> obligations)
      : request_id_(request_id), obligations_(std::move(obligations)) {}
  RequestId request_id_;
  std::shared_ptr<const codec::JsonCut> obligations_;
};

// Whether what a permit obliges to was done. Views.
struct Fulfilment {
  std::string_view request_id;  // of its decision
  std::string_view client;      // empty: nobody was asked for
  std::string_view resource;    // as Cedar writes it
  const codec::JsonCut& obligations;
  std::string_view unmet = {};  // why not, and nothing of the answer goes out; empty: it was
};

// A call that people may approve: all but its arguments.
struct Offer {
  task::CallApproval asked;
  decision::Refusal refusal;
  RequestId request_id;
  bool bound;
};

struct Refused {
  enum class Kind : std::uint8_t {
    kDecided,      // as `refusal` says
    kNoRoom,       // it would wait for people's approval, and too many do: later
    kSlowDown,     // its source brought too many tokens that are not good, and it was not looked at
    kNotRecorded,  // the audit could not take it, so nothing is done; `refusal` says no more
  };
  Kind kind = Kind::kDecided;
  decision::Refusal refusal;
  RequestId request_id;
  bool bound = false;                            // the token came with a proof of possession
  std::shared_ptr<const Offer> offer = nullptr;  // approval_required: for Enforcer::offer_approval()
  Duration retry_after{0};                       // kSlowDown
  // The API is only observed (Question::observed): it is recorded that this would have been refused, and the
  // face lets it pass. Never with kNotRecorded.
  bool observed = false;

  Reason reason() const noexcept { return refusal.reason; }
  // Never throws: there are no texts in it.
  static Refused not_recorded(RequestId request_id) noexcept {
    return {Kind::kNotRecorded, {Reason::kIndeterminate, {}, {}, {}, {}}, request_id};
  }
};

using Outcome = std::expected<Permit, Refused>;
using OutcomeCallback = std::move_only_function<void(Outcome&&)>;
using PublicOutcome = std::expected<PublicPermit, Refused>;
using PublicCallback = std::move_only_function<void(PublicOutcome)>;

}  // namespace writ::enforce
