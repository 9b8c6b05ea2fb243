#include "server/policies.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "cedar/conform.h"
#include "cedar/parse.h"
#include "cedar/schema_syntax.h"
#include "cedar/validate.h"
#include "crypto/hash.h"
#include "decision/hiding.h"
#include "server/base_schema.h"
#include "server/files.h"

namespace writ::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPolicyFileBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxEntitiesBytes = std::size_t{256} << 20;
constexpr std::string_view kIdAnnotation = "id";
constexpr std::string_view kHidingAnnotation = "accept_hidden";
constexpr std::string_view kOwnTypes = "Writ::";

// The files that the configuration means, in a stable order: a folder stands for its *.cedar files.
std::vector<fs::path> policy_files(const PolicySettings& settings, Issues& issues) {
  std::vector<fs::path> files;
  for (const auto& path : settings.policies) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    const auto first = files.size();
    for (const auto& entry : fs::directory_iterator(path, error))
      if (entry.path().extension() == ".cedar") files.push_back(entry.path());
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(first), files.end());
    if (files.size() == first)
      issues.error({path.string()}, "there is no *.cedar file in this folder: everything would be refused");
  }
  return files;
}

using ResourceTypes = decision::PolicySnapshot::ResourceTypes;

class Loader {
 public:
  Loader(const Config& config, const World& world, Issues& issues)
      : issues_(issues), calendars_(config.calendars) {
    for (const auto& route : world.routes) {
      const auto api = std::ranges::find(world.declared.apis, route.api, &inventory::Api::id);
      if (api != world.declared.apis.end())
        types_[route.resource_type].push_back({api->action_type(), route.action});
    }
    for (const auto& calendar : calendars_) digest_ += calendar.text() + '\0';
    for (const auto& identity : world.declared.identities)
      known_.try_emplace(std::string(cedar_type(identity.kind)) + "::" + identity.id);
    for (const auto& api : world.declared.apis) {
      known_.try_emplace("Writ::Api::" + api.id);
      for (const auto& action : api.actions) actions_.try_emplace(api.action_type() + "::" + action);
    }
  }

  // Before any policy and entity.
  void add_schemas(const std::vector<fs::path>& paths) {
    if (paths.empty()) return;
    std::vector<cedar::SchemaFragment> fragments;
    for (const auto& path : paths) {
      const auto text = read_file(path, cedar::kMaxSchemaBytes);
      if (!text) {
        issues_.error({path.string()}, text.error().message);
        continue;
      }
      digest_ += path.filename().string() + '\0' + *text + '\0';
      auto fragment =
          path.extension() == ".json" ? cedar::parse_schema_json(*text) : cedar::parse_schema_text(*text);
      if (fragment) {
        fragments.push_back(*std::move(fragment));
      } else {
        report(path, *text, fragment.error());
      }
    }
    if (issues_.has_errors()) return;
    fragments.push_back(base_schema_beside(fragments));
    auto schema = cedar::resolve_schema(fragments);
    if (schema) {
      schema_ = *std::move(schema);
    } else {
      // A name may be looked for in several files, so its place is not known.
      for (const auto& issue : schema.error())
        issues_.error({paths.front().string()}, issue.message, issue.help);
    }
  }

  void add_file(const fs::path& path) {
    auto content = read_file(path, kMaxPolicyFileBytes);
    if (!content) return issues_.error({path.string()}, content.error().message);
    const auto text = std::make_shared<const std::string>(*std::move(content));
    digest_ += path.filename().string() + '\0' + *text + '\0';
    auto parsed = cedar::parse_policies(*text);
    if (!parsed) return report(path, *text, parsed.error());
    if (schema_) validate(path, *text, *parsed);
    for (auto& policy : parsed->policies) add_policy(std::move(policy), path, text);
    for (const auto& policy : parsed->templates) {
      const auto at = cedar::line_column(*text, policy.span.begin);
      issues_.warning({path.string(), at.line, at.column},
                      "a template decides nothing until it is linked, and nothing links it",
                      "write the entity where the slot stands");
    }
  }

  void add_entities(const fs::path& path) {
    const auto text = read_file(path, kMaxEntitiesBytes);
    if (!text) return issues_.error({path.string()}, text.error().message);
    digest_ += *text;
    auto entities = read_entities(*text);
    if (!entities) return issues_.error({path.string()}, entities.error().message);
    entities_ = std::move(*entities);
  }

