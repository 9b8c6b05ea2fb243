#include "simulate/running_access.h"

#include <charconv>
#include <fmt/format.h>

#include "access/asker.h"
#include "facts/pushed.h"
#include "gateway/routes.h"

namespace writ::simulate {
namespace {

using codec::Json;
using control::AccessQuestion;

constexpr std::size_t kRevisionShown = 16;

// The place in a list of answers that only the same policies make again: "0f3a61c2….100".
std::string place_after(std::string_view revision, std::size_t count) {
  return fmt::format("{}.{}", revision.substr(0, kRevisionShown), count);
}

Result<std::size_t> place_of(std::string_view after, std::string_view revision) {
  if (after.empty()) return 0;
  const auto dot = after.rfind('.');
  std::size_t count = 0;
  const auto* end = after.data() + after.size();
  const auto read = std::from_chars(after.data() + (dot == after.npos ? after.size() : dot + 1), end, count);
  if (dot == after.npos || read.ec != std::errc() || read.ptr != end)
    return failure(ErrorCode::kInvalid, "`after` must be what an answer gave as `next`");
  if (after.substr(0, dot) != revision.substr(0, kRevisionShown))
    return failure(ErrorCode::kConflict,
                   "the policies are others than when the first page was read: begin again");
  return count;
}

// What of a list is on the page, and how it goes on.
template <class Item>
void cut_to_page(std::vector<Item>& items, std::size_t from, std::size_t limit, std::string_view revision,
                 std::optional<std::string>& next) {
  const auto begin = std::min(from, items.size());
  if (items.size() - begin > limit) {
    next = place_after(revision, begin + limit);
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(begin + limit), items.end());
  }
  items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(begin));
}

}  // namespace

Result<Json> RunningAccess::answer(const AccessQuestion& question, const enforce::InForce& in_force,
                                   const control::MaySeeParty& may_see, Instant now) const {
  const auto& revision = in_force.policies->revision;
  const auto from = TRY(place_of(question.after, revision));
  const auto asker = TRY(access::Asker::make(*in_force.inventory, *in_force.policies, now, &known_));
  const access::MaySee sees = [&](const access::ChainLink& link) { return may_see(link.id, link.member); };
  std::optional<std::string> next;
  Json json;
  if (question.kind == AccessQuestion::Kind::kClasses) {
    auto classes =
        TRY(asker->classes({.api = question.api,
                            .action = question.action,
                            .reads = question.reads,
                            .names = question.strict ? access::Names::kStrict : access::Names::kExchanged,
                            .links = asker->links(question.links),
                            .chains = control::kMaxAccessChains},
                           sees));
    cut_to_page(classes.targets, from, question.limit, revision, next);
    json = classes.json();
    json.set("policy_revision", revision);
  } else {
    access::ReachQuestion asked{.of = question.id,
                                .filter = {.api = question.api, .action = question.action},
                                .links = asker->links(question.links),
                                .chains = control::kMaxAccessChains,
                                .never = question.all,
                                .witness = !question.quick};
    if (!question.resource.empty()) asked.filter.resource = question.resource;
    auto answered = TRY(asker->ask(asked, sees));
    if (in_force.routes != nullptr) {
      for (const std::string& api : in_force.routes->observed_apis())
        if (question.api.empty() || question.api == api) answered.heading.observed.push_back(api);
    }
    const auto shares = access::verdict_counts(answered.rows);
    cut_to_page(answered.rows, from, question.limit, revision, next);
    json = to_json(answered.rows, answered.heading);
    // Of all pages.
    const auto number = [](std::size_t count) { return Json(static_cast<std::int64_t>(count)); };
    json.set("shares", Json::object({{"never", number(shares.never)},
                                     {"always", number(shares.always)},
                                     {"witnessed", number(shares.witnessed)},
                                     {"open", number(shares.open)}}));
  }
  json.set("pushed_entities_left_out", in_force.pushed != nullptr);
  json.set("more", next.has_value());
  if (next) json.set("next", *next);
  return json;
}

}  // namespace writ::simulate
