#include "authzen/held.h"

#include <algorithm>

#include "cedar/entity_json.h"
#include "decision/guards.h"

namespace writ::authzen {
namespace {

using cedar::MembersRead;
using codec::Json;

bool can_be_held(const Json& json) {
  if (const auto* items = json.if_array()) return std::ranges::all_of(*items, can_be_held);
  if (const auto* members = json.if_object())
    return std::ranges::all_of(*members, [](const auto& member) { return can_be_held(member.second); });
  return !json.is_null() && !json.is_double();
}

// One of Cedar's escapes is a value, and no record.
bool is_record(const Json& json) {
  return json.is_object() && cedar::entity_escape(json) == nullptr && !cedar::call_escape(json) &&
         !cedar::is_expression_escape(json);
}

}  // namespace

void Held::leave_out(Json& object, std::string_view where, As as) {
  if (can_be_held(object)) return;
  const MembersRead& read = policies_->members_read();
  if (as != As::kAttributes && read.takes_context_whole()) return;
  if (as == As::kActionInContext && read.takes_whole("action")) return;
  if (is_record(object)) leave_out_of(object, std::string(where), read);
}

void Held::leave_out_of(Json& object, const std::string& path, const MembersRead& read) {
  std::erase_if(*object.if_object(), [&](Json::Member& member) {
    auto& [name, value] = member;
    if (can_be_held(value) || decision::is_read_by_guards(name)) return false;
    const auto at = path + "." + name;
    if (is_record(value)) {
      if (!read.takes_whole(name)) leave_out_of(value, at, read);
      return false;
    }
    if (read.reads(name)) return false;
    left_out_.push_back(at);
    return true;
  });
}

}  // namespace writ::authzen
