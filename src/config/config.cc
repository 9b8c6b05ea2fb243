#include "config/config.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "cedar/entity_json.h"
#include "codec/name.h"
#include "config/accept.h"
#include "config/calendars.h"
#include "config/introspection.h"
#include "config/jwks_file.h"
#include "config/listen.h"
#include "config/logout.h"
#include "config/metrics_access.h"
#include "config/outbound.h"
#include "config/workloads.h"
#include "files/fields.h"
#include "files/files.h"
#include "jose/provider_keys.h"

namespace writ::config {
namespace {

void read_issuer(const files::Fields& root, Config& config) {
  const auto issuer = root.required_text("issuer");
  if (!issuer) return;
  if (!is_issuer_url(*issuer)) {
    root.source().error(
        *root.find("issuer"),
        fmt::format("`{}` is not an issuer URL, expected http(s) without query, fragment and final slash",
                    *issuer));
  }
  config.issuer = *issuer;
}

void read_metrics(const files::Fields& root, Config& config) {
  files::Source& source = root.source();
  const files::Fields fields(root.find("metrics"), source, "metrics", {"token_file"});
  const files::YamlNode* file = fields.find("token_file");
  auto text = file != nullptr ? files::read_file(*file, source, 4096) : std::nullopt;
  if (!text) return;
  const auto end = text->find_last_not_of(" \t\r\n");
  text->resize(end == text->npos ? 0 : end + 1);
  if (text->size() < kLeastMetricsTokenBytes || text->find_first_of(" \t\r\n") != text->npos) {
    return source.error(*file, fmt::format("`{}` holds no token, expected one line of at least {} bytes",
                                           file->text, kLeastMetricsTokenBytes));
  }
  config.metrics_token = std::make_shared<const Secret>(*std::move(text));
}

void read_tokens(const files::Fields& root, Config& config) {
  const files::Fields fields(root.find("tokens"), root.source(), "tokens", {"lifetime_seconds", "algorithm"});
  config.token_lifetime = std::chrono::seconds(fields.integer("lifetime_seconds", 1, 3600).value_or(300));
  const auto algorithm = fields.choice("algorithm", {"ES256", "EdDSA"});
  if (algorithm == 1) config.token_algorithm = crypto::Algorithm::kEdDsa;
}

// Its names for clients, and Writ's.
void read_clients(const files::Fields& fields, oauth::TrustedIssuer& issuer) {
  const files::YamlNode* clients = fields.find("clients");
  if (clients == nullptr) return;
  if (clients->kind != files::YamlNode::Kind::kMap)
    return fields.source().error(*clients,
                                 "`clients` must be a map from the provider's names for clients to Writ's");
  for (const auto& entry : clients->entries) {
    if (auto id = files::read_text(entry.value, fields.source(), entry.key))
      issuer.clients[entry.key] = std::move(*id);
  }
}

// Those that it signs with. A name that Writ does not verify would be waited for in vain.
std::optional<crypto::AlgorithmSet> read_algorithms(const files::Fields& fields) {
  const files::YamlNode* list = fields.find("algorithms");
  if (list == nullptr) return std::nullopt;
  crypto::AlgorithmSet algorithms;
  for (const files::YamlNode& name : fields.list("algorithms")) {
    if (const auto algorithm = crypto::algorithm_from_name(name.text)) {
      algorithms.insert(*algorithm);
    } else {
      fields.source().error(name, fmt::format("`{}` is not an algorithm that Writ verifies", name.text),
                            "one of " + crypto::kAllAlgorithms.text());
    }
  }
  if (algorithms.empty() && fields.list("algorithms").empty())
    fields.source().error(*list, "`algorithms` is empty, so no token of the issuer could be accepted",
                          "name those that it signs with, or leave the key out");
  return algorithms.empty() ? std::nullopt : std::optional(algorithms);
}

void check_groups_beside(const oauth::TrustedIssuer& issuer, const files::Fields& fields,
                         const Config& config) {
  if (!issuer.facts.contains("groups")) return;
  const std::string& own = issuer.group_prefix;
  for (const auto& other : config.trusted_issuers) {
    const bool apart = !other.facts.contains("groups") ||
                       (!own.starts_with(other.group_prefix) && !other.group_prefix.starts_with(own));
    if (apart) continue;
    fields.source().issues.warning(
        fields.source().place(*fields.find("facts")),
        fmt::format("policies cannot tell the `groups` of `{}` from those of `{}`: a group of either counts "
                    "as one of that name",
                    issuer.issuer, other.issuer),
        "give each a `group_prefix`; none may begin with another");
  }
}

// None of them can name another's users, or speak for another's tenants.
void check_beside(const oauth::TrustedIssuer& issuer, const files::Fields& fields, const Config& config) {
  files::Source& source = fields.source();
  const files::YamlNode& place =
      fields.find("subject_prefix") != nullptr ? *fields.find("subject_prefix") : *fields.find("issuer");
  for (const auto& other : config.trusted_issuers) {
    if (other.issuer == issuer.issuer) {
      source.error(*fields.find("issuer"), fmt::format("trusted issuer `{}` is given twice", issuer.issuer));
    } else if (oauth::overlap(issuer, other)) {
      source.error(
          place,
          issuer.subject_prefix.empty()
              ? fmt::format("`{}` and `{}` could name each other's users: both have no `subject_prefix`",
                            issuer.issuer, other.issuer)
              : fmt::format("`{}` and `{}` could name each other's users: their prefixes are `{}` and `{}`",
                            issuer.issuer, other.issuer, issuer.subject_prefix, other.subject_prefix),
          "give all but one of them a `subject_prefix`; no prefix may begin with another");
    }
  }
}

void read_trusted_issuer(const files::YamlNode& node, bool alone, files::Source& source, Config& config) {
  const files::Fields fields(&node, source, "a trusted issuer",
                             {"issuer",
                              "audience",
                              "jwks_file",
                              "jwks_uri",
                              "key_refresh",
                              "claims",
                              "max_token_lifetime_seconds",
                              "subject_prefix",
                              "tenants",
                              "clients",
                              "algorithms",
                              "tolerance_seconds",
                              "profile",
                              "facts",
                              "group_prefix",
                              "links",
                              "accept",
                              "workloads",
                              "introspection",
                              "logout"});
  const bool workloads = names_workloads(fields);
  const auto issuer = fields.required_text("issuer");
  const auto audience =
      fields.find("audience") != nullptr ? fields.text("audience") : std::optional(config.issuer);
  const auto lifetime = fields.integer("max_token_lifetime_seconds", 1, 7 * 86'400)
                            .value_or(workloads ? kWorkloadLifetime.count() : 86'400);
  const auto tolerance = fields.integer("tolerance_seconds", 0, 300);
  const auto algorithms = read_algorithms(fields);
  const auto location = read_key_location(fields, config.outbound.rules);
  const auto* of_workloads = fields.find("workloads");
  const auto rules = of_workloads != nullptr && of_workloads->text == "spiffe"
                         ? jose::trust_domain_rules(algorithms)
                         : jose::provider_rules(algorithms);
  auto keys = location ? std::optional(*jose::JwkSet::of({}))
                       : read_provider_jwks(*fields.find("jwks_file"), rules, source);
  if (const auto* file = fields.find("jwks_file")) config.key_files.push_back(source.resolve(file->text));
  if (!issuer || !audience || !keys) return;
  oauth::TrustedIssuer read{
      .issuer = *issuer, .audience = *audience, .keys = std::move(*keys), .mapping = {}};
  read.max_token_lifetime = std::chrono::seconds(lifetime);
  read.profile = &read_profile(fields);
  read_claims(fields, read);
  read.algorithms = algorithms;
  read.location = location;
  if (tolerance) read.tolerance = std::chrono::seconds(*tolerance);
  read.subject_prefix = fields.text("subject_prefix", 128).value_or("");
  if (const auto wrong = codec::name_problem(read.subject_prefix); wrong && !read.subject_prefix.empty())
    source.error(*fields.find("subject_prefix"), fmt::format("`subject_prefix` {}", *wrong));
  read_tenants(fields, read);
  read_workload_issuer(fields, read);
  if (!alone && !workloads && !read.tenants)
    source.error(node, fmt::format("trusted issuer `{}` needs `tenants`, because there are several", *issuer),
                 "name the tenants that it may speak for, or `[]` for none");
  read_clients(fields, read);
  read_accept(fields, read);
  read_introspection(fields, config, read);
  read_logout(fields, read);
  if (*issuer == config.issuer)
    source.error(*fields.find("issuer"), "this is Writ's own issuer, expected an identity provider's");
  for (auto& each : one_for_each_tenant(std::move(read))) {
    check_beside(each, fields, config);
    check_groups_beside(each, fields, config);
    config.trusted_issuers.push_back(std::move(each));
  }
}

// One that could match nothing would leave nothing out, and somebody believes that it does.
void check_glob(const files::YamlNode& glob, files::Source& source) {
  const std::string& text = glob.text;
  const bool of_no_path = text.starts_with('/') || text.starts_with("./") || text.starts_with("../") ||
                          text.ends_with('/') || text.find("**") != text.npos;
  if (of_no_path)
    source.error(glob,
                 fmt::format("`{}` matches nothing: a pattern is of a name, or of a path from the "
                             "folder of policies on",
                             text),
                 "for example \"*.md\", drafts, or teams/*/drafts");
}

void read_policies(const files::Fields& root, Config& config) {
  files::Source& source = root.source();
  const files::Fields fields(root.require("policies"), source, "policies",
                             {"files", "ignore", "schemas", "entities", "keep", "watch"});
  for (const auto& file : fields.texts("files")) config.policies.policies.push_back(source.resolve(file));
  config.policies.ignore = fields.texts("ignore");
  for (const files::YamlNode& glob : fields.list("ignore")) check_glob(glob, source);
  for (const auto& file : fields.texts("schemas")) config.policies.schemas.push_back(source.resolve(file));
  if (const auto file = fields.text("entities")) config.policies.entities = source.resolve(*file);
  if (const auto keep = fields.integer("keep", 1, 1000))
    config.policies.keep = static_cast<std::size_t>(*keep);
  config.policies.watch = fields.boolean("watch").value_or(false);
  if (config.policies.policies.empty() && fields.require("files") != nullptr)
    source.error(*fields.find("files"), "no policy files: everything would be refused");
}

void read_audit(const files::Fields& root, Config& config) {
  AuditSettings& audit = config.audit;
  const files::Fields fields(root.find("audit"), root.source(), "audit",
                             {"file", "mode", "rotate_bytes", "reserve_bytes", "strangers_per_second",
                              "strangers_bytes_per_second"});
  audit.file = fields.text("file").value_or("audit.log");
  audit.durable = fields.choice("mode", {"durable", "buffered"}).value_or(0) == 0;
  const auto set = [&](std::string_view key, std::uint64_t& value, std::int64_t min, std::int64_t max) {
    if (const auto read = fields.integer(key, min, max)) value = static_cast<std::uint64_t>(*read);
  };
  set("rotate_bytes", audit.rotate_bytes, 1 << 20, std::int64_t{1} << 40);
  set("reserve_bytes", audit.reserve_bytes, 0, std::int64_t{1} << 34);
  set("strangers_per_second", audit.strangers.records_per_second, 0, 1'000'000);
  set("strangers_bytes_per_second", audit.strangers.bytes_per_second, 0, 1 << 30);
}

void read_limits(const files::Fields& root, Config& config) {
  LimitSettings& limits = config.limits;
  const files::Fields fields(root.find("limits"), root.source(), "limits",
                             {"max_connections",
                              "max_connections_per_source",
                              "max_head_bytes",
                              "max_body_bytes",
                              "max_stream_bytes",
                              "max_unauthenticated_bytes",
                              "max_authenticated_bytes",
                              "body_timeout_seconds",
                              "min_body_bytes_per_second",
                              "wrong_secrets_per_minute",
                              "max_chain",
                              "upstream_timeout_seconds",
                              "drain_grace_seconds",
                              "clock_tolerance_seconds",
                              "max_proofs_of_client",
                              "max_proofs",
                              "idle_timeout_seconds",
                              "wrong_tokens_per_minute",
                              "max_unlisted_stops",
                              "max_streams",
                              "max_entities"});
  const auto set = [&](std::string_view key, auto& value, std::int64_t min, std::int64_t max) {
    if (const auto read = fields.integer(key, min, max))
      value = static_cast<std::remove_reference_t<decltype(value)>>(*read);
  };
  set("max_connections", limits.max_connections, 1, 1'000'000);
  set("max_connections_per_source", limits.max_connections_per_source, 1, 1'000'000);
  set("max_streams", limits.max_streams, 1, 10'000);
  set("max_head_bytes", limits.max_head_bytes, 1024, 64 * 1024);
  set("max_body_bytes", limits.max_body_bytes, 1024, 64 << 20);
  set("max_stream_bytes", limits.max_stream_bytes, 1024, std::int64_t{1} << 50);
  set("max_unauthenticated_bytes", limits.max_unauthenticated_bytes, 64 * 1024, std::int64_t{1} << 40);
  set("max_authenticated_bytes", limits.max_authenticated_bytes, 1 << 20, std::int64_t{1} << 40);
  set("min_body_bytes_per_second", limits.min_body_bytes_per_second, 1, 1 << 20);
  set("wrong_secrets_per_minute", limits.wrong_secrets_per_minute, 1, 10'000);
  set("wrong_tokens_per_minute", limits.wrong_tokens_per_minute, 1, 1'000'000);
  set("max_unlisted_stops", limits.max_unlisted_stops, 0, 10'000'000);
  set("max_entities", limits.max_entities, 0, 10'000'000);
  set("max_chain", limits.max_chain, 0, 8);
  set("max_proofs_of_client", limits.max_proofs_of_client, 16, 1 << 24);
  set("max_proofs", limits.max_proofs, 1024, 1 << 24);
  if (const auto seconds = fields.integer("upstream_timeout_seconds", 1, 3600))
    limits.upstream_timeout = std::chrono::seconds(*seconds);
  if (const auto seconds = fields.integer("idle_timeout_seconds", 1, 3600))
    limits.idle_timeout = std::chrono::seconds(*seconds);
  if (const auto seconds = fields.integer("clock_tolerance_seconds", 1, 60))
    limits.clock_tolerance = std::chrono::seconds(*seconds);
  if (const auto seconds = fields.integer("body_timeout_seconds", 1, 3600))
    limits.body_timeout = std::chrono::seconds(*seconds);
  if (const auto seconds = fields.integer("drain_grace_seconds", 0, 300))
    limits.drain_grace = std::chrono::seconds(*seconds);
}

template <class Number>
void set(const files::Fields& fields, std::string_view key, Number& value, std::int64_t min,
         std::int64_t max) {
  if (const auto read = fields.integer(key, min, max)) value = static_cast<Number>(*read);
}

void read_database(const files::Fields& root, Config& config) {
  const files::Fields fields(root.find("database"), root.source(), "database",
                             {"max_waiting", "max_wait_seconds"});
  set(fields, "max_waiting", config.database.max_waiting, 1, 100'000);
  if (const auto seconds = fields.integer("max_wait_seconds", 1, 60))
    config.database.max_wait = std::chrono::seconds(*seconds);
}

void read_tasks(const files::Fields& root, Config& config) {
  task::TaskLimits& tasks = config.tasks;
  const files::Fields fields(root.find("tasks"), root.source(), "tasks",
                             {"max_per_client", "max_bytes_per_client", "max_scope_bytes", "max_narrowings",
                              "max_opened_per_minute", "forget_after_seconds"});
  set(fields, "max_per_client", tasks.per_client, 1, 1'000'000);
  set(fields, "max_bytes_per_client", tasks.bytes_per_client, 64 << 10, std::int64_t{1} << 32);
  set(fields, "max_scope_bytes", tasks.scope_bytes, 1024, 16 << 20);
  set(fields, "max_narrowings", tasks.narrowings, 0, 1024);
  set(fields, "max_opened_per_minute", tasks.opened_per_minute, 1, 1'000'000);
  if (const auto seconds = fields.integer("forget_after_seconds", 1, 366 * 86'400))
    tasks.forget_after = std::chrono::seconds(*seconds);
}

void read_approvals(const files::Fields& root, Config& config) {
  task::CallLimits& approvals = config.approvals;
  const files::Fields fields(
      root.find("approvals"), root.source(), "approvals",
      {"max_waiting_per_subject", "max_waiting_per_client", "max_waiting", "max_bytes"});
  set(fields, "max_waiting_per_subject", approvals.per_subject, 1, 100'000);
  set(fields, "max_waiting_per_client", approvals.per_client, 1, 100'000);
  set(fields, "max_waiting", approvals.all, 1, 1'000'000);
  set(fields, "max_bytes", approvals.bytes, 1 << 20, std::int64_t{1} << 32);
}

// A name that can be no type would make every question a wrong one.
void check_type(const files::YamlNode& node, files::Source& source) {
  if (!cedar::valid_entity_type(node.text))
    source.error(node, fmt::format("`{}` is not a Cedar type", node.text),
                 "for example Billing::Invoice, or Billing::Action for actions");
}

void read_types(const files::Fields& fields, std::string_view key, std::string_view what,
                std::vector<std::pair<std::string, std::string>>& types) {
  const files::YamlNode* map = fields.find(key);
  if (map == nullptr) return;
  if (map->kind != files::YamlNode::Kind::kMap)
    return fields.source().error(*map, fmt::format("`{}` must be a map from {}", key, what));
  for (const auto& entry : map->entries) {
    auto type = files::read_text(entry.value, fields.source(), entry.key);
    if (!type) continue;
    check_type(entry.value, fields.source());
    types.emplace_back(entry.key, std::move(*type));
  }
}

// One type under both its names would have two types of actions.
void check_named_once(const files::Fields& fields, const AuthzenSettings& authzen) {
  const files::YamlNode* map = fields.find("action_types");
  if (map == nullptr) return;
  std::map<std::string_view, std::string_view> seen;
  for (const auto& entry : map->entries) {
    const auto mapped =
        std::ranges::find(authzen.types, entry.key, &std::pair<std::string, std::string>::first);
    const std::string_view type = mapped == authzen.types.end() ? entry.key : mapped->second;
    const auto [first, added] = seen.try_emplace(type, entry.key);
    if (!added)
      fields.source().error(
          entry.value, fmt::format("`{}` is the same type as `{}`, which has its actions already", entry.key,
                                   first->second));
  }
}

void read_authzen(const files::Fields& root, Config& config) {
  AuthzenSettings& authzen = config.authzen;
  const files::Fields fields(root.find("authzen"), root.source(), "authzen",
                             {"access", "types", "action_type", "action_types"});
  if (fields.choice("access", {"token", "open"}) == 1) authzen.access = AuthzenAccess::kOpen;
  if (auto type = fields.text("action_type")) {
    check_type(*fields.find("action_type"), root.source());
    authzen.action_type = std::move(*type);
  }
  read_types(fields, "types", "AuthZEN's type names to Cedar's", authzen.types);
  read_types(fields, "action_types", "types of resources to the Cedar types of the actions on them",
             authzen.action_types);
  check_named_once(fields, authzen);
}

// A misspelt path would redact nothing: it has to begin as every path does that a policy reads.
void read_explain(const files::Fields& root, Config& config) {
  const files::Fields fields(root.find("explain"), root.source(), "explain", {"redact"});
  config.redact = fields.texts("redact");
  for (const files::YamlNode& path : fields.list("redact")) {
    const auto begins = [&](std::string_view with) { return path.text.starts_with(with); };
    if (!begins("context.") && !begins("resource.") && !begins("principal."))
      root.source().error(path, fmt::format("`{}` is not a path that a policy reads", path.text),
                          "for example context.request.ip, resource.customer or principal.tenant");
  }
}

void read_inventory(const files::Fields& root, Config& config) {
  const files::Fields fields(root.require("inventory"), root.source(), "inventory",
                             {"identities", "apis", "grants", "claims", "imported"});
  config.claims_by_contract = fields.choice("claims", {"all", "contract"}) == 1;
  (void)fields.text("imported");  // config/imported.h reads the folder
  config.identities = fields.list("identities");
  config.apis = fields.list("apis");
  config.grants = fields.list("grants");
}

// Nothing when the text is no tree. What has errors is in the issues, and absent or as by default.
std::optional<Config> draft_of(std::string_view text, const std::filesystem::path& file,
                               files::Issues& issues) {
  files::Source source{file.string(), file.parent_path(), issues, /*keys_need_values=*/true};
  auto parsed = files::parse_yaml(text, source.file, issues);
  if (!parsed) return std::nullopt;
  Config config;
  config.file = file;
  config.root = std::make_shared<const files::YamlNode>(*std::move(parsed));
  const files::Fields root(
      config.root.get(), source, "the configuration",
      {"version",      "issuer",          "listen",    "data",      "data_access", "tokens",    "outbound",
       "signing_keys", "trusted_issuers", "policies",  "inventory", "audit",       "limits",    "authzen",
       "api",          "explain",         "calendars", "database",  "tasks",       "approvals", "metrics",
       "fact_sources", "posture"});
  if (root.require("version") != nullptr) root.integer("version", 1, 1);
  read_issuer(root, config);
  config.data = source.resolve(root.text("data").value_or("data"));
  if (root.choice("data_access", {"owner", "group"}) == 1) config.data_access = Writers::kGroup;
  config.outbound = read_outbound(root, config.data_access);
  read_listeners(root, config);
  read_metrics(root, config);
  read_tokens(root, config);
  config.signing_keys = read_signing_keys(root, config.data);
  const auto issuers = root.list("trusted_issuers");
  const auto of_users =
      std::ranges::count_if(issuers, [](const auto& each) { return each.find("workloads") == nullptr; });
  for (const files::YamlNode& node : issuers) read_trusted_issuer(node, of_users == 1, source, config);
  read_policies(root, config);
  read_inventory(root, config);
  check_accept(issuers, config, source);
  read_audit(root, config);
  read_limits(root, config);
  read_database(root, config);
  read_tasks(root, config);
  read_approvals(root, config);
  read_authzen(root, config);
  const files::Fields api(root.find("api"), source, "api", {"audience"});
  config.api_audience = api.text("audience").value_or(config.issuer);
  read_explain(root, config);
  config.calendars = read_calendars(root.find("calendars"), source);
  const files::Fields posture(root.find("posture"), source, "posture", {"exceptions"});
  config.exceptions = read_exceptions(posture);
  return config;
}

std::optional<Config> if_good(std::optional<Config> config, std::size_t errors_before,
                              const files::Issues& issues) {
  return issues.errors() > errors_before ? std::nullopt : std::move(config);
}

}  // namespace

std::optional<Config> parse_config(std::string_view text, const std::filesystem::path& file,
                                   files::Issues& issues) {
  const auto before = issues.errors();
  return if_good(draft_of(text, file, issues), before, issues);
}

std::optional<Config> draft_config(const std::filesystem::path& file, files::Issues& issues) {
  const auto text = files::read_file(file, files::kMaxYamlBytes);
  if (text) return draft_of(*text, file, issues);
  issues.error({file.string()}, text.error().message);
  return std::nullopt;
}

std::optional<Config> read_config(const std::filesystem::path& file, files::Issues& issues) {
  const auto before = issues.errors();
  return if_good(draft_config(file, issues), before, issues);
}

}  // namespace writ::config
