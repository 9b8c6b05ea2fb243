#include "server/calls_api.h"

#include <fmt/format.h>
#include <ranges>

#include "context/context.h"
#include "server/approver.h"
#include "server/paging.h"
#include "server/problem.h"

namespace writ::server {
namespace {

constexpr std::string_view kType = "Writ::Call";
constexpr std::string_view kApprove = "approve-calls";

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

Answer<http::Response> CallsApi::list(const http::Request& request) const {
  const auto permit = TRY(api_.allow(request, kApprove));
  const auto page = TRY(Page::of(request));
  auto list = codec::Json::array();
  std::string next;  // empty: nothing follows
  std::size_t examined = 0;
  const task::CallApproval* last = nullptr;
  const auto all = calls_.all();
  for (const auto& stored : all | std::views::reverse) {
    const auto& [approval, state] = *stored;
    if (!page.shows(approval.asked_at, approval.id)) continue;
    if (list.if_array()->size() == page.limit || examined == kMaxExamined) {
      next = Page::next(last->asked_at, last->id);
      break;
    }
    ++examined;
    last = &approval;
    if (api_.would_allow(request, kApprove, {kType, approval.id}, facts_of(approval)))
      list.push(task::call_to_json(approval, state, permit.time().latest));
  }
  auto answer = codec::Json::object({{"approvals", std::move(list)}, {"more", !next.empty()}});
  if (!next.empty()) answer.set("next", next);
  return answer_json(200, answer);
}

Answer<std::pair<gateway::Permit, task::StoredCall>> CallsApi::find(const http::Request& request,
                                                                    const std::string& id) const {
  auto call = calls_.find(id);
  OwnApi::Object object{{kType, id},
                        {},
                        kApprove,
                        call ? OwnApi::Presence::kThere : OwnApi::Presence::kAbsent,
                        {ErrorCode::kNotFound, fmt::format("there is no approval `{}`", id)}};
  if (call) object.attributes = facts_of(call->approval);
  auto permit = TRY(api_.allow_on(request, kApprove, std::move(object)));
  return std::pair(std::move(permit), *std::move(call));
}

http::Response CallsApi::shown(const std::string& id, Instant now) const {
  const auto call = calls_.find(id);
  if (!call) return problem({ErrorCode::kNotFound, fmt::format("there is no approval `{}` any more", id)});
  return answer_json(200, task::call_to_json(call->approval, call->state, now));
}

Answer<http::Response> CallsApi::show(const http::Request& request, const std::string& id) const {
  const auto [permit, call] = TRY(find(request, id));
  return shown(id, permit.time().latest);
}

Answer<http::Response> CallsApi::approve(const http::Request& request, const std::string& id) const {
  const auto [permit, call] = TRY(find(request, id));
  const auto person = TRY(person_of(permit.token().claims(), *directory_.snapshot()));
  // What would be refused is not recorded as done.
  if (const auto may = calls_.check_approval(id, person.approver(), permit.time().latest); !may)
    return std::unexpected(problem(may.error()));
  TRY(api_.record(permit, "approval.approved", id, person.user));
  if (const auto done = calls_.approve(id, person.approver(), permit.time().latest); !done)
    return std::unexpected(problem(done.error()));
  return shown(id, permit.time().latest);
}

Answer<http::Response> CallsApi::deny(const http::Request& request, const std::string& id) const {
  const auto [permit, call] = TRY(find(request, id));
  const auto& user = permit.token()->subject;
  TRY(api_.record(permit, "approval.denied", id, user));
  if (const auto done = calls_.deny(id, user, permit.time().latest); !done)
    return std::unexpected(problem(done.error()));
  return shown(id, permit.time().latest);
}

Result<void> CallsApi::add_to(http::Endpoints& endpoints) const {
  using http::PathValues;
  using http::Request;
  const auto slow = http::Cost::kSlow;
  TRY(endpoints.add("GET", "/v1/approvals", slow,
                    endpoint([this](const Request& r, const PathValues&) { return list(r); })));
  TRY(endpoints.add("GET", "/v1/approvals/{id}", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return show(r, v[0]); })));
  TRY(endpoints.add("POST", "/v1/approvals/{id}/approve", slow,
                    endpoint([this](const Request& r, const PathValues& v) { return approve(r, v[0]); })));
  return endpoints.add("POST", "/v1/approvals/{id}/deny", slow,
                       endpoint([this](const Request& r, const PathValues& v) { return deny(r, v[0]); }));
}

}  // namespace writ::server
