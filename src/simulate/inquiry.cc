#include "simulate/inquiry.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cedar/entity_json.h"
#include "cedar/ext_ip.h"
#include "cedar/parse.h"
#include "codec/members.h"
#include "context/context.h"
#include "control/own_api.h"
#include "crypto/random.h"
#include "http/headers.h"
#include "http/target.h"
#include "simulate/stated_token.h"

namespace writ::simulate {
namespace {

using codec::Json;
using codec::Members;

constexpr std::size_t kMaxTargetBytes = 8 * 1024;
constexpr std::size_t kMaxHeaders = 100;
constexpr std::string_view kTaskType = "Writ::Task";

Result<cedar::EntityUid> entity(const Members& members, std::string_view name) {
  auto uid = cedar::parse_entity(TRY(members.text(name, 1024)));
  if (!uid) return members.wrong(name, "must be an entity, such as Billing::Invoice::\"inv-1\"");
  return *std::move(uid);
}

class Reader {
 public:
  Reader(const Members& members, const InquiryContext& context) : members_(members), context_(context) {}

  Result<Inquiry> read() {
    Inquiry inquiry;
    inquiry.explain = TRY(members_.boolean("explain", false));
    inquiry_ = &inquiry;
    hypothesis_ = &inquiry.hypothesis;
    hypothesis_->time = TRY(instant_in(members_, "at", context_.now)).value_or(context_.now);
    hypothesis_->peer_ip = TRY(members_.optional_text("ip")).value_or("");
    if (!hypothesis_->peer_ip.empty() && !cedar::Ip::parse(hypothesis_->peer_ip))
      return members_.wrong("ip", "must be an IP address");
    hypothesis_->approved = TRY(members_.boolean("approved", false));
    TRY(read_target());
    TRY(read_token());
    return inquiry;
  }

 private:
  bool given(std::string_view name) const {
    const Json* json = members_.find(name);
    return json != nullptr && !json->is_null();
  }

  Result<void> read_target() {
    const bool named = given("api") || given("action") || given("resource");
    if (given("issue") ? named || given("request") : !named && !given("request"))
      return invalid("the question must have `request`, or `api`, `action` and `resource`, or `issue`");
    if (given("body") && (named || !given("request")))
      return members_.wrong("body", "goes with a `request`: the route says what in it counts");
    if (given("headers") && (named || !given("request")))
      return members_.wrong("headers", "goes with a `request`: its API says which of them it gets");
    if (given("attributes") && !named)
      return members_.wrong("attributes", "goes with `api`, `action` and `resource`");
    if (hypothesis_->approved && given("issue"))
      return members_.wrong("approved", "goes with a request: no token is issued by approval");
    if (given("issue")) return read_issue();
    if (given("request")) TRY(read_line());
    return named ? read_named() : find_route();
  }

  Result<const inventory::Api*> api(std::string_view name) const {
    const auto id = TRY(members_.text(name));
    const auto* found = context_.inventory.find_api(id);
    if (found == nullptr) return members_.wrong(name, fmt::format("there is no API `{}`", id));
    return found;
  }

  // As the token endpoint asks it (RFC 6749 §3.2).
  Result<void> read_issue() {
    const auto* found = TRY(api("issue"));
    hypothesis_->issue = true;
    hypothesis_->method = "POST";
    hypothesis_->path = "/oauth2/token";
    hypothesis_->api = found->id;
    hypothesis_->action = {std::string(control::kOwnNamespace) + "::Action", "issue"};
    hypothesis_->resource = {std::string(control::kOwnNamespace) + "::Api", found->id};
    return {};
  }

  // "GET /invoices/inv-1001?page=2".
  Result<void> read_line() {
    const auto line = TRY(members_.text("request", kMaxTargetBytes));
    const auto space = line.find(' ');
    hypothesis_->method = line.substr(0, space);
    if (space == line.npos || !http::is_token(hypothesis_->method))
      return members_.wrong("request", "must be a method and a path, such as GET /invoices/inv-1001");
    request_.target = line.substr(space + 1);
    const auto parsed = http::parse_target(request_.target);
    if (!parsed || !parsed->host.empty())
      return members_.wrong("request", parsed ? "must have a path without a host" : parsed.error().message);
    hypothesis_->path = request_.path = parsed->path;
    request_.encoded_path = parsed->encoded_path;
    request_.query = parsed->query;
    request_.method = hypothesis_->method;
    return {};
  }

  Result<void> read_named() {
    const auto* found = TRY(api("api"));
    hypothesis_->api = found->id;
    hypothesis_->resource = TRY(entity(members_, "resource"));
    const auto name = TRY(members_.text("action", 1024));
    auto& action = hypothesis_->action;
    action = {found->action_type(), name};
    if (name.find("::") != name.npos) action = TRY(entity(members_, "action"));
    if (action.type != found->action_type() ||
        std::ranges::find(found->actions, action.id) == found->actions.end())
      return members_.wrong(
          "action", fmt::format("API `{}` has the actions {}", found->id, fmt::join(found->actions, ", ")));
    return read_attributes();
  }

