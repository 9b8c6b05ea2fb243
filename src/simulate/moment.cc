#include "simulate/moment.h"

#include "cedar/ext_datetime.h"

namespace writ::simulate {

std::optional<Instant> parse_moment(std::string_view text, Instant base) {
  auto moment = cedar::Datetime::parse(text);
  if (!moment) {
    const auto after = cedar::CedarDuration::parse(text.substr(text.starts_with('+') ? 1 : 0));
    if (after) moment = cedar::Datetime::from(base).offset(*after);
  }
  return moment ? std::optional(Instant(Duration(moment->epoch_ms))) : std::nullopt;
}

}  // namespace writ::simulate
