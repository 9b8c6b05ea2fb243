#include "control/reports.h"

namespace writ::control {
namespace {

constexpr std::string_view kReadPosture = "read-posture";

}  // namespace

std::string_view kind_name(ReportQuestion::Kind kind) noexcept {
  constexpr std::string_view kNames[] = {"contracts", "posture", "rightsizing"};
  return kNames[static_cast<std::size_t>(kind)];
}

codec::Json ReportQuestion::json() const {
  auto json = codec::Json::object({{"kind", kind_name(kind)}});
  if (!api.empty()) json.set("api", api);
  if (!check.empty()) json.set("check", check);
  if (kind == Kind::kPosture && !log) json.set("log", false);
  if (kind == Kind::kRightsizing) json.set("days", static_cast<std::int64_t>(days));
  return json;
}

Answer<codec::Json> Reports::ask(const Caller& caller, const ReportQuestion& question) const {
  const auto permit = TRY(authority_.allow(caller, kReadPosture));
  const auto in_force = current_.get();
  // Before it is answered, so that nobody learns anything that is not recorded.
  TRY(authority_.record(permit, "posture.asked", kind_name(question.kind), question.json().dump()));
  const bool of_a_tenant = permit.tenant().has_value();
  const ReportView view{[&](std::string_view id, const inventory::Member* member) {
                          // Nobody knows of which tenant it is.
                          if (member == nullptr) return !of_a_tenant;
                          return authority_.would_allow(
                              caller, kReadPosture, {inventory::cedar_type((*member)->kind), id},
                              [member](cedar::Arena&) { return member->attributes(); });
                        },
                        of_a_tenant};
  return TRY(answers_.answer(question, *in_force, view, permit.time().latest));
}

}  // namespace writ::control
