// Calendars: names for stretches of time, such as a change freeze or the hours of business, so that policies
// say `context.calendars.contains("freeze")` and the dates stand in one place (docs/configuration.md).
//
// A calendar has spans between two instants, or hours that come back every week. The beginning is within, the
// end is not. Immutable; copies are not needed, it is shared with the policies. Reading allocates in the
// arena only. Instants and hours are UTC: whoever reads a configuration has taken its offset off.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cedar/symbols.h"
#include "cedar/value.h"

namespace writ::context {

struct Calendar {
  struct Span {
    Instant from, until;
  };
  // Since Monday 00:00 UTC, within one week.
  struct Hours {
    Duration from, until;
  };
  std::string name;
  std::vector<Span> spans;
  std::vector<Hours> hours;

  bool in_force(Instant time) const noexcept;
  // All that it says on one line, the same for the same calendar: it is part of what names a policy revision.
  std::string text() const;
};

class Calendars {
 public:
  // Names are distinct.
  explicit Calendars(std::vector<Calendar> calendars);
  static const std::shared_ptr<const Calendars>& none();

  // The names of those in force, a set of strings that borrows from here.
  cedar::Value in_force(Instant time, cedar::Arena& arena) const;

 private:
  cedar::Arena texts_;
  std::vector<Calendar> calendars_;
  std::vector<cedar::Value> names_;  // by calendar
};

}  // namespace writ::context
