// Reports on what is in force: contracts of tokens, posture and right-sizing, with the audit log of the
// running Writ (control/reports.h). What is loaded for them is their own, so that no decision waits.
//
// Whoever may not see everybody gets less of each finding too: evidence and fixes quote the configuration,
// and what stands beside it there. A log may be of any length: what was read of it once is in the index
// beside it (digest/reading.h). Thread-safe.
#pragma once

#include <atomic>
#include <filesystem>
#include <vector>

#include "audit/files.h"
#include "control/reports.h"
#include "digest/reading.h"
#include "inventory/api_key_registry.h"
#include "policy/policies_in_force.h"

namespace writ::server {

class RunningReports final : public control::ReportAnswers {
 public:
  // `log`: the file that the audit is written to. `stopping`: Writ stops, and waits for no report.
  RunningReports(const policy::PoliciesInForce& policies, const inventory::ApiKeyRegistry& api_keys,
                 std::filesystem::path log, const std::atomic<bool>& stopping)
      : policies_(policies), api_keys_(api_keys), log_(std::move(log)), stopping_(stopping) {}

  Result<codec::Json> answer(const control::ReportQuestion& question, const enforce::InForce& in_force,
                             const control::ReportView& view, Instant now) const override;

 private:
  digest::IndexUse index() const {
    return {.stop = [this] { return stopping_.load(); }};
  }
  Result<codec::Json> contracts(const control::ReportQuestion& question, const policy::Loaded& loaded,
                                bool sees_all, Instant now) const;
  Result<codec::Json> posture(const control::ReportQuestion& question, const policy::Loaded& loaded,
                              const enforce::InForce& in_force, const control::ReportView& view,
                              bool sees_all, Instant now) const;
  Result<codec::Json> rightsizing(const control::ReportQuestion& question, const policy::Loaded& loaded,
                                  const enforce::InForce& in_force, const control::ReportView& view,
                                  bool sees_all, Instant now) const;

  const policy::PoliciesInForce& policies_;
  const inventory::ApiKeyRegistry& api_keys_;
  const std::filesystem::path log_;
  const std::atomic<bool>& stopping_;
};

}  // namespace writ::server
