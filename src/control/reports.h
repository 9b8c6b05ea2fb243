// Reports as use cases: what tokens carry, what is wrong, and what may be narrower (docs/report.md). They say
// where an attack would be worth while: asking is an action of its own (`read-posture`), each question is
// recorded with its text, and what is about somebody whom the caller may not see is left out.
//
// Thread-safe. It waits for the audit, and reading a log may take long: not on a loop thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/times.h"
#include "codec/json.h"
#include "control/access.h"
#include "control/authority.h"

namespace writ::control {

inline constexpr std::size_t kMaxFindings = 1000;  // of one answer

struct ReportQuestion {
  enum class Kind : std::uint8_t { kContracts, kPosture, kRightsizing };
  Kind kind;
  std::string api = {};     // kContracts: "": all
  std::string check = {};   // kPosture: "": all
  bool log = true;          // kPosture: also what the audit log says of use
  std::uint64_t days = 90;  // kRightsizing: the last so many of the log
  std::size_t limit = 100;  // kPosture: findings
  std::string after = {};   // `next` of an answer

  codec::Json json() const;  // as it was asked
};
std::string_view kind_name(ReportQuestion::Kind kind) noexcept;  // "contracts", "posture", "rightsizing"

// What the caller may see.
struct ReportView {
  MaySeeParty may_see;
  bool of_a_tenant;  // what is not about somebody is about everybody, and not for a tenant
};

// What knows (`server`). Thread-safe.
class ReportAnswers {
 public:
  virtual ~ReportAnswers() = default;
  // As docs/api.md has it. Fails with kNotFound, kInvalid, with kConflict where there is no such finding any
  // more, and with kUnavailable where Writ stops before the log was read.
  virtual Result<codec::Json> answer(const ReportQuestion& question, const enforce::InForce& in_force,
                                     const ReportView& view, Instant now) const = 0;
};

class Reports {
 public:
  // What it refers to must outlive it.
  Reports(const Authority& authority, const enforce::Current& current, const ReportAnswers& answers)
      : authority_(authority), current_(current), answers_(answers) {}

  Answer<codec::Json> ask(const Caller& caller, const ReportQuestion& question) const;

 private:
  const Authority& authority_;
  const enforce::Current& current_;
  const ReportAnswers& answers_;
};

}  // namespace writ::control