  std::optional<LoadedPolicies> finish(std::size_t max_chain) {
    if (issues_.has_errors()) return std::nullopt;
    auto compiled = cedar::CompiledPolicySet::compile(policies_);
    if (!compiled) {
      issues_.error({}, compiled.error().message);
      return std::nullopt;
    }
    auto snapshot = std::make_shared<decision::PolicySnapshot>();
    snapshot->policies = std::move(*compiled);
    snapshot->entities = entities_;
    snapshot->revision = crypto::hex(crypto::sha256(digest_)).substr(0, 16);
    snapshot->max_chain = max_chain;
    snapshot->resource_types = resource_types();
    if (!calendars_.empty()) snapshot->calendars = std::make_shared<const context::Calendars>(calendars_);
    const auto count = policies_.policies.size();
    return LoadedPolicies{std::move(snapshot), count, std::move(policies_), std::move(sources_), schema_};
  }

 private:
  std::shared_ptr<const ResourceTypes> resource_types() const {
    auto types = types_;
    std::vector<cedar::SchemaFragment> own;
    own.push_back(base_schema_beside({}));
    const auto base = cedar::resolve_schema(own);
    WRIT_CHECK(base.has_value());
    for (const auto& schema : {*base, schema_}) {
      if (schema == nullptr) continue;
      for (const auto& [name, type] : schema->entity_types()) types[name];
      for (const auto& [uid, action] : schema->actions())
        for (const auto& type : action.resources) types[type].push_back(uid);
    }
    for (const auto& entity : entities_->all()) types[std::string(entity.uid.type())];
    return std::make_shared<const ResourceTypes>(std::move(types));
  }

  void report(const fs::path& path, std::string_view text, const std::vector<cedar::Issue>& found) {
    for (const auto& issue : found)
      issues_.error({path.string(), issue.line, issue.column}, issue.message, issue.help,
                    issue.line > 0 ? cedar::excerpt(text, issue.span) : std::string());
  }

  void validate(const fs::path& path, std::string_view text, const cedar::PolicySet& policies) {
    const cedar::Validation result = cedar::validate(*schema_, policies, {}, text);
    for (const auto& [kind, id, issue] : result.errors)
      issues_.error({path.string(), issue.line, issue.column}, issue.message, issue.help,
                    cedar::excerpt(text, issue.span));
    for (const auto& [kind, id, issue] : result.warnings)
      issues_.warning({path.string(), issue.line, issue.column}, issue.message, issue.help);
  }

  Result<std::shared_ptr<const cedar::Entities>> read_entities(std::string_view text) const {
    const codec::JsonLimits limits{.max_bytes = kMaxEntitiesBytes};
    if (!schema_) return cedar::entities_from_json(text, limits);
    const auto json = TRY(codec::parse_json(text, limits));
    cedar::EntitiesBuilder builder;
    TRY(server::add_entities(builder, json, schema_.get()));
    return std::move(builder).build();
  }

  void add_policy(cedar::Policy policy, const fs::path& path,
                  const std::shared_ptr<const std::string>& text) {
    const auto at = cedar::line_column(*text, policy.span.begin);
    const Place place{path.string(), at.line, at.column};
    const auto* id = policy.annotation(kIdAnnotation);
    policy.id =
        id != nullptr && id->value ? *id->value : fmt::format("{}:{}", path.filename().string(), at.line);
    const auto [first, added] = ids_.try_emplace(policy.id, place);
    if (!added) {
      issues_.error(place,
                    fmt::format("policy `{}` is given twice, first in {}:{}", policy.id, first->second.file,
                                first->second.line),
                    "give each policy an @id of its own");
      return;
    }
    check_names(policy, place);
    check_hiding(policy, place);
    policies_.policies.push_back(std::move(policy));
    sources_.push_back({place, text});
  }

  void check_hiding(const cedar::Policy& policy, const Place& place) {
    const auto* accepted = policy.annotation(kHidingAnnotation);
    const auto paths = decision::helpful_absences(policy);
    if (accepted != nullptr && (accepted->value.value_or("").empty() || paths.empty())) {
      issues_.error(
          place, paths.empty() ? "`@accept_hidden` accepts nothing here" : "`@accept_hidden` needs a reason");
      return;
    }
    if (accepted != nullptr) return;
    for (const auto& path : paths) {
      if (policy.effect == cedar::Effect::kForbid) {
        issues_.warning(
            place,
            fmt::format(
                "policy `{}` forbids only where `{}` is there: a request that leaves it out gets past",
                policy.id, path),
            "say `unless` it is there and right, or accept it with @accept_hidden(\"why\")");
      } else {
        issues_.warning(
            place,
            fmt::format("policy `{}` permits where `{}` is absent: a request that leaves it out gets more",
                        policy.id, path),
            "ask for what has to be there, or accept it with @accept_hidden(\"why\")");
      }
    }
  }

