#include "control/audit_trail.h"

#include <vector>

#include "audit/verify.h"

namespace writ::control {
namespace {
constexpr std::string_view kReadAudit = "read-audit";
}

// The chain is of all tenants, and a part of it proves nothing: a caller of one tenant does not read it.
Answer<void> AuditTrail::allow(const Caller& caller) const {
  TRY(authority_.allow_for_all_tenants(caller, kReadAudit, "the audit is"));
  return {};
}

Answer<audit::Head> AuditTrail::head(const Caller& caller) const {
  TRY(allow(caller));
  return log_.head();
}

Answer<void> AuditTrail::records(const Caller& caller, std::uint64_t after,
                                 const std::function<bool(std::string_view)>& take) const {
  TRY(allow(caller));
  const auto newest = TRY(audit::part_of(log_.path()));
  // Older files are looked for only when they are asked for.
  const bool enough = newest && newest->before.seq <= after;
  const auto parts = enough ? std::vector{*newest} : TRY(audit::parts_beside(log_.path()));
  TRY(audit::read_after(parts, after, take));
  return {};
}

}  // namespace writ::control
