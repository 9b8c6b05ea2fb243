// Who reaches what in the state that is running (access/asker.h): inventory with operators' stops, policies
// and calendars that are in force. What was pushed may change, so no verdict rests on it; requests that are
// shown were decided with it. What was answered before is not asked again until something changes that it
// was read from.
//
// Thread-safe.
#pragma once

#include "access/asker.h"
#include "control/access.h"

namespace writ::simulate {

class RunningAccess final : public control::AccessAnswers {
 public:
  Result<codec::Json> answer(const control::AccessQuestion& question, const control::AccessWorld& world,
                             const control::MaySeeParty& may_see, Instant now) const override;
  Result<codec::Json> diff(const control::AccessQuestion& question, const control::AccessWorld& before,
                           const control::AccessWorld& after, const control::MaySeeParty& may_see,
                           Instant now) const override;
  access::KnownAnswers::Counts counts() const { return known_.counts(); }

 private:
  Result<std::unique_ptr<access::Asker>> asker_of(const control::AccessWorld& world, Instant now) const;

  mutable access::KnownAnswers known_;
};

}  // namespace writ::simulate
