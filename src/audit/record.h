// Record: what happened, as the audit keeps it. Never a token, never a secret.
//
// A plain value; docs/audit-format.md describes each member. Absent texts are left out of the line, and one
// that is cut is named with its length.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/clock.h"

namespace writ::audit {

inline constexpr std::string_view kNotRecorded = "null";

// What is cut, in bytes; `cut` in the record says of what, and how long it was.
inline constexpr std::size_t kMaxTextBytes = 8 * 1024;
inline constexpr std::size_t kMaxListBytes = 16 * 1024;
inline constexpr std::size_t kMaxStrangerTextBytes = 256;  // whatever somebody unknown sent
// What is whole or not there.
inline constexpr std::size_t kMaxObjectBytes = 8 * 1024;

// How it stands with a record when not all can be written (log.h).
enum class Standing : std::uint8_t {
  kOrdinary,
  kStranger,  // a refusal to a caller that nobody has authenticated: limited, and counted beyond the limit
  kOperator,  // of a token for Writ's own API, which a stop may need first: from half of the space for stops
  kStop,      // of what stops somebody or something: from the space that is kept for it
};

// A claim of a token by its name, a text or an instant. Views.
struct RecordedClaim {
  std::string_view name;
  std::string_view text = {};
  std::optional<Instant> date = {};
};

// In order; what is empty is left out of the line. No memory is taken for them.
class RecordedClaims {
 public:
  RecordedClaims() = default;
  RecordedClaims(std::initializer_list<RecordedClaim> claims) {
    for (const auto& claim : claims) add(claim);
  }
  void add(RecordedClaim claim) {
    WRIT_CHECK(size_ < claims_.size());
    claims_[size_++] = claim;
  }
  const RecordedClaim* begin() const noexcept { return claims_.data(); }
  const RecordedClaim* end() const noexcept { return claims_.data() + size_; }

 private:
  std::array<RecordedClaim, 16> claims_;
  std::size_t size_ = 0;
};

// A decision, and what it was about.
struct Decision {
  std::string_view point;   // which enforcement point: "gateway", "oauth", "api", "authzen"
  std::string_view effect;  // "permit", "deny", "indeterminate"
  std::string_view reason;  // a reason code; empty for a permit
  std::string_view message;
  std::string_view party;  // the party at fault, as Cedar writes it
  std::string_view request_id;
  std::string_view subject;
  std::string_view client;
  std::vector<std::string_view> actors;  // nearest first
  std::string_view api;
  std::string_view action;
  std::string_view resource;
  std::string_view task;
  std::string_view approval;             // of this call, that it used up
  std::vector<std::string_view> labels;  // that the task earns by it
  RecordedClaims claims;                 // of the token, as the decision saw them
  std::string workload = {};         // the same, what its platform said of its client: an object as JSON text
  std::optional<Instant> issued_at;  // the token
  bool sender_bound = false;
  // Objects as JSON text, empty when there is none: what the caller knew of the resource, what the request
  // spends, what else the route found in it, and which part of it told each. One that is too large is
  // kNotRecorded.
  std::string attributes;
  std::string amounts;
  // Of a list from an API's answer: how many elements stayed and how many were taken out, and why. As above.
  std::string elements = {};
  std::string input;
  std::string sources;
  // Of the entities that were pushed, those that were read: a list as JSON text.
  std::string entities;
  std::string_view token_id;                   // jti
  std::string_view token_issuer;               // whose token it is, where it is not Writ's own
  std::span<const std::string_view> policies;  // that determined it
  // Of a permit: for each party, in the order in which they are asked, the places in `policies` of those that
  // permitted it. JSON text: "[[0],[1,2]]"; empty: nobody was asked, or nobody knows.
  std::string permits = {};
  // Of a permit that obliges: what is left out of the API's answer. An object as JSON text, as above.
  std::string obligations = {};
  std::string_view policy_revision;
  // With the shadow policies in force; empty: there are none. The rest is there when that is another effect.
  std::string_view shadow_effect;
  std::string_view shadow_reason;
  std::string_view shadow_party;
  std::vector<std::string_view> shadow_policies;  // those of them that would determine it
  std::string_view method;
  std::string_view path;
  std::string_view peer;
  bool enforced = true;    // false: the API only observes, and what is refused here passed all the same
  bool anonymous = false;  // of a route that is public: nobody's token was asked for
  Standing standing = Standing::kOrdinary;
};

// Something that changed what later decisions see: "task.opened", "identity.suspended", "server.started".
struct Event {
  std::string_view type;
  std::string_view actor;  // who did it; empty: Writ itself
  std::string_view object;
  std::string_view detail;  // never cut: whole, or the record is too large and is refused
  std::string_view request_id;
  Standing standing = Standing::kOrdinary;
};

// Refusals to strangers that were counted instead of recorded, by reason.
struct LeftOut {
  Instant since;
  std::map<std::string, std::uint64_t> counts;
};

// The members of a record as JSON, without the braces and without what the log adds. Owned text, ready to
// append.
struct Record {
  std::string members;
  Standing standing = Standing::kOrdinary;
  std::string reason = {};  // of a stranger's: what it is counted under
};
Record make_record(Instant time, const Decision& decision);
Record make_record(Instant time, const Event& event);
Record make_record(Instant time, const LeftOut& left_out);

// "2026-11-23T09:15:00.123Z"
std::string format_time(Instant time);
void append_time(std::string& out, Instant time);  // of the years 0 to 9999
// What format_time() wrote, and nothing else.
std::optional<Instant> parse_time(std::string_view text);

}  // namespace writ::audit
