#include "policytest/live.h"

#include <algorithm>
#include <fmt/format.h>
#include <thread>

#include "base/clock.h"
#include "control/own_api.h"
#include "gateway/refusal.h"
#include "http/client.h"
#include "http/path_trie.h"
#include "http/target.h"
#include "policytest/fixtures.h"
#include "store/data_folder.h"
#include "store/sqlite_store.h"

namespace writ::policytest {

using codec::Json;

namespace {

constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 20;  // what is permitted may be large
constexpr int kMaxSendings = 1'000;                             // of one request, until a budget is used up

// Of a template such as "{invoice}": the name between the braces. Nothing: it is of another form.
std::optional<std::string_view> only_name(std::string_view text) {
  if (!text.starts_with('{') || text.find('}') != text.size() - 1) return std::nullopt;
  return text.substr(1, text.size() - 2);
}

// The path of a route that leads to this resource.
std::optional<std::string> path_to(const config::DeclaredRoute& route, const std::string& resource) {
  std::string path = http::with_braced_rest(route.path);
  const auto gaps = std::ranges::count(path, '{');
  if (const auto name = only_name(route.resource_id)) {
    const auto gap = fmt::format("{{{}}}", *name);
    const auto at = path.find(gap);
    if (gaps != 1 || at == path.npos || (*name != "**" && resource.find('/') != resource.npos))
      return std::nullopt;
    path.replace(at, gap.size(), resource);
  } else if (gaps != 0 || route.resource_id != resource) {
    return std::nullopt;
  }
  return http::encode_path(path);
}

}  // namespace

struct Live::Connection {
  http::Origin gateway, api;
  http::Loops loops{1};
  http::Client client{loops, {}};
  SystemClock clock;
};

// A task that was opened for a request, or why it was not.
struct Live::Opened {
  std::string id;
  std::string why_not;
};

Live::Live(Shared& shared, LiveOptions options, std::unique_ptr<Connection> connection)
    : shared_(shared), options_(std::move(options)), connection_(std::move(connection)) {}

Live::~Live() = default;

Result<std::unique_ptr<Live>> Live::connect(Shared& shared, LiveOptions options) {
  auto gateway = TRY(http::parse_origin(options.gateway));
  // Tasks are opened at Writ's own API.
  auto api = options.opener.empty() ? gateway : TRY(http::parse_origin(shared.loaded.config.issuer));
  std::unique_ptr<Connection> connection(new Connection{std::move(gateway), std::move(api)});
  return std::unique_ptr<Live>(new Live(shared, std::move(options), std::move(connection)));
}

// What a test asks without a route has to be asked through one.
bool Live::find_way(Target& target) const {
  if (target.routed()) return true;
  for (const auto& route : shared_.loaded.world.routes) {
    const bool leads = route.api == target.api && route.action == target.action.id &&
                       route.resource_type == target.resource.type;
    auto path = leads ? path_to(route, target.resource.id) : std::nullopt;
    if (!path) continue;
    target.method = route.method;
    target.path = *std::move(path);
    target.api.clear();
    return true;
  }
  return false;
}

Result<http::Response> Live::call_own_api(std::string path, const std::optional<Json>& body) {
  RequestSpec opener;
  opener.token.subject = opener.token.client = options_.opener;
  opener.time = connection_->clock.now();
  const auto& apis = shared_.loaded.world.declared.apis;
  const auto own = std::ranges::find(apis, control::kOwnApi, &inventory::Api::id);
  const auto claims = shared_.mint->claims(opener, own->audience);
  http::Outbound request{.method = "POST", .target = std::move(path), .headers = {}};
  request.headers.add("Authorization",
                      "Bearer " + TRY(shared_.mint->token(claims, &*own, *shared_.loaded.policies.snapshot)));
  if (body) request.headers.add("Content-Type", "application/json");
  return connection_->client.fetch(connection_->api, std::move(request), body ? body->dump() : "");
}

Result<Live::Opened> Live::open_task(const TaskFixture& fixture, Duration shift) {
  const task::Task& task = fixture.task;
  if (options_.opener.empty())
    return Opened{{}, "its task has to be opened; name the identity that opens it with --opener"};
  if (fixture.state != task::State::kActive || !fixture.used.empty() || task.parent ||
      task.approvals.needed > 0)
    return Opened{{}, "its task cannot be opened active and unused"};
  const auto now = connection_->clock.now();
  const auto begin = task.not_before + shift, end = task.expires_at + shift;
  Json json = task_json(task);
  if (begin > now) json.set("not_before", unix_seconds(begin) + 1);
  const bool is_over = end <= now;
  if (is_over) {
    json.set("expires_in_seconds", 1);
  } else {
    json.set("expires_at", unix_seconds(end) + 1);
  }
  const auto response = TRY(call_own_api("/v1/tasks", json));
  const auto told = codec::parse_json(response.body);
  const auto text = [&](std::string_view name) {
    const auto* found = told ? told->find_string(name) : nullptr;
    return found != nullptr ? *found : std::string();
  };
  if (response.status != 201)
    return Opened{{},
                  fmt::format("its task cannot be opened by `{}`: {} {}", options_.opener,
                              text("reason").empty() ? text("error") : text("reason"), text("message"))};
  // No task is opened that is over.
  if (is_over) std::this_thread::sleep_for(std::chrono::milliseconds(2'050));
  return Opened{text("id"), {}};
}

Result<http::Outbound> Live::outbound(const RequestSpec& request) const {
  const Target& target = request.target;
  const auto parsed = TRY(http::parse_target(target.path));
  http::Outbound outbound{.method = target.method,
                          .target = parsed.encoded_path + (parsed.query.empty() ? "" : "?") + parsed.query,
                          .headers = {}};
  if (!target.body.empty()) outbound.headers.add("Content-Type", "application/json");
  if (!request.token.present) return outbound;
  const auto& apis = shared_.loaded.world.declared.apis;
  std::vector<std::string_view> values;
  const auto* route = shared_.loaded.routes->match(target.method, parsed.path, values).route;
  const auto asked = std::ranges::find(apis, route != nullptr ? route->api() : "", &inventory::Api::id);
  const auto claims = shared_.mint->claims(request, asked != apis.end() ? asked->audience : std::string());
  const auto of = std::ranges::find(apis, claims.audience, &inventory::Api::audience);
  const auto token =
      TRY(shared_.mint->token(claims, of != apis.end() ? &*of : nullptr, *shared_.loaded.policies.snapshot));
  const auto uri = shared_.loaded.config.public_origin + parsed.encoded_path;
  TRY(shared_.mint->present(request, token, {target.method, uri}, outbound.headers));
  return outbound;
}

// What Writ says of itself has the id of the request in its body, too; all else comes from behind it.
Result<Answer> Live::answer_in(const http::Response& response) const {
  const auto id = response.headers.find(gateway::kRequestIdHeader);
  if (!id)
    return failure(ErrorCode::kInvalid, fmt::format("`{}` answers without {}: it is not a gateway of Writ",
                                                    options_.gateway, gateway::kRequestIdHeader));
  Answer answer;
  answer.effect = decision::Effect::kPermit;
  answer.code = effect_name(answer.effect);
  const auto told = codec::parse_json(response.body);
  const auto* own = told ? told->find_string("request_id") : nullptr;
  if (own == nullptr || *own != *id) return answer;
  const auto* reason = told->find_string("reason");
  const auto* error = told->find_string("error");
  // That an upstream does not answer comes after a permit.
  constexpr std::string_view kNotAsked[] = {"not_found",        "method_not_allowed", "invalid_request",
                                            "body_too_large",   "indeterminate",      "audit_unavailable",
                                            "malformed_request"};
  const bool refused = reason != nullptr && reason_from_code(*reason);
  if (!refused && (error == nullptr || std::ranges::find(kNotAsked, *error) == std::end(kNotAsked)))
    return answer;
  answer.effect = decision::Effect::kDeny;
  answer.code = refused ? *reason : *error;
  read_refusal(*told, answer);
  return answer;
}

Result<Answer> Live::send(const RequestSpec& request) {
  const auto& body = request.target.body;
  auto& client = connection_->client;
  auto outbound = TRY(this->outbound(request));
  // Somebody has sent the proof before.
  if (request.proof == Proof::kReplayed)
    TRY(client.fetch(connection_->gateway, outbound, body, kMaxAnswerBytes));
  return answer_in(TRY(client.fetch(connection_->gateway, std::move(outbound), body, kMaxAnswerBytes)));
}

Result<Live::Said> Live::ask(const Suite& suite, const RequestSpec& request, Before before) {
  RequestSpec asked = request;
  if (asked.target.issue || asked.target.api == control::kOwnApi)
    return Said{{}, "only what goes through the gateway is sent"};
  if (!find_way(asked.target)) return Said{{}, "no route leads there"};
  if (asked.approved) return Said{{}, "people would have to approve it"};
  // Now is the instant of the request.
  const Duration by = connection_->clock.now() - request.time;
  asked.time += by;
  asked.token.move(by);
  std::string task;
  const auto fixture = std::ranges::find_if(
      suite.tasks, [&](const TaskFixture& each) { return each.task.id == request.token.task; });
  if (fixture != suite.tasks.end()) {
    auto opened = TRY(open_task(*fixture, by));
    if (opened.id.empty()) return Said{{}, std::move(opened.why_not)};
    task = std::move(opened.id);
    asked.token.task = task;
    // It took a while.
    asked.time = connection_->clock.now();
  }
  const auto end_task = [&] { return call_own_api(fmt::format("/v1/tasks/{}/end", task), std::nullopt); };
  if (before == Before::kEndTask && TRY(end_task()).status != 200)
    return Said{{}, fmt::format("its task cannot be ended by `{}`", options_.opener)};
  if (before == Before::kUseUpBudget) {
    int left = kMaxSendings;
    while (TRY(send(asked)).permitted() && --left > 0) {
    }
  }
  auto answer = send(asked);
  if (!task.empty()) (void)end_task();  // it ends by itself, too
  if (!answer) return std::unexpected(std::move(answer.error()));
  return Said{*std::move(answer), {}};
}

Result<jose::PrivateJwk> signing_key(const config::Config& config, const std::filesystem::path& data) {
  const auto file = data / store::kDatabaseFile;
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    return failure(
        ErrorCode::kNotFound,
        fmt::format("there is no `{}`; name the running server's data folder with --data", file.string()));
  const auto wrapping = TRY(config::read_wrapping(config.signing_keys, config.data_access));
  const auto store = TRY(store::SqliteStore::open(file));
  auto key = token::read_signing_key(*store, wrapping);
  if (!key) return std::unexpected(std::move(key.error()).in(file.string()));
  return key;
}

}  // namespace writ::policytest
