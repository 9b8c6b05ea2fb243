#include "config/world.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "claims/sources.h"
#include "config/identity_facts.h"
#include "config/imported.h"
#include "config/jwks_file.h"
#include "config/listen.h"
#include "config/rates.h"
#include "config/route_methods.h"
#include "config/route_paths.h"
#include "config/upstreams.h"
#include "config/workloads.h"
#include "files/fields.h"
#include "gateway/forwarded_headers.h"
#include "gateway/hosts.h"
#include "gateway/query_names.h"
#include "inventory/delegation.h"
#include "token/claims.h"

namespace writ::config {
namespace {

using inventory::Identity;
using inventory::Kind;

constexpr int kMaxCircles = 100;  // that are reported
constexpr std::string_view kOwnActions[] = {
    "issue",         "delegate",        "manage-tasks",     "request-tasks",     "approve-tasks",
    "read-tasks",    "approve-calls",   "manage-inventory", "read-inventory",    "read-audit",
    "evaluate",      "manage-policies", "read-policies",    "explain-decisions", "manage-entities",
    "read-entities", "read-access",     "forget-facts",     "manage-keys",       "read-keys",
    "manage-grants", "read-posture"};

class WorldReader {
 public:
  WorldReader(const Config& config, files::Issues& issues)
      : config_(config),
        source_{config.file.string(), config.file.parent_path(), issues, /*keys_need_values=*/true} {}

  World read() {
    for (const files::YamlNode& node : config_.identities) read_identity(node);
    add_imported(config_, world_.declared.identities, source_.issues);
    world_.declared.apis.push_back(own_api(config_));
    for (const files::YamlNode& node : config_.apis) read_api(node);
    for (const files::YamlNode& node : config_.grants) read_grant(node);
    check_edges();
    check_circles();
    world_.sources = read_fact_sources(config_, source_.issues);
    workloads_.check();
    check_introspects();
    return std::move(world_);
  }

 private:
  void read_identity(const files::YamlNode& node) {
    const files::Fields fields = identity_fields(node, source_);
    const auto id = fields.required_text("id", inventory::kMaxUserIdBytes);
    const auto kind = fields.require("kind") != nullptr
                          ? fields.choice("kind", {"user", "application", "service", "agent"})
                          : std::nullopt;
    Identity identity{.id = id.value_or(""), .kind = static_cast<Kind>(kind.value_or(0))};
    identity.tenant = fields.text("tenant");
    identity.environment = fields.text("environment");
    identity.acts_for = fields.texts("acts_for", inventory::kMaxUserIdBytes);
    identity.accept_from = fields.texts("accept_from", inventory::kMaxIdBytes);
    identity.purposes = fields.texts("purposes");
    if (const auto* attributes = fields.find("attributes")) identity.attributes = to_json(*attributes);
    identity.secret_hash = fields.text("secret_hash");
    read_identity_facts(fields, identity);
    workloads_.read(fields, identity);
    if (const auto* file = fields.find("jwks_file")) {
      if (auto keys = read_jwks(*file, source_)) identity.keys = keys->keys();
    }
    identity.declared = true;
    if (id && !kind) world_.left_out.push_back(*id);
    if (!id || !kind) return;
    if (!unique(*id, *fields.find("id"), "identity", identities_)) return;
    if (const auto valid = validate(identity); !valid) {
      world_.left_out.push_back(*id);
      return source_.error(node, valid.error().message);
    }
    check_namespace(identity, *fields.find("id"));
    world_.declared.identities.push_back(std::move(identity));
  }

  void check_namespace(const Identity& identity, const files::YamlNode& id) {
    if (const auto problem = inventory::id_problem(identity, user_names_))
      source_.error(id, *problem, "choose another id, or another `subject_prefix`");
  }

