#include "control/authority.h"

#include <fmt/format.h>

namespace writ::control {
namespace {

constexpr std::string_view kActionType = "Writ::Action";
constexpr std::string_view kApiType = "Writ::Api";

// Whether another object could have been the difference. What concerns the token, the caller and its chain is
// the same for all of them; so are steps that would help, for who may see it after them.
bool depends_on_object(Reason reason) {
  switch (reason) {
    case Reason::kTenantMismatch:
    case Reason::kEnvironmentMismatch:
    case Reason::kPurposeMismatch:
    case Reason::kActionNotInTask:
    case Reason::kResourceNotInTask:
    case Reason::kPolicyForbid:
    case Reason::kPolicyNoPermit:
    case Reason::kContextMissing:
    case Reason::kFactsUnavailable:
    case Reason::kObligationUnmet:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::unexpected<Failure> of_all_tenants(const enforce::Permit& permit, std::string_view what) {
  decision::Refusal refusal{Reason::kTenantMismatch,
                            fmt::format("{} of all tenants, the request of `{}`", what, *permit.tenant()),
                            {},
                            {},
                            {}};
  return std::unexpected(
      Failure(enforce::Refused{enforce::Refused::Kind::kDecided, std::move(refusal), permit.request_id()}));
}

enforce::Question Authority::question(const Caller& caller, std::string_view action,
                                      const enforce::EntityName& resource, enforce::Attributes attributes,
                                      Stops stops) const {
  return {.point = "api",
          .sent = caller.sent,
          .credentials = caller.credentials,
          .api = kOwnApi,
          .action = {kActionType, action},
          .resource = resource,
          .attributes = std::move(attributes),
          .public_origin = origin_,
          .stops = stops == Stops::kYes};
}

void Authority::turn_away(const Caller& caller, enforce::OutcomeCallback callback) const {
  enforcer_.enforce(question(caller, {}, {kApiType, kOwnApi}, {}, Stops::kNo), std::move(callback));
}

Answer<enforce::Permit> Authority::allow(const Caller& caller, std::string_view action,
                                         const enforce::EntityName& resource, enforce::Attributes attributes,
                                         Stops stops) const {
  auto outcome = enforcer_.enforce(question(caller, action, resource, std::move(attributes), stops));
  if (!outcome) return std::unexpected(Failure(std::move(outcome).error()));
  return *std::move(outcome);
}

Answer<enforce::Permit> Authority::allow(const Caller& caller, std::string_view action) const {
  return allow(caller, action, {kApiType, kOwnApi});
}

Answer<enforce::Permit> Authority::allow_for_all_tenants(const Caller& caller, std::string_view action,
                                                         std::string_view what, Stops stops) const {
  auto permit = TRY(allow(caller, action, {kApiType, kOwnApi}, {}, stops));
  if (permit.tenant()) return of_all_tenants(permit, what);
  return permit;
}

Answer<enforce::Permit> Authority::allow_on(const Caller& caller, std::string_view action, Object object,
                                            Stops stops) const {
  auto outcome = enforcer_.enforce(question(caller, action, object.name, object.attributes, stops));
  const bool there = object.presence == Presence::kThere;
  if (outcome && object.presence != Presence::kAbsent) return *std::move(outcome);
  if (!outcome && !depends_on_object(outcome.error().reason()))
    return std::unexpected(Failure(std::move(outcome).error()));
  const bool seen =
      !outcome && would_allow(caller, object.seen_by, object.name, std::move(object.attributes));
  if (seen && there) return std::unexpected(Failure(std::move(outcome).error()));
  return std::unexpected(Failure(std::move(object.absent)));
}

bool Authority::would_allow(const Caller& caller, std::string_view action,
                            const enforce::EntityName& resource, enforce::Attributes attributes) const {
  return enforcer_.would_permit(question(caller, action, resource, std::move(attributes), Stops::kNo));
}

Answer<void> Authority::record(const enforce::Permit& permit, std::string_view event, std::string_view object,
                               std::string_view detail, Stops stops) const {
  const audit::Event told{
      .type = event,
      .actor = permit.token()->client_id,
      .object = object,
      .detail = detail,
      .request_id = permit.request_id(),
      .standing = stops == Stops::kYes ? audit::Standing::kStop : audit::Standing::kOrdinary};
  auto recorded = record_(audit::make_record(permit.time().earliest, told));
  if (recorded) return {};
  // Nothing of it is left out: what is too large to be recorded is not done.
  if (recorded.error().code == ErrorCode::kLimit)
    return std::unexpected(Failure(std::move(recorded).error()));
  return std::unexpected(Failure(NotRecorded{permit.request_id()}));
}

}  // namespace writ::control
