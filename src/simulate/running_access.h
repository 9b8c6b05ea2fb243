// Who reaches what in the state that is running (access/asker.h): inventory with operators' stops, policies
// and calendars that are in force. Entities that were pushed are not looked at, and the answer says so.
//
// Thread-safe.
#pragma once

#include "control/access.h"

namespace writ::simulate {

class RunningAccess final : public control::AccessAnswers {
 public:
  Result<codec::Json> answer(const control::AccessQuestion& question, const enforce::InForce& in_force,
                             const control::MaySeeParty& may_see, Instant now) const override;
};

}  // namespace writ::simulate
