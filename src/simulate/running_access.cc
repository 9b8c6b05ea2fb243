#include "simulate/running_access.h"

#include <charconv>
#include <fmt/format.h>

#include "access/change.h"
#include "crypto/hash.h"
#include "facts/pushed.h"

namespace writ::simulate {
namespace {

using codec::Json;
using control::AccessQuestion;
using control::AccessWorld;

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

Json number(std::size_t count) {
  return Json(static_cast<std::int64_t>(count));
}

void add_page(const std::optional<std::string>& next, Json& json) {
  json.set("more", next.has_value());
  if (next) json.set("next", *next);
}

// Of one API, or of all.
access::OpenToAll open_of(const AccessWorld& world, std::string_view api) {
  access::OpenToAll open;
  for (const auto& each : world.public_routes)
    if (api.empty() || each.api == api) open.public_routes.push_back({each.api, each.method, each.path});
  for (const std::string& each : world.observed)
    if (api.empty() || each == api) open.observed.push_back(each);
  return open;
}

}  // namespace

Result<std::unique_ptr<access::Asker>> RunningAccess::asker_of(const AccessWorld& world, Instant now) const {
  return access::Asker::make(*world.inventory, *world.policies, now, &known_, world.pushed.get());
}

Result<Json> RunningAccess::answer(const AccessQuestion& question, const AccessWorld& world,
                                   const control::MaySeeParty& may_see, Instant now) const {
  const auto& revision = world.policies->revision;
  const auto from = TRY(place_of(question.after, revision));
  const auto asker = TRY(asker_of(world, now));
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
    auto open = open_of(world, question.api);
    answered.heading.public_routes = std::move(open.public_routes);
    answered.heading.observed = std::move(open.observed);
    const auto shares = access::verdict_counts(answered.rows);
    cut_to_page(answered.rows, from, question.limit, revision, next);
    json = to_json(answered.rows, answered.heading);
    // Of all pages.
    json.set("shares", Json::object({{"never", number(shares.never)},
                                     {"always", number(shares.always)},
                                     {"witnessed", number(shares.witnessed)},
                                     {"open", number(shares.open)}}));
  }
  json.set("pushed_entities_left_out", world.pushed != nullptr);
  add_page(next, json);
  return json;
}

Result<Json> RunningAccess::diff(const AccessQuestion& question, const AccessWorld& before,
                                 const AccessWorld& after, const control::MaySeeParty& may_see,
                                 Instant now) const {
  // Of the same two sets of policies.
  const auto revisions =
      crypto::hex(crypto::sha256(before.policies->revision + " " + after.policies->revision));
  const auto from = TRY(place_of(question.after, revisions));
  const auto old = TRY(asker_of(before, now)), fresh = TRY(asker_of(after, now));
  const std::size_t links = std::max(old->links(question.links), fresh->links(question.links));
  const access::MaySee sees = [&](const access::ChainLink& link) { return may_see(link.id, link.member); };
  auto change = access::changes_between(
      *old, *fresh,
      {.links = links, .chains = control::kMaxAccessChains, .changes = control::kMaxAccessChanges}, sees);
  access::compare(open_of(before, {}), open_of(after, {}), change);
  Json json = to_json(change, from, question.limit);
  json.set("from", Json::object({{"world", question.from}, {"policy_revision", before.policies->revision}}));
  json.set("to", Json::object({{"world", question.to}, {"policy_revision", after.policies->revision}}));
  json.set("links", number(links));
  json.set("pushed_entities_left_out", before.pushed != nullptr || after.pushed != nullptr);
  std::optional<std::string> next;
  const std::size_t shown = std::min(from, change.changes.size()) + question.limit;
  if (shown < change.changes.size()) next = place_after(revisions, shown);
  add_page(next, json);
  return json;
}

}  // namespace writ::simulate
