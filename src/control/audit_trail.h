// The audit as use cases: its records, and the head that proves them whole.
//
// Thread-safe. A look at records finds the first of them by halving the file, and reads on from there.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "audit/log.h"
#include "control/authority.h"

namespace writ::control {

class AuditTrail {
 public:
  // What it refers to must outlive it.
  AuditTrail(const Authority& authority, const audit::Log& log) : authority_(authority), log_(log) {}

  Answer<audit::Head> head(const Caller& caller) const;
  // The lines after that record, as they were hashed, until `take` says that it is enough.
  Answer<void> records(const Caller& caller, std::uint64_t after,
                       const std::function<bool(std::string_view line)>& take) const;

 private:
  Answer<void> allow(const Caller& caller) const;

  const Authority& authority_;
  const audit::Log& log_;
};

}  // namespace writ::control