  void read_api(const files::YamlNode& node) {
    const files::Fields fields(
        &node, source_, "an API",
        {"id", "audience", "namespace", "actions", "claims", "reads", "upstream", "upstream_tls",
         "upstream_options", "forward_headers", "cors", "query", "amounts", "routes", "enforce", "rates",
         "hosts", "redirect_slashes", "api_keys"});
    const auto id = fields.required_text("id", inventory::kMaxIdBytes);
    const auto audience = fields.required_text("audience", 512);
    inventory::Api api{.id = id.value_or(""), .audience = audience.value_or("")};
    api.name_space = fields.text("namespace").value_or("");
    fields.require("actions");
    api.actions = fields.texts("actions");
    read_claims(fields, api);
    read_reads(fields, api);
    api.api_keys = fields.boolean("api_keys").value_or(false);
    api.declared = true;
    read_upstream(fields, api);
    Texts amounts;
    if (const auto* given = fields.find("amounts"))
      read_texts(*given, "amounts", "an amount to its place", amounts);
    const auto query = read_query(fields);
    const Actions actions(api.actions.begin(), api.actions.end());
    for (const files::YamlNode& route : fields.list("routes"))
      read_route(route, api, actions, amounts, query);
    if (id && (!audience || api.actions.empty())) world_.left_out.push_back(*id);
    if (!id || !audience || api.actions.empty()) return;
    if (*id == kOwnApi)
      return source_.error(*fields.find("id"), "`writ` is Writ's own API; choose another id");
    if (!unique(*id, *fields.find("id"), "API", apis_)) return;
    if (!unique(*audience, *fields.find("audience"), "audience", audiences_)) return;
    if (*audience == config_.api_audience)
      return source_.error(*fields.find("audience"), "this is the audience of Writ's own API");
    if (const auto valid = validate(api); !valid) {
      world_.left_out.push_back(*id);
      return source_.error(node, valid.error().message);
    }
    world_.declared.apis.push_back(std::move(api));
  }

  void read_claims(const files::Fields& fields, inventory::Api& api) {
    const auto* node = fields.find("claims");
    api.by_contract = config_.claims_by_contract && node == nullptr;
    if (node == nullptr) return;
    if (node->kind != files::YamlNode::Kind::kList) {
      api.by_contract = fields.choice("claims", {"all", "contract"}) == 1;
      return;
    }
    api.claims = fields.texts("claims");
    if (const auto contract = token::ClaimsContract::of(*api.claims); !contract)
      source_.error(*node, contract.error().message);
  }

  void read_reads(const files::Fields& fields, inventory::Api& api) {
    if (fields.find("reads") == nullptr) return;
    api.reads = fields.texts("reads");
    const auto names = claims::readable_names();
    for (const auto& name : api.reads) {
      if (std::ranges::find(names, name) != names.end()) continue;
      source_.error(*fields.find("reads"), fmt::format("`{}` is not a claim of tokens; an API can read {}",
                                                       name, fmt::join(names, ", ")));
    }
  }

  void read_upstream(const files::Fields& fields, const inventory::Api& api) {
    const auto urls = read_upstream_urls(fields);
    auto rates = read_rates(fields, api, source_);
    if (urls.empty()) {
      if (const auto* routes = fields.find("routes"))
        source_.error(*routes, "these routes lead nowhere: the API has no `upstream`");
      if (const auto* names = fields.find("forward_headers"))
        source_.error(*names, "nothing is forwarded: the API has no `upstream`");
      if (const auto* cors = fields.find("cors"))
        source_.error(*cors, "nothing is forwarded: the API has no `upstream`");
      if (const auto* tls = fields.find("upstream_tls"))
        source_.error(*tls, "nothing is connected to: the API has no `upstream`");
      if (const auto* named = fields.find("rates"))
        source_.error(*named, "nothing is forwarded, and so nothing counted: the API has no `upstream`");
      if (const auto* options = fields.find("upstream_options"))
        source_.error(*options, "nothing is connected to: the API has no `upstream`");
      for (const auto* key : {"hosts", "redirect_slashes"})
        if (const auto* named = fields.find(key))
          source_.error(*named, "nothing is routed: the API has no `upstream`");
      if (const auto* enforce = fields.find("enforce"))
        source_.error(*enforce, "nothing is forwarded, observed or not: the API has no `upstream`");
      return;
    }
    const auto* node = fields.find("upstream");
    auto names = fields.texts("forward_headers");
    if (const auto made = gateway::ForwardedHeaders::with(names); !made)
      source_.error(*fields.find("forward_headers"), made.error().message);
    auto to = config::read_upstream(fields, api.id, urls, read_upstream_tls(fields, urls.front()));
    world_.upstreams.push_back({source_.place(*node), api.id, std::move(to), std::move(names),
                                read_cors(fields), fields.boolean("enforce").value_or(true),
                                read_rates(fields, api, source_), read_hosts(fields),
                                fields.boolean("redirect_slashes").value_or(false)});
    if (!world_.upstreams.back().enforced)
      source_.issues.warning(
          source_.place(*fields.find("enforce")),
          fmt::format("API `{}` is only observed: what would be refused is recorded, and passes", api.id),
          "remove `enforce: false` when `writ audit observed` shows nothing that should pass");
  }

