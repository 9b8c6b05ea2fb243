// Call: one exact call of an API, with all that an approval of it is bound to, and that approval.
//
// Plain values with strict JSON in both directions. Instants are milliseconds since the Unix epoch; in the
// JSON for people they are whole seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "codec/json.h"

namespace writ::task {

struct Call {
  std::string subject;
  std::string client;
  std::vector<std::string> actors;  // nearest first
  std::optional<std::string> task;
  std::optional<std::string> purpose;
  std::string api;
  std::string action;    // as Cedar writes it
  std::string resource;  // likewise
  std::string method;
  std::string path;
  std::string query;
  std::string arguments;  // the digest of method, path, query, media type and body
  std::string policy_revision;

  // Subject, client and actors, each once.
  std::vector<std::string> parties() const;
  friend bool operator==(const Call&, const Call&) = default;
};

// approved and denied come after pending, used after approved. Nothing leads out of the last two.
enum class CallState : std::uint8_t { kPending, kApproved, kDenied, kUsed };
std::string_view call_state_name(CallState state) noexcept;  // "pending", "approved", "denied", "used"
std::optional<CallState> call_state_from_name(std::string_view name) noexcept;

struct CallApproval {
  std::string id;
  Call call;
  std::optional<std::string> tenant;  // of the request, for policies on who approves
  std::string body;                   // so that people see what they approve
  Instant asked_at;
  Instant until;           // not to be approved or used from then on
  std::string decided_by;  // a user; empty while it is pending
};

struct StoredCall {
  CallApproval approval;
  CallState state;
};

// For people; what is past `until` shows as "expired", unless it is over already.
codec::Json call_to_json(const CallApproval& approval, CallState state, Instant now);

// For the store: everything.
std::string call_record(const CallApproval& approval);
Result<CallApproval> call_from_record(std::string_view text);

}  // namespace writ::task
