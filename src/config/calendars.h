// The `calendars` of the configuration: names for spans of time and for hours of the week.
//
//   calendars:
//     freeze: [{from: 2026-12-18T00:00:00Z, until: 2027-01-05T00:00:00Z}]
//     business-hours: [{weekdays: [mon, tue, wed, thu, fri], from: "09:00", until: "17:00", utc_offset:
//     "+01:00"}]
#pragma once

#include <vector>

#include "context/calendars.h"
#include "files/fields.h"

namespace writ::config {

inline constexpr std::size_t kMaxCalendars = 64;
inline constexpr std::size_t kMaxCalendarWindows = 1024;  // of one calendar

// Reports windows that are empty, end before they begin or overlap, and calendars that would never be in
// force. An absent node has no calendars.
std::vector<context::Calendar> read_calendars(const files::YamlNode* node, files::Source& source);

}  // namespace writ::config