  std::vector<std::string> read_hosts(const files::Fields& api) {
    auto hosts = api.texts("hosts");
    for (auto& host : hosts) {
      auto made = gateway::host_pattern(host);
      if (!made) {
        source_.error(*api.find("hosts"), made.error().message);
      } else {
        host = *std::move(made);
      }
    }
    if (api.find("hosts") != nullptr && hosts.empty())
      source_.error(*api.find("hosts"), "`hosts` names none; leave it out where routes are for every host");
    return hosts;
  }

  std::shared_ptr<const gateway::Cors> read_cors(const files::Fields& api) {
    const files::YamlNode* node = api.find("cors");
    if (node == nullptr) return nullptr;
    const files::Fields fields(node, source_, "cors",
                               {"origins", "credentials", "expose", "max_age_seconds"});
    if (fields.require("origins") == nullptr) return nullptr;
    gateway::CorsSpec spec{.origins = fields.texts("origins"), .expose = fields.texts("expose")};
    spec.credentials = fields.boolean("credentials").value_or(false);
    // Browsers remember no longer than two hours to a day.
    if (const auto age = fields.integer("max_age_seconds", 0, 86'400))
      spec.max_age_seconds = static_cast<std::uint32_t>(*age);
    auto made = gateway::Cors::with(std::move(spec));
    if (made) return std::make_shared<const gateway::Cors>(*std::move(made));
    source_.error(*node, made.error().message);
    return nullptr;
  }

  std::shared_ptr<const http::TlsClient> read_upstream_tls(const files::Fields& api, std::string_view url) {
    const files::YamlNode* node = api.find("upstream_tls");
    if (node == nullptr) return nullptr;
    if (!url.starts_with("https://")) {
      source_.error(*node, "`upstream_tls` is not used: the `upstream` is not https");
      return nullptr;
    }
    const files::Fields fields(node, source_, "upstream_tls", {"ca", "chain", "key", "server_name"});
    http::TlsClientOptions options{.server_name = fields.text("server_name", 253).value_or("")};
    if (const auto* ca = fields.find("ca")) {
      auto pem = files::read_file(*ca, source_, 1 << 20);
      if (!pem) return nullptr;
      if (pem->empty()) source_.error(*ca, "there is no certificate in it");
      options.ca = *std::move(pem);
    }
    if (auto identity = read_tls_identity(fields, config_.data_access))
      options.identity = *std::move(identity);
    auto made = http::TlsClient::make(options);
    if (made) return *std::move(made);
    source_.error(*node, made.error().message);
    return nullptr;
  }

  using Texts = std::vector<std::pair<std::string, std::string>>;
  using Query = std::optional<std::vector<std::string>>;
  static Query read_query(const files::Fields& fields) {
    if (fields.find("query") == nullptr) return std::nullopt;
    auto names = fields.texts("query");
    if (const auto made = gateway::QueryNames::only(names); !made)
      fields.source().error(*fields.find("query"), made.error().message);
    return names;
  }

  using Actions = std::unordered_set<std::string_view>;
  void read_route(const files::YamlNode& node, const inventory::Api& api, const Actions& actions,
                  const Texts& api_amounts, const Query& api_query) {
    const files::Fields fields(
        &node, source_, "a route",
        {"method", "path", "action", "resource", "attributes", "context", "query", "amounts", "labels",
         "public", "decide", "read", "id", "elements", "keep", "each", "websocket", "stream", "timeouts"});
    const auto method = fields.required_text("method", 32);
    const auto path = fields.required_text("path");
    const auto action = fields.required_text("action");
    const auto resource = fields.required_text("resource");
    if (method) warn_of_method(*fields.find("method"), source_);
    if (path) warn_of_path(*fields.find("path"), source_);
    if (!method || !path || !action || !resource) return;
    if (!actions.contains(*action))
      source_.error(*fields.find("action"), fmt::format("API `{}` has no action `{}`", api.id, *action),
                    "name one of its `actions`, or add this one");
    const auto uid = cedar::parse_entity(*resource);
    if (!uid) {
      source_.error(*fields.find("resource"), fmt::format("`{}` is not a resource", *resource),
                    "for example Billing::Invoice::\"{invoice}\", where {invoice} stands in `path`");
      return;
    }
    DeclaredRoute route{.place = source_.place(node),
                        .api = api.id,
                        .method = *method,
                        .path = *path,
                        .action = *action,
                        .resource_type = uid->type,
                        .resource_id = uid->id,
                        .attributes = {},
                        .amounts = {},
                        .labels = fields.texts("labels", 256),
                        .query = fields.find("query") != nullptr ? read_query(fields) : api_query};
    if (route.labels.size() > 16) source_.error(*fields.find("labels"), "a route has at most 16 labels");
    if (const auto* attributes = fields.find("attributes")) read_attributes(*attributes, route);
    if (const auto* entries = fields.find("context")) read_input(*entries, route);
    route.is_public = fields.boolean("public").value_or(false);
    read_stream(fields, route);
    read_answer(fields, actions, route);
    if (const auto* amounts = fields.find("amounts"))
      read_texts(*amounts, "amounts", "an amount to its place", route.amounts);
    if (route.is_public) return world_.routes.push_back(std::move(route));
    for (const auto& each : api_amounts) {
      if (std::ranges::find(route.amounts, each.first, &Texts::value_type::first) == route.amounts.end())
        route.amounts.push_back(each);
    }
    world_.routes.push_back(std::move(route));
  }

  void read_stream(const files::Fields& fields, DeclaredRoute& route) {
    route.web_socket = fields.boolean("websocket").value_or(false);
    route.stream = fields.boolean("stream").value_or(false);
    const files::YamlNode* node = fields.find("timeouts");
    if (node == nullptr) return;
    const files::Fields given(node, source_, "timeouts",
                              {"connect_seconds", "first_byte_seconds", "idle_seconds", "whole_seconds"});
    const auto limit = [&](const char* key) -> std::optional<std::chrono::milliseconds> {
      const auto value = given.integer(key, 1, 7 * 86'400);
      if (!value) return std::nullopt;
      return std::chrono::seconds(*value);
    };
    route.timeouts.call.connect = limit("connect_seconds");
    route.timeouts.call.first_byte = limit("first_byte_seconds");
    route.timeouts.idle = limit("idle_seconds");
    route.timeouts.whole = limit("whole_seconds");
  }

  // What of a route is about the API's answer. Attributes that come from it leave the others.
  void read_answer(const files::Fields& fields, const Actions& actions, DeclaredRoute& route) {
    gateway::AnswerSpec spec;
    std::erase_if(route.attributes, [&](const auto& attribute) {
      const auto pointer = gateway::answer_pointer(attribute.second);
      if (pointer) spec.attributes.emplace_back(attribute.first, *pointer);
      return pointer.has_value();
    });
    const auto how = fields.choice("decide", {"on response", "on read"});
    if (!how) {
      if (!spec.attributes.empty())
        source_.error(
            *fields.find("attributes"),
            fmt::format("the attribute `{}` comes from the API's answer, and this route is decided before",
                        spec.attributes.front().first),
            "add `decide: on response` to the route, or `decide: on read` where it changes something");
      if (const auto* node = fields.find("each"))
        (void)files::Fields(node, source_, "each", {"action", "resource"});
      for (const auto* key : {"read", "id", "elements", "keep", "each"})
        if (const auto* node = fields.find(key))
          source_.error(
              *node, fmt::format("`{}` is about the API's answer, and this route is decided before", key),
              "add `decide: on response` to the route, or `decide: on read` where it changes something");
      return;
    }
    if (*how == 1) {
      spec.read = fields.text("read").value_or(route.path);
    } else if (const auto* node = fields.find("read")) {
      source_.error(*node, "`read` says what is read before a request, and this route is decided after it",
                    "say `decide: on read`");
    }
    spec.id = fields.text("id").value_or("");
    spec.elements = fields.text("elements");
    spec.keep = fields.texts("keep");
    if (const auto* node = fields.find("each")) {
      const files::Fields each(node, source_, "each", {"action", "resource"});
      spec.element_action = each.text("action").value_or("");
      spec.element_type = each.text("resource").value_or("");
      if (!spec.element_action.empty() && !actions.contains(spec.element_action))
        source_.error(*each.find("action"),
                      fmt::format("API `{}` has no action `{}`", route.api, spec.element_action),
                      "name one of its `actions`, or add this one");
      if (!spec.element_type.empty() && !cedar::valid_entity_type(spec.element_type))
        source_.error(*each.find("resource"),
                      fmt::format("`{}` is not a type of resources", spec.element_type),
                      "for example Billing::Invoice; the id of each stands in the answer");
    }
    route.answer = std::move(spec);
  }

  // A text is a template of the path's parameters; a map says where in the request it is.
  void read_attributes(const files::YamlNode& node, DeclaredRoute& route) {
    if (node.kind != files::YamlNode::Kind::kMap)
      return source_.error(node,
                           "`attributes` must be a map from an attribute to its template, or to `from` "
                           "and `type`");
    for (const auto& entry : node.entries) {
      if (entry.value.kind == files::YamlNode::Kind::kMap) {
        read_fact(entry.key, entry.value, gateway::FactSpec::Of::kResource, route);
      } else if (auto text = files::read_text(entry.value, source_, entry.key)) {
        route.attributes.emplace_back(entry.key, std::move(*text));
      }
    }
  }

  void read_input(const files::YamlNode& node, DeclaredRoute& route) {
    if (node.kind != files::YamlNode::Kind::kMap)
      return source_.error(node, "`context` must be a map from an entry to `from` and `type`");
    for (const auto& entry : node.entries)
      read_fact(entry.key, entry.value, gateway::FactSpec::Of::kInput, route);
  }

  void read_fact(const std::string& name, const files::YamlNode& node, gateway::FactSpec::Of of,
                 DeclaredRoute& route) {
    const files::Fields fields(&node, source_, "a fact of a request", {"from", "type"});
    const auto from = fields.required_text("from");
    const auto type = fields.required_text("type");
    if (from && type) route.facts.push_back({of, name, *from, *type});
  }

  void read_texts(const files::YamlNode& node, std::string_view key, std::string_view what, Texts& texts) {
    if (node.kind != files::YamlNode::Kind::kMap)
      return source_.error(node, fmt::format("`{}` must be a map from {}", key, what));
    for (const auto& entry : node.entries) {
      if (auto text = files::read_text(entry.value, source_, entry.key))
        texts.emplace_back(entry.key, std::move(*text));
    }
  }

  using Seen = std::map<std::string, files::Place, std::less<>>;
  bool unique(const std::string& value, const files::YamlNode& node, std::string_view what, Seen& seen) {
    const auto [at, added] = seen.try_emplace(value, source_.place(node));
    if (!added)
      source_.error(node,
                    fmt::format("{} `{}` is given twice, first in line {}", what, value, at->second.line));
    return added;
  }

  void read_grant(const files::YamlNode& node) {
    const auto kind_of = [&](std::string_view id) -> std::optional<Kind> {
      const auto& all = world_.declared.identities;
      const auto found = std::ranges::find(all, id, &Identity::id);
      return found != all.end() ? std::optional(found->kind) : std::nullopt;
    };
    auto grant = inventory::grant_from_json(to_json(node), kind_of);
    if (!grant) return source_.error(node, grant.error().message);
    const auto* id = node.find("id");
    if (!unique(grant->id, id != nullptr ? *id : node, "grant", grants_)) return;
    world_.declared.grants.push_back(*grant);
    world_.grants.push_back({source_.place(node), *std::move(grant)});
  }

  // Whom identities act for, and who owns them, must exist: a misspelt edge would be refused at every
  // request.
  void check_edges() {
    for (const files::YamlNode& node : config_.identities) {
      const auto check = [&](const files::YamlNode* value, std::string_view key) {
        if (value == nullptr || value->kind != files::YamlNode::Kind::kText ||
            value->text == inventory::kAnyUser || value->text == inventory::kNotKnown ||
            identities_.contains(value->text) ||
            std::ranges::find(world_.left_out, value->text) != world_.left_out.end())
          return;
        source_.issues.warning(
            source_.place(*value),
            fmt::format("`{}` names `{}`, which is not an identity in the configuration", key, value->text));
      };
      for (const auto* key : {"owner", "sponsor", "parent"}) check(node.find(key), key);
      if (const auto* edges = node.find("acts_for"))
        for (const files::YamlNode& edge : edges->items) check(&edge, "acts_for");
    }
  }

  void check_introspects() {
    for (const files::YamlNode& node : config_.identities) {
      const auto* apis = node.find("introspects");
      if (apis == nullptr) continue;
      for (const files::YamlNode& api : apis->items) {
        if (api.text != kOwnApi && !apis_.contains(api.text))
          source_.error(api, fmt::format("there is no API `{}`", api.text),
                        "name an API of `inventory.apis`");
      }
    }
  }

  // Work never comes back to whom it came from. Each circle is reported once, as many as anybody will read.
  void check_circles() {
    static const std::vector<std::string> kNobody;
    std::unordered_map<std::string_view, const Identity*> known;
    std::vector<std::string_view> ids;
    for (const Identity& identity : world_.declared.identities) {
      if (identity.acts_for.empty()) continue;
      known[identity.id] = &identity;
      ids.push_back(identity.id);
    }
    const inventory::DelegationCircles circles(
        ids, [&](std::string_view each) -> const std::vector<std::string>& {
          const auto found = known.find(each);
          return found != known.end() ? found->second->acts_for : kNobody;
        });
    std::set<std::string> reported;
    int left = kMaxCircles;
    for (const files::YamlNode& node : config_.identities) {
      const auto* id = node.find("id");
      if (id == nullptr || !known.contains(id->text) || reported.contains(id->text)) continue;
      const auto circle = circles.through(id->text);
      if (circle.empty()) continue;
      if (left-- == 0) return;
      reported.insert(circle.begin(), circle.end());
      source_.error(*node.find("acts_for"),
                    fmt::format("`acts_for` goes in a circle: {}", fmt::join(circle, ", ")),
                    "remove one of these identities from an `acts_for`");
    }
  }

  const Config& config_;
  const std::vector<inventory::UserNames> user_names_ = user_names(config_);
  files::Source source_;
  WorkloadReader workloads_{config_, source_};
  World world_;
  Seen identities_, apis_, audiences_, grants_;
};

}  // namespace

std::vector<inventory::UserNames> user_names(const Config& config) {
  std::vector<inventory::UserNames> names;
  for (const auto& issuer : config.trusted_issuers) {
    if (issuer.workloads == nullptr) names.push_back({issuer.issuer, issuer.subject_prefix});
  }
  return names;
}

inventory::Api own_api(const Config& config) {
  return {.id = std::string(kOwnApi),
          .audience = config.api_audience,
          .name_space = std::string(kOwnNamespace),
          .actions = {std::begin(kOwnActions), std::end(kOwnActions)},
          .claims = std::nullopt,
          .declared = true};
}

World read_world(const Config& config, files::Issues& issues) {
  return WorldReader(config, issues).read();
}

}  // namespace writ::config
