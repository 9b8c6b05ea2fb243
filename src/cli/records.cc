#include "cli/records.h"

#include <algorithm>
#include <fmt/format.h>

#include "cli/output.h"
#include "cli/visible.h"

namespace writ::cli {

bool would_change(const codec::Json& record) {
  const auto* shadow = record.find_string("shadow_effect");
  return shadow != nullptr && *shadow != show(record, "effect");
}

std::string shadow_outcome(const codec::Json& record) {
  const auto reason = show(record, "shadow_reason");
  return show(record, "shadow_effect") + (reason.empty() ? "" : " " + reason);
}

std::string parties_of(const codec::Json& record) {
  auto parties = show(record, "subject");
  const auto add = [&](const std::string& party) {
    if (!party.empty() && !parties.ends_with(party)) parties += (parties.empty() ? "" : " → ") + party;
  };
  const auto* actors = record.find("actors");
  if (actors != nullptr && actors->if_array() != nullptr) {
    const auto& nearest_first = *actors->if_array();
    for (auto actor = nearest_first.rbegin(); actor != nearest_first.rend(); ++actor)
      if (const auto* id = actor->if_string()) add(*id);
  }
  add(show(record, "client"));
  return parties.empty() ? "-" : parties;
}

namespace {

// Who approves or denies is what these events are about.
std::string person_of(const codec::Json& record) {
  const auto type = show(record, "type");
  for (const auto* by_person : {"task.approved", "task.denied", "approval.approved", "approval.denied"})
    if (type == by_person) return show(record, "detail");
  return {};
}

std::string actor_of(const codec::Json& record, std::string_view person) {
  const auto told = person_of(record);
  if (!told.empty()) person = told;
  const auto actor = show(record, "actor");
  return person.empty() || person == actor ? actor : fmt::format("{} → {}", person, actor);
}

// Why a stream ended, as a refusal says it; of other events nothing.
std::string end_of_stream(const codec::Json& record) {
  if (show(record, "type") != "stream.ended") return {};
  const auto detail = codec::parse_json(show(record, "detail"));
  if (!detail) return {};
  return fmt::format("  [{}] {}", show(*detail, "reason"), show(*detail, "message"));
}

}  // namespace

std::string RecordLines::next(const codec::Json& record) {
  const auto request = show(record, "request_id");
  if (record.find("effect") == nullptr) {
    const auto asked =
        std::find_if(asked_.rbegin(), asked_.rend(), [&](const auto& each) { return each.first == request; });
    return line_of(record, asked == asked_.rend() ? std::string_view() : asked->second);
  }
  // Only requests to Writ's own API lead to events of somebody's.
  if (show(record, "point") == "api" && !request.empty())
    asked_.emplace_back(request, show(record, "subject"));
  if (asked_.size() > kMostRemembered) asked_.pop_front();
  return line_of(record);
}

std::string line_of(const codec::Json& record, std::string_view person) {
  auto line = fmt::format("{:>6} {} ", show(record, "seq"), show(record, "time"));
  if (record.find("effect") == nullptr)
    return visible_line(line + fmt::format("{:<13} {} {}{}", show(record, "type"), actor_of(record, person),
                                           show(record, "object"), end_of_stream(record)));
  line += fmt::format("{:<13} {:<8} {}  {} {}", show(record, "effect"), show(record, "point"),
                      parties_of(record), show(record, "action"), show(record, "resource"));
  if (record.find("reason") != nullptr)
    line += fmt::format("  [{}] {}", show(record, "reason"), show(record, "message"));
  if (would_change(record)) line += fmt::format("  (with shadow policies: {})", shadow_outcome(record));
  return visible_line(line);
}

}  // namespace writ::cli
