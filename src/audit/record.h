// Record: what happened, as the audit keeps it. Never a token, never a secret.
//
// A plain value; docs/audit-format.md describes each member. Absent texts are left out of the line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace writ::audit {

inline constexpr std::string_view kNotRecorded = "null";

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
  std::string_view purpose;
  std::string_view tenant;
  std::string_view environment;
  std::string_view subject_issuer;  // the provider whose word the subject is
  std::string_view acr;
  std::optional<Instant> issued_at;  // the token
  std::optional<Instant> auth_time;
  bool sender_bound = false;
  // Objects as JSON text, empty when there is none: what the caller knew of the resource, and what the
  // request spends. One that is too large is kNotRecorded.
  std::string attributes;
  std::string amounts;
  std::string_view token_id;               // jti
  std::vector<std::string_view> policies;  // that determined it
  std::string_view policy_revision;
  // With the shadow policies in force; empty: there are none. The rest is there when that is another effect.
  std::string_view shadow_effect;
  std::string_view shadow_reason;
  std::string_view shadow_party;
  std::vector<std::string_view> shadow_policies;  // those of them that would determine it
  std::string_view method;
  std::string_view path;
  std::string_view peer;
};

// Something that changed what later decisions see: "task.opened", "identity.suspended", "server.started".
struct Event {
  std::string_view type;
  std::string_view actor;  // who did it; empty: Writ itself
  std::string_view object;
  std::string_view detail;
  std::string_view request_id;
};

// The members of a record as JSON, without the braces and without what the log adds. Owned text, ready to
// append.
struct Record {
  std::string members;
};
Record make_record(Instant time, const Decision& decision);
Record make_record(Instant time, const Event& event);

// "2026-11-23T09:15:00.123Z"
std::string format_time(Instant time);
// What format_time() wrote, and nothing else.
std::optional<Instant> parse_time(std::string_view text);

}  // namespace writ::audit
