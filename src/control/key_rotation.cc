#include "control/key_rotation.h"

#include <fmt/format.h>
#include <optional>

#include "codec/members.h"

namespace writ::control {
namespace {

constexpr std::string_view kManageSigningKeys = "manage-keys";
constexpr std::string_view kReadSigningKeys = "read-keys";

Result<token::Urgency> urgency_of(const codec::Json& request) {
  const auto members = TRY(codec::Members::of(request, "the request", {"urgency"}));
  if (request.find("urgency") == nullptr) return token::Urgency::kOrderly;
  const auto name = TRY(members.text("urgency"));
  if (const auto urgency = token::urgency_from_name(name)) return *urgency;
  return failure(ErrorCode::kInvalid,
                 fmt::format("`urgency` is `{}`, expected orderly, at_once or stolen", name));
}

}  // namespace

Answer<void> KeyRotation::list(const Caller& caller) const {
  TRY(authority_.allow(caller, kReadSigningKeys));
  return {};
}

Answer<void> KeyRotation::rotate(const Caller& caller, const codec::Json& request) const {
  const auto urgency = urgency_of(request);
  const bool stolen = urgency == token::Urgency::kStolen;
  const auto permit = TRY(authority_.allow_for_all_tenants(caller, kManageSigningKeys, "signing keys are",
                                                           stolen ? Stops::kYes : Stops::kNo));
  TRY(urgency);
  std::optional<Failure> not_recorded;
  const auto done =
      keys_.rotate(*urgency, authority_.now().earliest, [&](const token::KeyEvent& event) -> Result<void> {
        auto recorded = authority_.record(permit, event.type, event.kid, event.detail,
                                          event.stops ? Stops::kYes : Stops::kNo);
        if (recorded) return {};
        not_recorded.emplace(std::move(recorded.error()));
        return failure(ErrorCode::kUnavailable, "it could not be recorded");
      });
  if (not_recorded) return std::unexpected(*std::move(not_recorded));
  TRY(done);
  return {};
}

}  // namespace writ::control
