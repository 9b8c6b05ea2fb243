#include "control/calls.h"

#include <algorithm>
#include <fmt/format.h>

#include "context/context.h"
#include "control/people.h"

namespace writ::control {
namespace {

constexpr std::string_view kCallType = "Writ::Call";
constexpr std::string_view kApproveCalls = "approve-calls";

// `Writ::Call` in the base schema.
cedar::Value attributes_of(cedar::Arena& arena, const task::CallApproval& approval) {
  const task::Call& call = approval.call;
  std::vector<cedar::Field> fields{
      {"api", make_string(arena, call.api)},           {"action", make_string(arena, call.action)},
      {"resource", make_string(arena, call.resource)}, {"method", make_string(arena, call.method)},
      {"path", make_string(arena, call.path)},         {"client", make_string(arena, call.client)},
      {"agents", make_string_set(arena, call.actors)}};
  if (call.subject != call.client)
    fields.emplace_back("subject",
                        make_entity(arena, inventory::cedar_type(inventory::Kind::kUser), call.subject));
  if (call.task) fields.emplace_back("task", make_entity(arena, "Writ::Task", *call.task));
  if (call.purpose) fields.emplace_back("purpose", make_string(arena, *call.purpose));
  if (approval.tenant) fields.emplace_back("tenant", make_string(arena, *approval.tenant));
  return make_record(arena, std::span<const cedar::Field>(fields));
}

auto facts_of(const task::CallApproval& approval) {
  return [&approval](cedar::Arena& arena) { return attributes_of(arena, approval); };
}

}  // namespace

Answer<Calls::Listed> Calls::list(const Caller& caller, const Page& page) const {
  const auto permit = TRY(authority_.allow(caller, kApproveCalls));
  const auto place_of = [](const Stored& call) {
    return Page::Place(call->approval.asked_at, call->approval.id);
  };
  // There are not many: what waits is limited.
  const auto more = [&](const std::optional<Page::Place>& last) {
    auto calls = calls_.all();
    std::erase_if(calls, [&](const Stored& call) { return last && place_of(call) >= *last; });
    std::ranges::reverse(calls);
    return calls;
  };
  const auto may_see = [&](const Stored& call) {
    return authority_.would_allow(caller, kApproveCalls, {kCallType, call->approval.id},
                                  facts_of(call->approval));
  };
  return fill<Stored>(page, permit.time().latest, more, place_of, may_see);
}

Answer<std::pair<enforce::Permit, task::StoredCall>> Calls::find(const Caller& caller, const std::string& id,
                                                                 Stops stops) const {
  auto call = calls_.find(id);
  Authority::Object object{{kCallType, id},
                           {},
                           kApproveCalls,
                           call ? Authority::Presence::kThere : Authority::Presence::kAbsent,
                           {ErrorCode::kNotFound, fmt::format("there is no approval `{}`", id)}};
  if (call) object.attributes = facts_of(call->approval);
  auto permit = TRY(authority_.allow_on(caller, kApproveCalls, std::move(object), stops));
  return std::pair(std::move(permit), *std::move(call));
}

Answer<Calls::Seen> Calls::seen(const std::string& id, Instant now) const {
  auto call = calls_.find(id);
  if (!call) return fail(ErrorCode::kNotFound, fmt::format("there is no approval `{}` any more", id));
  return Seen{*std::move(call), now};
}

Answer<Calls::Seen> Calls::show(const Caller& caller, const std::string& id) const {
  const auto [permit, call] = TRY(find(caller, id));
  return seen(id, permit.time().latest);
}

Answer<Calls::Seen> Calls::approve(const Caller& caller, const std::string& id) const {
  const auto [permit, call] = TRY(find(caller, id));
  const auto person = TRY(person_of(permit.token().claims(), *current_.get()->inventory));
  // What would be refused is not recorded as done.
  TRY(calls_.check_approval(id, person.approver(), permit.time().latest));
  TRY(authority_.record(permit, "approval.approved", id, person.user));
  TRY(calls_.approve(id, person.approver(), permit.time().latest));
  return seen(id, permit.time().latest);
}

Answer<Calls::Seen> Calls::deny(const Caller& caller, const std::string& id) const {
  const auto [permit, call] = TRY(find(caller, id, Stops::kYes));
  const auto& user = permit.token()->subject;
  TRY(authority_.record(permit, "approval.denied", id, user, Stops::kYes));
  TRY(calls_.deny(id, user, permit.time().latest));
  return seen(id, permit.time().latest);
}

}  // namespace writ::control
