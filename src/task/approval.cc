#include "task/approval.h"

#include <algorithm>

#include "codec/members.h"
#include "codec/name.h"

namespace writ::task {
namespace {

using codec::Json;
using codec::Members;

Result<Instant> read_millis(const Members& members, std::string_view name) {
  return Instant(Duration(TRY(members.integer(name, 0, INT64_MAX / 2))));
}

template <class Number>
Json to_json(const Approvals& approvals, std::string_view until, std::string_view at, Number number) {
  Json given = Json::array();
  for (const Approval& each : approvals.given) {
    Json one = Json::object({{"by", each.by}});
    one.set(at, number(each.at));
    given.push(std::move(one));
  }
  Json json = Json::object({{"needed", approvals.needed}});
  json.set(until, number(approvals.until));
  json.set("given", std::move(given));
  return json;
}

}  // namespace

Result<Approvals> approvals_from_request(const Json* json, Instant now, Instant expires_at) {
  Approvals approvals;
  approvals.until = expires_at;
  if (json == nullptr || json->is_null()) return approvals;
  const auto members = TRY(Members::of(*json, "`approvals`", {"needed", "within_seconds"}));
  approvals.needed = TRY(members.integer("needed", 1, kMaxApprovals));
  const auto within = TRY(members.optional_integer("within_seconds", 1, 366 * 24 * 3600));
  if (within) approvals.until = std::min(expires_at, now + std::chrono::seconds(*within));
  return approvals;
}

Json approvals_to_json(const Approvals& approvals) {
  return to_json(approvals, "until", "at", [](Instant at) { return unix_seconds(at); });
}

Json approvals_record(const Approvals& approvals) {
  return to_json(approvals, "until_ms", "at_ms", [](Instant at) { return unix_millis(at); });
}

Result<Approvals> approvals_from_record(const Json* json) {
  Approvals approvals;
  if (json == nullptr) return approvals;
  const auto members = TRY(Members::of(*json, "`approvals`", {"needed", "until_ms", "given"}));
  approvals.needed = TRY(members.integer("needed", 1, kMaxApprovals));
  approvals.until = TRY(read_millis(members, "until_ms"));
  const Json* given = members.find("given");
  if (given == nullptr || given->if_array() == nullptr) return members.wrong("given", "must be a list");
  for (const Json& each : *given->if_array()) {
    const auto one = TRY(Members::of(each, "the approval", {"by", "at_ms"}));
    approvals.given.push_back({TRY(one.text("by", codec::kMaxNameBytes)), TRY(read_millis(one, "at_ms"))});
  }
  return approvals;
}

}  // namespace writ::task
