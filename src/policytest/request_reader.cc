#include "policytest/request_reader.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cedar/parse.h"
#include "config/world.h"
#include "control/own_api.h"
#include "http/headers.h"
#include "http/target.h"
#include "simulate/moment.h"

namespace writ::policytest {

using files::Fields;
using files::YamlNode;

namespace {

using NodeKind = YamlNode::Kind;

constexpr std::string_view kNoRoute[] = {"not_found", "method_not_allowed", "invalid_request"};

}  // namespace

std::optional<Instant> RequestReader::instant(const YamlNode& node, std::string_view what, Instant base) {
  if (node.kind == NodeKind::kInteger) {
    if (node.integer >= 0 && node.integer <= simulate::kLastSecond)
      return instant_from_unix_seconds(node.integer);
  } else if (node.kind == NodeKind::kText) {
    if (const auto moment = simulate::parse_moment(node.text, base)) return moment;
  }
  source_.error(node, fmt::format("`{}` is not an instant: `{}`", what, node.text),
                "for example 2026-03-02T09:00:00Z, or as a distance +10m, -1h30m");
  return std::nullopt;
}

std::optional<std::string> RequestReader::claim(const Layers& layers, std::string_view name) {
  const YamlNode* node = layers.claim(name);
  return node != nullptr ? read_text(*node, source_, name, token::kMaxClaimBytes) : std::nullopt;
}

std::optional<Instant> RequestReader::time_claim(const Layers& layers, std::string_view name, Instant base) {
  const YamlNode* node = layers.claim(name);
  return node != nullptr ? instant(*node, name, base) : std::nullopt;
}

// `act`: [nearest, next, ...], or nested as in the token itself.
std::vector<token::Actor> RequestReader::actors(const YamlNode& node) {
  std::vector<token::Actor> actors;
  if (node.kind == NodeKind::kMap) {
    const auto json = to_json(node);
    auto nested = token::actors_from_json(&json);
    if (!nested) source_.error(node, nested.error().message);
    return nested ? *std::move(nested) : actors;
  }
  if (node.kind != NodeKind::kList) {
    source_.error(node, "`act` must be a list of ids, nearest first, or nested as in a token");
    return actors;
  }
  for (const YamlNode& item : node.items) {
    if (item.kind == NodeKind::kMap) {
      const Fields fields(&item, source_, "an actor", {"sub", "iss"});
      if (auto subject = fields.required_text("sub", token::kMaxClaimBytes))
        actors.push_back({*std::move(subject), fields.text("iss", token::kMaxClaimBytes)});
    } else if (auto id = read_text(item, source_, "act", token::kMaxClaimBytes)) {
      actors.push_back({*std::move(id), std::nullopt});
    }
  }
  if (actors.size() > token::kMaxChain)
    source_.error(
        node, fmt::format("`act` has {} actors, a token has at most {}", actors.size(), token::kMaxChain));
  return actors;
}

std::optional<TokenSpec> RequestReader::token(const Layers& layers, const YamlNode& at, Instant time) {
  TokenSpec spec;
  spec.present = !layers.without_token();
  if (!spec.present) return spec;
  const auto client = claim(layers, "client_id");
  if (!client && layers.claim("client_id") == nullptr)
    source_.error(at, "the token has no `client_id`: somebody has to send the request",
                  "say `token: none` when it comes without a token");
  spec.client = client.value_or("");
  // RFC 9068 §2.2: without a resource owner, `sub` is the client.
  spec.subject = claim(layers, "sub").value_or(spec.client);
  spec.issuer = claim(layers, "iss");
  spec.audience = claim(layers, "aud");
  spec.issued_at = time_claim(layers, "iat", time);
  spec.not_before = time_claim(layers, "nbf", time);
  spec.expires_at = time_claim(layers, "exp", time);
  for (const auto& each : token::claim_table()) {
    if (each.carried_text != nullptr) spec.*each.carried_text = claim(layers, each.stated);
    if (each.carried_date != nullptr) spec.*each.carried_date = time_claim(layers, each.stated, time);
  }
  if (const YamlNode* act = layers.claim("act")) spec.actors = actors(*act);
  if (const YamlNode* workload = layers.claim("workload")) {
    if (auto facts = simulate::read_stated_workload(to_json(*workload)))
      spec.workload = *std::move(facts);
    else
      source_.error(*workload, facts.error().message);
  }
  if (const YamlNode* bound = layers.claim("bound")) {
    if (bound->kind != NodeKind::kBool) source_.error(*bound, "`bound` must be true or false");
    spec.bound = bound->boolean;
  }
  if (!client) return std::nullopt;
  return spec;
}

const inventory::Api* RequestReader::api(const YamlNode& node) {
  const auto id = read_text(node, source_, "api");
  if (!id) return nullptr;
  const auto found = std::ranges::find(world_.apis, *id, &inventory::Api::id);
  if (found != world_.apis.end()) return &*found;
  std::vector<std::string> ids;
  for (const auto& each : world_.apis) ids.push_back(each.id);
  source_.error(node, fmt::format("there is no API `{}`", *id),
                fmt::format("the APIs are {}", fmt::join(ids, ", ")));
  return nullptr;
}

std::optional<cedar::EntityUid> RequestReader::entity(const YamlNode& node, std::string_view what) {
  const auto text = read_text(node, source_, what);
  if (!text) return std::nullopt;
  if (auto uid = cedar::parse_entity(*text)) return *std::move(uid);
  source_.error(node, fmt::format("`{}` is not an entity: `{}`", what, *text),
                "for example Billing::Invoice::\"inv-1\"");
  return std::nullopt;
}

// By its name, or as Cedar writes it.
std::optional<cedar::EntityUid> RequestReader::action(const YamlNode& node, const inventory::Api& api) {
  const auto text = read_text(node, source_, "action");
  if (!text) return std::nullopt;
  cedar::EntityUid uid{api.action_type(), *text};
  if (text->find("::") != text->npos) {
    const auto whole = entity(node, "action");
    if (!whole) return std::nullopt;
    uid = *whole;
  }
  if (uid.type == api.action_type() && std::ranges::find(api.actions, uid.id) != api.actions.end())
    return uid;
  source_.error(node, fmt::format("API `{}` has no action `{}`", api.id, *text),
                fmt::format("its actions are {}", fmt::join(api.actions, ", ")));
  return std::nullopt;
}

// "GET /invoices/inv-1001?page=2".
bool RequestReader::read_line(const YamlNode& node, Target& target) {
  const auto text = read_text(node, source_, "request", 8 * 1024);
  if (!text) return false;
  const auto space = text->find(' ');
  target.method = text->substr(0, space);
  if (space == text->npos || !http::is_token(target.method)) {
    source_.error(node, fmt::format("`{}` is not a request, expected a method and a path", *text),
                  "for example GET /invoices/inv-1001");
    return false;
  }
  target.path = text->substr(space + 1);
  const auto parsed = http::parse_target(target.path);
  if (parsed && parsed->host.empty()) return true;
  source_.error(node, fmt::format("`{}` is not a path: {}", target.path,
                                  parsed ? "it names a host" : std::string_view(parsed.error().message)));
  return false;
}

std::optional<Target> RequestReader::issue_target(const YamlNode& node) {
  const auto* found = api(node);
  if (found == nullptr) return std::nullopt;
  // As the token endpoint asks it (RFC 6749 §3.2).
  return Target{.method = "POST",
                .path = "/oauth2/token",
                .api = found->id,
                .action = {std::string(control::kOwnNamespace) + "::Action", "issue"},
                .resource = {std::string(control::kOwnNamespace) + "::Api", found->id},
                .attributes = {},
                .issue = true};
}

std::optional<Target> RequestReader::target(const Layers& layers, const YamlNode& at) {
  if (const YamlNode* issue = layers.find("issue")) return issue_target(*issue);
  Target target;
  if (const YamlNode* line = layers.find("request"); line != nullptr && !read_line(*line, target))
    return std::nullopt;
  const YamlNode* api_node = layers.find("api");
  const YamlNode* action_node = layers.find("action");
  const YamlNode* resource_node = layers.find("resource");
  if (api_node == nullptr && action_node == nullptr && resource_node == nullptr) {
    if (!target.method.empty()) return target;
    source_.error(at, "nothing is asked here: say `request`, or `api`, `action` and `resource`, or `issue`");
    return std::nullopt;
  }
  for (const auto& [name, node] :
       {std::pair("api", api_node), {"action", action_node}, {"resource", resource_node}}) {
    if (node == nullptr)
      source_.error(at, fmt::format("`{}` is missing; it goes with the other two of `api`, `action` "
                                    "and `resource`",
                                    name));
  }
  if (api_node == nullptr || action_node == nullptr || resource_node == nullptr) return std::nullopt;
  const auto* found = api(*api_node);
  const auto resource = entity(*resource_node, "resource");
  const auto act = found != nullptr ? action(*action_node, *found) : std::nullopt;
  if (!act || !resource) return std::nullopt;
  target.api = found->id;
  target.action = *act;
  target.resource = *resource;
  if (const YamlNode* attributes = layers.find("attributes")) {
    if (attributes->kind != NodeKind::kMap) source_.error(*attributes, "`attributes` must be a map");
    target.attributes = to_json(*attributes);
  }
  return target;
}

std::optional<RequestSpec> RequestReader::request(const Layers& layers, const YamlNode& at) {
  const auto before = source_.issues.errors();
  RequestSpec spec;
  spec.time = now_;
  if (const YamlNode* node = layers.find("at")) spec.time = instant(*node, "at", now_).value_or(now_);
  if (const YamlNode* node = layers.find("ip")) {
    spec.ip = read_text(*node, source_, "ip").value_or("");
    if (!spec.ip.empty() && !cedar::Ip::parse(spec.ip))
      source_.error(*node, fmt::format("`{}` is not an IP address", spec.ip));
  }
  if (auto read = target(layers, at)) spec.target = *std::move(read);
  if (auto read = token(layers, at, spec.time)) spec.token = *std::move(read);
  if (const YamlNode* node = layers.find("body")) {
    const bool data = node->kind == NodeKind::kMap || node->kind == NodeKind::kList;
    spec.target.body =
        data ? to_json(*node).dump() : read_text(*node, source_, "body", 64 * 1024).value_or("");
    if (!spec.target.routed())
      source_.error(*node, "a `body` goes with a `request`: the route says what in it counts");
  }
  if (const YamlNode* node = layers.find("approved")) {
    if (node->kind != NodeKind::kBool) {
      source_.error(*node, "`approved` must be true or false");
    } else {
      spec.approved = node->boolean;
    }
    if (spec.approved && spec.target.issue)
      source_.error(*node,
                    "a token is issued without an approval of the call: `approved` goes with a request");
  }
  if (const YamlNode* node = layers.find("proof")) {
    constexpr std::string_view kNames[] = {"right", "none", "other_key", "other_request", "replayed"};
    const auto text = read_text(*node, source_, "proof").value_or("");
    const auto found = std::ranges::find(kNames, text);
    if (found != std::end(kNames)) {
      spec.proof = static_cast<Proof>(found - std::begin(kNames));
    } else if (!text.empty()) {
      source_.error(*node,
                    fmt::format("`proof` must be one of {}; found `{}`", fmt::join(kNames, ", "), text));
    }
  }
  if (source_.issues.errors() != before) return std::nullopt;
  return spec;
}

std::optional<std::string> RequestReader::code(const YamlNode& node) {
  const auto text = read_text(node, source_, "expect");
  if (!text) return std::nullopt;
  const bool known = *text == "permit" || reason_from_code(*text) ||
                     std::ranges::find(kNoRoute, *text) != std::end(kNoRoute);
  if (known) return text;
  if (*text == "deny") {
    source_.error(
        node, "a refusal is expected with its reason, not as `deny`",
        "name its code, for example policy_no_permit; `writ explain` and docs/reasons.md tell them");
  } else {
    source_.error(
        node, fmt::format("`{}` is not an outcome", *text),
        "expected permit, or a reason code such as policy_no_permit, or not_found where no route leads");
  }
  return std::nullopt;
}

std::optional<Expectation> RequestReader::expectation(const Layers& layers, const YamlNode& at) {
  const YamlNode* node = layers.find("expect");
  if (node == nullptr) {
    source_.error(at, "nothing is expected here: say `expect`");
    return std::nullopt;
  }
  Expectation expect{.place = source_.place(*node), .code = {}};
  if (node->kind != NodeKind::kMap) {
    const auto read = code(*node);
    if (!read) return std::nullopt;
    expect.code = *read;
    return expect;
  }
  const Fields fields(node, source_, "an expectation",
                      {"outcome", "party", "path", "policies", "reasons", "refused"});
  const YamlNode* outcome = fields.require("outcome");
  const auto read = outcome != nullptr ? code(*outcome) : std::nullopt;
  expect.path = fields.text("path");
  if (const YamlNode* party = fields.find("party")) {
    const auto uid = entity(*party, "party");
    if (uid) expect.party = task::uid_text(*uid);
  }
  if (fields.find("policies") != nullptr) {
    expect.policies = fields.texts("policies");
    std::ranges::sort(*expect.policies);
  }
  if (fields.find("refused") != nullptr) {
    auto& refused = expect.refused.emplace();
    for (const YamlNode& party : fields.list("refused")) {
      if (const auto uid = entity(party, "refused")) refused.push_back(task::uid_text(*uid));
    }
    std::ranges::sort(refused);
  }
  for (const YamlNode& reason : fields.list("reasons")) {
    if (auto also = code(reason)) expect.reasons.push_back(*std::move(also));
  }
  if (!read) return std::nullopt;
  expect.code = *read;
  if (expect.code == "permit" && (expect.party || expect.path || expect.refused || !expect.reasons.empty())) {
    source_.error(*node, "a permit has no `party`, `path`, `refused` or `reasons`");
    return std::nullopt;
  }
  return expect;
}

}  // namespace writ::policytest
