// Who reaches what in the state that is running (access/asker.h): inventory with operators' stops, policies
// and calendars that are in force. Entities that were pushed are not looked at, and the answer says so. What
// was answered before is not asked again until something changes that it was read from.
//
// Thread-safe.
#pragma once

#include "access/known_answers.h"
#include "control/access.h"

namespace writ::simulate {

class RunningAccess final : public control::AccessAnswers {
 public:
  Result<codec::Json> answer(const control::AccessQuestion& question, const enforce::InForce& in_force,
                             const control::MaySeeParty& may_see, Instant now) const override;
  access::KnownAnswers::Counts counts() const { return known_.counts(); }

 private:
  mutable access::KnownAnswers known_;
};

}  // namespace writ::simulate