  Result<void> read_attributes() {
    const auto& resource = hypothesis_->resource;
    // As Writ's own API tells of a task.
    if (const auto task = resource.type == kTaskType ? context_.tasks.find(resource.id) : nullptr) {
      hypothesis_->attributes = [task](cedar::Arena& arena) {
        return context::task_attributes(arena, task->task());
      };
      return {};
    }
    if (!given("attributes")) return {};
    cedar::Arena arena;
    if (const auto record = cedar::record_from_json(arena, *members_.find("attributes")); !record)
      return members_.wrong("attributes", record.error().message);
    hypothesis_->attributes = [json = *members_.find("attributes")](cedar::Arena& into) {
      return cedar::record_from_json(into, json).value();
    };
    return {};
  }

  Result<void> find_route() {
    std::vector<std::string_view> values;
    const auto match = context_.routes.match_anywhere(request_, values);
    if (match.route == nullptr)
      return failure(ErrorCode::kNotFound,
                     fmt::format("no route leads to {} {}", request_.method, request_.path));
    if (const auto refusal = match.route->query_names().refusal(request_.query))
      return members_.wrong("request", fmt::format("never passes: {}", *refusal));
    hypothesis_->api = match.route->api();
    hypothesis_->action = match.route->action();
    hypothesis_->resource.type = match.route->resource_type();
    match.route->resource_id().append(hypothesis_->resource.id, values);
    if (given("headers")) TRY(read_headers(match.route->forwarded()));
    std::string body;
    if (given("body")) {
      const Json& json = *members_.find("body");
      body = json.if_string() != nullptr ? *json.if_string() : json.dump();
      request_.headers.add("Content-Type", "application/json");
    }
    hypothesis_->amounts = match.route->amounts(request_, values, body);
    inquiry_->found = match.route->find_facts(request_, values, body);
    const auto& found = inquiry_->found;
    if (found != nullptr && !found->unreadable.empty())
      return members_.wrong("body", fmt::format("never passes: {}", found->unreadable));
    hypothesis_->input = gateway::Route::input(found.get());
    hypothesis_->notes = gateway::notes_of(found.get());
    // The values are the hypothesis's own, which the facts are made of later.
    hypothesis_->attributes = [route = match.route, path = hypothesis_->path, method = hypothesis_->method,
                               &routes = context_.routes, found](cedar::Arena& arena) {
      std::vector<std::string_view> own;
      (void)routes.match(method, path, own);
      const auto facts = route->facts(own, found.get());
      return facts ? facts(arena) : cedar::Value::record(cedar::empty_record());
    };
    return {};
  }

  Result<void> read_headers(const gateway::ForwardedHeaders& forwarded) {
    auto& left_out = inquiry_->left_out.emplace();
    for (auto& name : TRY(members_.texts("headers", kMaxHeaders))) {
      if (!http::is_token(name))
        return members_.wrong("headers", fmt::format("`{}` cannot be the name of a header field", name));
      if (forwarded.fate(name) == gateway::ForwardedHeaders::Fate::kLeftOut)
        left_out.push_back(std::move(name));
    }
    return {};
  }

  Result<void> read_token() {
    const Json* json = members_.find("token");
    if (json != nullptr && json->if_string() != nullptr && *json->if_string() == "none") return {};
    if (json == nullptr) return members_.wrong("token", "is missing: its claims, or `none`");
    const auto stated = TRY(read_stated_token(*json, hypothesis_->time));
    const auto* api = context_.inventory.find_api(hypothesis_->api);
    auto made = stated.claims({.issuer = context_.issuer,
                               .audience = api != nullptr ? std::string_view(api->audience) : "",
                               .time = hypothesis_->time,
                               .lifetime = context_.token_lifetime});
    made.jti = "question-" + crypto::random_id();
    // Whose key it is no policy sees.
    if (stated.bound) made.key_thumbprint = std::string(43, 'q');
    hypothesis_->claims = std::move(made);
    return {};
  }

  const Members& members_;
  const InquiryContext& context_;
  Inquiry* inquiry_ = nullptr;
  Hypothesis* hypothesis_ = nullptr;
  http::Request request_;
};

}  // namespace

Result<Inquiry> read_inquiry(const Json& json, const InquiryContext& context) {
  const auto members = TRY(Members::of(json, "the question",
                                       {"request", "api", "action", "resource", "attributes", "approved",
                                        "issue", "body", "headers", "ip", "token", "at", "explain"}));
  return Reader(members, context).read();
}

}  // namespace writ::simulate
