#include "task/call.h"

#include <algorithm>
#include <array>

#include "codec/members.h"
#include "task/task.h"

namespace writ::task {
namespace {

using codec::Json;
using codec::Members;

constexpr std::array<std::string_view, 4> kCallStates{"pending", "approved", "denied",
                                                      "used"};  // by CallState
constexpr std::size_t kMaxCallText = 64 * 1024;                 // longer than a request's head may be

// What the record and the outward form share.
Json shared_members(const CallApproval& approval) {
  const Call& call = approval.call;
  // One by one: where memory ends in the middle of a list of initial members, g++ 12 cleans up what is not
  // there.
  Json json = Json::object();
  json.set("id", approval.id);
  json.set("subject", call.subject);
  json.set("client", call.client);
  json.set("actors", codec::json_texts(call.actors));
  json.set("api", call.api);
  json.set("action", call.action);
  json.set("resource", call.resource);
  json.set("method", call.method);
  json.set("path", call.path);
  json.set("arguments", call.arguments);
  json.set("policy_revision", call.policy_revision);
  const auto optional = [&](std::string_view name, const std::optional<std::string>& text) {
    if (text) json.set(name, *text);
  };
  optional("task", call.task);
  optional("purpose", call.purpose);
  optional("tenant", approval.tenant);
  const auto unless_empty = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) json.set(name, text);
  };
  unless_empty("query", call.query);
  unless_empty("decided_by", approval.decided_by);
  return json;
}

Result<Call> call_of(const Members& members) {
  Call call;
  call.subject = TRY(members.text("subject", kMaxCallText));
  call.client = TRY(members.text("client", kMaxCallText));
  call.actors = TRY(members.texts("actors", kMaxRequesters, kMaxCallText));
  call.task = TRY(members.optional_text("task", kMaxCallText));
  call.purpose = TRY(members.optional_text("purpose", kMaxCallText));
  call.api = TRY(members.text("api", kMaxCallText));
  call.action = TRY(members.text("action", kMaxCallText));
  call.resource = TRY(members.text("resource", kMaxCallText));
  call.method = TRY(members.text("method", kMaxCallText));
  call.path = TRY(members.text("path", kMaxCallText));
  call.query = TRY(members.optional_text("query", kMaxCallText)).value_or("");
  call.arguments = TRY(members.text("arguments", kMaxCallText));
  call.policy_revision = TRY(members.text("policy_revision", kMaxCallText));
  return call;
}

}  // namespace

std::vector<std::string> Call::parties() const {
  std::vector<std::string> parties{subject};
  const auto add = [&](const std::string& id) {
    if (std::ranges::find(parties, id) == parties.end()) parties.push_back(id);
  };
  add(client);
  for (const auto& actor : actors) add(actor);
  return parties;
}

std::string_view call_state_name(CallState state) noexcept {
  return kCallStates[static_cast<std::size_t>(state)];
}

std::optional<CallState> call_state_from_name(std::string_view name) noexcept {
  const auto found = std::ranges::find(kCallStates, name);
  if (found == kCallStates.end()) return std::nullopt;
  return static_cast<CallState>(found - kCallStates.begin());
}

Json call_to_json(const CallApproval& approval, CallState state, Instant now) {
  Json json = shared_members(approval);
  const bool open = state == CallState::kPending || state == CallState::kApproved;
  json.set("state", open && now >= approval.until ? std::string_view("expired") : call_state_name(state));
  if (!approval.body.empty()) json.set("body", approval.body);
  json.set("asked_at", unix_seconds(approval.asked_at));
  json.set("until", unix_seconds(approval.until));
  return json;
}

std::string call_record(const CallApproval& approval) {
  Json json = shared_members(approval);
  // A body may have any bytes that are text, control characters too, so it is not read as a member is.
  json.set("body", approval.body);
  json.set("asked_at_ms", unix_millis(approval.asked_at));
  json.set("until_ms", unix_millis(approval.until));
  return json.dump();
}

Result<CallApproval> call_from_record(std::string_view text) {
  const Json json = TRY(codec::parse_json(text));
  const auto members = TRY(Members::of(json, "the approval",
                                       {"id", "subject", "client", "actors", "task", "purpose", "tenant",
                                        "api", "action", "resource", "method", "path", "query", "arguments",
                                        "policy_revision", "body", "asked_at_ms", "until_ms", "decided_by"}));
  CallApproval approval;
  approval.id = TRY(members.text("id"));
  approval.call = TRY(call_of(members));
  approval.tenant = TRY(members.optional_text("tenant", kMaxCallText));
  const Json* body = members.find("body");
  if (body == nullptr || body->if_string() == nullptr) return members.wrong("body", "must be a string");
  approval.body = *body->if_string();
  approval.asked_at = Instant(Duration(TRY(members.integer("asked_at_ms", 0, INT64_MAX / 2))));
  approval.until = Instant(Duration(TRY(members.integer("until_ms", 0, INT64_MAX / 2))));
  approval.decided_by = TRY(members.optional_text("decided_by", kMaxCallText)).value_or("");
  return approval;
}

}  // namespace writ::task
