#include "control/policies.h"

#include "codec/members.h"

namespace writ::control {
namespace {

constexpr std::string_view kManagePolicies = "manage-policies";
constexpr std::string_view kReadPolicies = "read-policies";

ReplacedBy by(const enforce::Permit& permit, std::string_view cause) {
  return {cause, permit.token()->client_id, permit.request_id()};
}

}  // namespace

Answer<PolicySets::State> Policies::list(const Caller& caller) const {
  TRY(authority_.allow(caller, kReadPolicies));
  return TRY(sets_.state());
}

Answer<RevisionTexts> Policies::show(const Caller& caller, const std::string& revision) const {
  TRY(authority_.allow(caller, kReadPolicies));
  return TRY(sets_.read(revision));
}

Answer<Replacement> Policies::reload(const Caller& caller, const codec::Json& request) const {
  const auto permit = TRY(authority_.allow_for_all_tenants(caller, kManagePolicies, "policies are"));
  auto asked = by(permit, "api");
  if (!request.is_null()) {
    const auto members = TRY(codec::Members::of(request, "the request", {"at_once"}));
    asked.at_once = TRY(members.boolean("at_once", false));
  }
  return TRY(sets_.reload(asked));
}

Answer<Replacement> Policies::roll_back(const Caller& caller, const codec::Json& request) const {
  const auto permit = TRY(authority_.allow_for_all_tenants(caller, kManagePolicies, "policies are"));
  const auto members = TRY(codec::Members::of(request, "the request", {"revision"}));
  const auto revision = TRY(members.text("revision"));
  return TRY(sets_.roll_back(revision, by(permit, "rollback")));
}

}  // namespace writ::control