  void check_names(const cedar::Policy& policy, const Place& place) {
    for (const auto* term : {&policy.principal, &policy.action, &policy.resource})
      for (const auto& uid : term->entities) check_name(uid, place);
    for (const auto& condition : policy.conditions) check_names(condition.body, place);
  }

  void check_names(const cedar::Expr& expression, const Place& place) {
    if (expression.kind == cedar::ExprKind::kEntity) check_name(expression.entity(), place);
    if (reads_calendars(expression)) check_calendars(expression.operands.back(), place);
    for (const auto& operand : expression.operands) check_names(operand, place);
  }

  // `context.calendars.contains(...)`, or what else looks for names in there.
  static bool reads_calendars(const cedar::Expr& expression) {
    using enum cedar::ExprKind;
    const bool looks =
        expression.kind == kContains || expression.kind == kContainsAll || expression.kind == kContainsAny;
    if (!looks) return false;
    const cedar::Expr& set = expression.operands.front();
    return set.kind == kAttribute && set.text == "calendars" && set.operands.front().kind == kVariable &&
           set.operands.front().variable() == cedar::Variable::kContext;
  }

  // A calendar that is not there is never in force, and a freeze that is misspelt would never freeze.
  void check_calendars(const cedar::Expr& named, const Place& place) {
    for (const auto& element : named.operands) check_calendars(element, place);
    if (named.kind != cedar::ExprKind::kString ||
        std::ranges::find(calendars_, named.text, &context::Calendar::name) != calendars_.end())
      return;
    issues_.error(
        place,
        fmt::format("this policy reads the calendar `{}`, which the configuration does not have", named.text),
        "its `calendars` say when each is in force");
  }

  // A name that nothing has is allowed, because identities come and go, but more often it is misspelt.
  void check_name(const cedar::EntityUid& uid, const Place& place) {
    const auto name = uid.type + "::" + uid.id;
    const bool identity = uid.type == "Writ::User" || uid.type == "Writ::Application" ||
                          uid.type == "Writ::Service" || uid.type == "Writ::Agent" || uid.type == "Writ::Api";
    if (identity && !known_.contains(name))
      issues_.warning(
          place, fmt::format("this policy names {}::\"{}\", which the configuration does not have", uid.type,
                             uid.id));
    const bool action = uid.type == "Action" || uid.type.ends_with("::Action");
    if (action && knows_type(uid.type) && !actions_.contains(name))
      issues_.warning(
          place, fmt::format("this policy names the action {}::\"{}\", which no API has", uid.type, uid.id));
  }

  bool knows_type(std::string_view type) const {
    return std::ranges::any_of(actions_, [&](const auto& action) {
      return action.first.starts_with(type) && action.first.substr(type.size()).starts_with("::");
    });
  }

  Issues& issues_;
  cedar::SchemaPtr schema_;  // null: the configuration names none
  cedar::PolicySet policies_;
  std::vector<PolicySource> sources_;
  std::shared_ptr<const cedar::Entities> entities_ = cedar::Entities::empty();
  std::map<std::string, Place> ids_;
  std::map<std::string, bool> known_, actions_;
  ResourceTypes types_;  // of routes
  std::string digest_;
  const std::vector<context::Calendar>& calendars_;
};

}  // namespace

Result<void> add_entities(cedar::EntitiesBuilder& builder, const codec::Json& array,
                          const cedar::Schema* schema) {
  if (schema == nullptr) return cedar::add_entities(builder, array);
  const auto* all = array.if_array();
  if (all == nullptr) return failure(ErrorCode::kInvalid, "entities: expected an array");
  codec::Json own = codec::Json::array();
  codec::Json others = codec::Json::array();
  for (const codec::Json& entity : *all) {
    const auto* uid = entity.find("uid");
    const auto* escaped = uid != nullptr ? uid->find("__entity") : nullptr;
    const auto* type = uid != nullptr ? (escaped != nullptr ? escaped : uid)->find_string("type") : nullptr;
    (type != nullptr && type->starts_with(kOwnTypes) ? own : others).push(entity);
  }
  TRY(cedar::add_entities(builder, others, *schema));
  return cedar::add_entities(builder, own);
}

std::optional<LoadedPolicies> load_policies(const Config& config, const World& world, Issues& issues) {
  Loader loader(config, world, issues);
  loader.add_schemas(config.policies.schemas);
  for (const auto& file : policy_files(config.policies, issues)) loader.add_file(file);
  if (config.policies.entities) loader.add_entities(*config.policies.entities);
  return loader.finish(config.limits.max_chain);
}

}  // namespace writ::server
