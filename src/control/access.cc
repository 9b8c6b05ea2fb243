#include "control/access.h"

namespace writ::control {
namespace {

constexpr std::string_view kReadAccess = "read-access";

std::string_view kind_of(AccessQuestion::Kind kind) {
  switch (kind) {
    case AccessQuestion::Kind::kOf:
      return "of";
    case AccessQuestion::Kind::kTo:
      return "to";
    case AccessQuestion::Kind::kPath:
      return "path";
    case AccessQuestion::Kind::kClasses:
      return "classes";
    case AccessQuestion::Kind::kDiff:
      return "diff";
  }
  return "";
}

}  // namespace

codec::Json AccessQuestion::json() const {
  auto json = codec::Json::object({{"kind", kind_of(kind)}});
  const auto add = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) json.set(name, text);
  };
  add("id", id);
  add("api", api);
  add("action", action);
  add("resource", resource);
  add("from", from);
  add("to", to);
  if (!reads.empty()) json.set("reads", codec::json_texts(reads));
  if (strict) json.set("strict", true);
  if (all) json.set("all", true);
  return json;
}

Answer<codec::Json> Access::ask(const Caller& caller, const AccessQuestion& question) const {
  const auto permit = TRY(authority_.allow(caller, kReadAccess));
  // Before it is answered, so that nobody learns anything that is not recorded.
  TRY(authority_.record(permit, "access.asked", kind_of(question.kind), question.json().dump()));
  const bool of_a_tenant = permit.tenant().has_value();
  const auto may_see = [&](std::string_view id, const inventory::Member* member) {
    // Nobody knows of which tenant it is.
    if (member == nullptr) return !of_a_tenant;
    return authority_.would_allow(caller, kReadAccess, {inventory::cedar_type((*member)->kind), id},
                                  [member](cedar::Arena&) { return member->attributes(); });
  };
  const auto now = permit.time().latest;
  if (question.kind != AccessQuestion::Kind::kDiff) {
    const auto world = TRY(worlds_.world(kWorldInForce));
    return TRY(answers_.answer(question, world, may_see, now));
  }
  const auto before = TRY(worlds_.world(question.from));
  const auto after = TRY(worlds_.world(question.to));
  return TRY(answers_.diff(question, before, after, may_see, now));
}

}  // namespace writ::control
