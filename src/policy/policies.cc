#include "policy/policies.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "cedar/conform.h"
#include "cedar/parse.h"
#include "cedar/schema_syntax.h"
#include "cedar/validate.h"
#include "decision/hiding.h"
#include "decision/obligations.h"
#include "decision/shadow.h"
#include "policy/base_schema.h"
#include "policy/contracts.h"
#include "policy/fact_sources.h"
#include "policy/grants.h"
#include "policy/logins.h"

namespace writ::policy {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIdAnnotation = "id";
constexpr std::string_view kOwnTypes = "Writ::";

using ResourceTypes = decision::PolicySnapshot::ResourceTypes;

// Where a comment has a sign at which it ends for some readers and not for Cedar, with something behind it.
std::optional<std::size_t> other_line_end_in_comment(std::string_view text) {
  bool in_text = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_text && c == '\\') {
      ++at;
    } else if (c == '"') {
      in_text = !in_text;
    } else if (!in_text && text.substr(at).starts_with("//")) {
      const auto end = std::min(text.find_first_of("\r\n", at), text.size());
      const auto comment = text.substr(at, end - at);
      for (const std::string_view sign : {"\u2028", "\u2029", "\u0085", "\v", "\f"}) {
        const auto found = comment.find(sign);
        if (found != comment.npos && comment.find_first_not_of(" \t", found + sign.size()) != comment.npos)
          return at + found;
      }
      at = end;
    }
  }
  return std::nullopt;
}

class Loader {
 public:
  Loader(const PolicyTexts& texts, const config::World& world,
         std::span<const config::DeclaredGrant> declared, files::Issues& issues, UnknownTemplate unknown)
      : world_(world),
        declared_grants_(declared),
        issues_(issues),
        texts_(texts),
        unknown_(unknown),
        calendars_(texts.calendars) {
    std::unordered_map<std::string_view, std::string> action_types;  // by API
    for (const auto& api : world.declared.apis) {
      const auto type = api.action_type();
      known_.insert("Writ::Api::" + api.id);
      action_types_.insert(type);
      for (const auto& action : api.actions) actions_.insert(type + "::" + action);
      action_types.try_emplace(api.id, type);
    }
    for (const auto& route : world.routes) {
      const auto type = action_types.find(route.api);
      if (type == action_types.end()) continue;
      types_[route.resource_type].push_back({type->second, route.action});
      if (route.answer && route.answer->elements) add_elements(route, type->second);
    }
    for (const auto& identity : world.declared.identities)
      known_.insert(std::string(cedar_type(identity.kind)) + "::" + identity.id);
    left_out_.insert(world.left_out.begin(), world.left_out.end());
  }

  std::optional<LoadedPolicies> load() {
    // Before any policy and entity.
    add_schemas();
    for (const auto& file : texts_.files) {
      if (file.kind == TextKind::kPolicies) add_policies(file);
      if (file.kind == TextKind::kEntities) add_entities(file);
    }
    add_grants();
    return finish();
  }

 private:
  std::optional<LoadedPolicies> finish() {
    check_facts(world_, schema_.get(), *entities_, issues_);
    if (issues_.has_errors()) return std::nullopt;
    auto snapshot = std::make_shared<decision::PolicySnapshot>();
    snapshot->entities = entities_;
    snapshot->revision = revision_of(texts_);
    snapshot->max_chain = texts_.max_chain;
    snapshot->resource_types = resource_types();
    snapshot->reads_last_used = may_read_last_used();
    snapshot->logins = logins_in(policies_);
    snapshot->schema = schema_;
    if (!grants_.empty()) snapshot->grants = std::make_shared<const decision::LinkedGrants>(grants_);
    if (!obligations_.empty())
      snapshot->obligations = std::make_shared<const decision::Obligations>(std::move(obligations_));
    if (!calendars_.empty()) snapshot->calendars = std::make_shared<const context::Calendars>(calendars_);
    if (!compile(policies_, *snapshot)) return std::nullopt;
    if (!shadows_.empty()) {
      auto all = policies_;
      all.policies.insert(all.policies.end(), shadows_.begin(), shadows_.end());
      auto with_shadows = std::make_shared<decision::PolicySnapshot>(*snapshot);
      if (!compile(all, *with_shadows)) return std::nullopt;
      snapshot->with_shadows = std::move(with_shadows);
    }
    LoadedPolicies loaded{.snapshot = snapshot,
                          .count = written(sources_),
                          .shadows = written(shadow_sources_),
                          .grants = grants_.size(),
                          .policies = std::move(policies_),
                          .sources = std::move(sources_),
                          .shadow_policies = std::move(shadows_),
                          .shadow_sources = std::move(shadow_sources_),
                          .schema = schema_};
    snapshot->minted_claims = minted_claims_of(loaded, world_);
    return loaded;
  }

  static std::size_t written(const std::vector<PolicySource>& sources) {
    return static_cast<std::size_t>(std::ranges::count(sources, false, &PolicySource::is_grant));
  }

  // A name can also be written with escapes.
  bool may_read_last_used() const {
    return std::ranges::any_of(texts_.files, [](const PolicyText& file) {
      return file.kind == TextKind::kPolicies &&
             (file.text->find("lastUsed") != std::string::npos || file.text->find("\\") != std::string::npos);
    });
  }

  bool compile(const cedar::PolicySet& set, decision::PolicySnapshot& snapshot) {
    auto compiled = cedar::CompiledPolicySet::compile(set);
    if (!compiled) return issues_.error({}, compiled.error().message), false;
    snapshot.policies = std::move(*compiled);
    return true;
  }

  void add_schemas() {
    std::vector<cedar::SchemaFragment> fragments;
    const PolicyText* first = nullptr;
    const auto errors_before = issues_.errors();
    for (const auto& file : texts_.files) {
      if (file.kind != TextKind::kSchema) continue;
      if (first == nullptr) first = &file;
      auto fragment = files::ends_like(file.path, ".json") ? cedar::parse_schema_json(*file.text)
                                                           : cedar::parse_schema_text(*file.text);
      if (fragment) {
        fragments.push_back(*std::move(fragment));
      } else {
        report(file, fragment.error());
      }
    }
    // Without one of them the others may lack what it declares.
    const bool whole = texts_.schemas_whole && issues_.errors() == errors_before;
    if (first == nullptr || !whole) return;
    fragments.push_back(base_schema_beside(fragments, own_paths(world_)));
    auto schema = cedar::resolve_schema(fragments);
    if (schema) {
      schema_ = *std::move(schema);
    } else {
      // A name may be looked for in several files, so its place is not known.
      for (const auto& issue : schema.error()) issues_.error({first->shown}, issue.message, issue.help);
    }
  }

  void add_policies(const PolicyText& file) {
    auto parsed = cedar::parse_policies(*file.text);
    if (!parsed) return report(file, parsed.error());
    check_for_none(*parsed, file);
    check_comments(file);
    if (schema_) validate(file, *parsed);
    const auto text = std::make_shared<const PolicyFileText>(file.text);
    for (auto& policy : parsed->policies) {
      const auto at = text->lines.at(policy.span.begin);
      add_policy(std::move(policy), file, {{file.shown, at.line, at.column}, text});
    }
    for (auto& policy : parsed->templates) {
      const auto at = text->lines.at(policy.span.begin);
      add_template(std::move(policy), file, {{file.shown, at.line, at.column}, text});
    }
  }

  void add_template(cedar::Policy policy, const PolicyText& file, PolicySource source) {
    if (!name(policy, file, source.place)) return;
    check_names(policy, source.place);
    check_hiding(policy, source.place);
    auto id = policy.id;
    templates_.emplace(std::move(id), Template{std::move(policy), std::move(source)});
  }

  void add_grants() {
    for (const auto& [place, grant] : declared_grants_) {
      const auto found = templates_.find(grant.policy_template);
      if (found == templates_.end()) {
        report_unknown_template(place, grant);
      } else {
        add_grant(place, grant, found->second);
      }
    }
    for (const auto& [id, each] : templates_) {
      if (!each.is_linked)
        issues_.warning(
            each.source.place, "a template decides nothing until it is linked, and nothing links it",
            "grant it to somebody (`inventory.grants`), or write the entity where the slot stands");
    }
  }

  void report_taken(const files::Place& place, const inventory::Grant& grant, const files::Place& by) {
    auto message = fmt::format("grant `{}` is called as the policy in {}:{}", grant.id, by.file, by.line);
    if (place.file.empty()) return issues_.warning(place, message + ": it grants nothing");
    issues_.error(place, std::move(message), "give the grant another id: it is that of the linked policy");
  }

  void report_unknown_template(const files::Place& place, const inventory::Grant& grant) {
    auto message = fmt::format("grant `{}` links the template `{}`, which the policies do not have", grant.id,
                               grant.policy_template);
    if (unknown_ == UnknownTemplate::kGrantsNothing || place.file.empty())
      return issues_.warning(place, message + ": it grants nothing");
    const bool is_policy = ids_.contains(grant.policy_template);
    issues_.error(place, std::move(message),
                  is_policy
                      ? "the policy of that @id has no slot: write `principal == ?principal` in its scope"
                      : "name the @id of a policy with `principal == ?principal` or `principal in "
                        "?principal` in its scope");
  }

  struct Template {
    cedar::Policy policy;
    PolicySource source;
    bool is_linked = false;
  };
  void add_grant(const files::Place& place, const inventory::Grant& grant, Template& of) {
    auto policy = linked(grant, of.policy, schema_.get());
    if (!policy) {
      auto message = policy.error().message;
      // One that was given over the API gives nothing beside policies that changed.
      if (place.file.empty()) return issues_.warning(place, message + ": it grants nothing");
      return issues_.error(place, std::move(message));
    }
    const auto [first, added] = ids_.try_emplace(grant.id, place);
    if (!added) return report_taken(place, grant, first->second);
    check_name(grant.principal, place);
    of.is_linked = true;
    grants_.emplace(grant.id, grant.lapses_at());
    auto source = of.source;
    source.is_grant = true;
    const bool shadow = policy->annotation(decision::kShadowAnnotation) != nullptr;
    (shadow ? shadows_ : policies_.policies).push_back(*std::move(policy));
    (shadow ? shadow_sources_ : sources_).push_back(std::move(source));
  }

  // Editors show what follows in a line of its own, and it looks like a policy in force.
  void check_comments(const PolicyText& file) {
    if (const auto at = other_line_end_in_comment(*file.text)) {
      const auto [line, column] = cedar::line_column(*file.text, *at);
      issues_.warning({file.shown, line, column},
                      "this comment goes on: the sign here ends a line in some editors, and none in Cedar",
                      "begin a new line where the comment should end");
    }
  }

  // A file that was cut off when the disk was full says nothing, and perhaps nobody meant that.
  void check_for_none(const cedar::PolicySet& set, const PolicyText& file) {
    if (!set.policies.empty() || !set.templates.empty()) return;
    const bool empty = file.text->find_first_not_of(" \t\r\n") == std::string::npos;
    issues_.warning({file.shown}, empty ? "this file is empty" : "there is no policy in this file");
  }

  void add_entities(const PolicyText& file) {
    auto entities = read_entities(*file.text);
    if (entities) {
      entities_ = *std::move(entities);
    } else if (!report_each_entity(file)) {
      issues_.error({file.shown}, entities.error().message);
    }
  }

  // Of those that are wrong by themselves, the first so many. False: none is.
  bool report_each_entity(const PolicyText& file) {
    constexpr std::size_t kMost = 20;
    const auto json = codec::parse_json(*file.text, {.max_bytes = kMaxEntitiesBytes});
    const auto* all = json ? json->if_array() : nullptr;
    if (all == nullptr) return false;
    std::size_t wrong = 0;
    for (std::size_t number = 0; number < all->size(); ++number) {
      cedar::EntitiesBuilder alone;
      auto one = codec::Json::array();
      one.push((*all)[number]);
      const auto added = policy::add_entities(alone, one, schema_.get());
      if (added || ++wrong > kMost) continue;
      constexpr std::string_view kFirst = "entity 0:";
      auto message = added.error().message;
      if (message.starts_with(kFirst)) message.replace(0, kFirst.size(), fmt::format("entity {}:", number));
      issues_.error({file.shown}, std::move(message));
    }
    if (wrong > kMost) issues_.error({file.shown}, fmt::format("{} more entities are wrong", wrong - kMost));
    return wrong > 0;
  }

  void add_elements(const config::DeclaredRoute& route, const std::string& action_type) {
    const auto& [type, action] =
        std::pair(route.answer->element_type.empty() ? route.resource_type : route.answer->element_type,
                  route.answer->element_action.empty() ? route.action : route.answer->element_action);
    types_[type].push_back({action_type, action});
  }

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
    // Very many routes may mean one action.
    for (auto& [name, actions] : types) {
      std::ranges::sort(actions);
      actions.erase(std::ranges::unique(actions).begin(), actions.end());
    }
    return std::make_shared<const ResourceTypes>(std::move(types));
  }

  void report(const PolicyText& file, const std::vector<cedar::Issue>& found) {
    for (const auto& issue : found)
      issues_.error({file.shown, issue.line, issue.column}, issue.message, issue.help,
                    issue.line > 0 ? cedar::excerpt(*file.text, issue.span, issue.line) : std::string());
  }

  void validate(const PolicyText& file, const cedar::PolicySet& policies) {
    const cedar::Validation result = cedar::validate(*schema_, policies, {}, *file.text);
    // One mistake is found again for each action and each type that the policy may be about.
    std::map<std::tuple<cedar::FindingKind, std::uint32_t, std::uint32_t>, std::size_t> times;
    const auto mistake = [](const cedar::Finding& found) {
      return std::tuple(found.kind, found.issue.span.begin, found.issue.span.end);
    };
    for (const auto& each : result.errors) ++times[mistake(each)];
    for (const auto& each : result.errors) {
      const auto more = std::exchange(times[mistake(each)], 0);
      if (more == 0) continue;
      const auto& issue = each.issue;
      issues_.error({file.shown, issue.line, issue.column},
                    more == 1
                        ? issue.message
                        : fmt::format("{}; the same for {} other actions or types", issue.message, more - 1),
                    issue.help, cedar::excerpt(*file.text, issue.span, issue.line));
    }
    for (const auto& [kind, id, issue] : result.warnings)
      issues_.warning({file.shown, issue.line, issue.column}, issue.message, issue.help);
  }

  Result<std::shared_ptr<const cedar::Entities>> read_entities(std::string_view text) const {
    const codec::JsonLimits limits{.max_bytes = kMaxEntitiesBytes};
    if (!schema_) return cedar::entities_from_json(text, limits);
    const auto json = TRY(codec::parse_json(text, limits));
    cedar::EntitiesBuilder builder;
    TRY(policy::add_entities(builder, json, schema_.get()));
    return std::move(builder).build();
  }

  // By its @id, else by where it stands. False: another is called so.
  bool name(cedar::Policy& policy, const PolicyText& file, const files::Place& place) {
    const auto* id = policy.annotation(kIdAnnotation);
    policy.id = id != nullptr && id->value
                    ? *id->value
                    : fmt::format("{}:{}", fs::path(file.path).filename().string(), place.line);
    const auto [first, added] = ids_.try_emplace(policy.id, place);
    if (!added)
      issues_.error(place,
                    fmt::format("policy `{}` is given twice, first in {}:{}", policy.id, first->second.file,
                                first->second.line),
                    "give each policy an @id of its own");
    return added;
  }

  void add_policy(cedar::Policy policy, const PolicyText& file, PolicySource source) {
    const files::Place& place = source.place;
    if (!name(policy, file, place)) return;
    check_names(policy, place);
    check_hiding(policy, place);
    add_obligation(policy, source);
    if (policy.annotation(decision::kShadowAnnotation) != nullptr) {
      shadows_.push_back(std::move(policy));
      shadow_sources_.push_back(std::move(source));
    } else {
      policies_.policies.push_back(std::move(policy));
      sources_.push_back(std::move(source));
    }
  }

  void add_obligation(const cedar::Policy& policy, const PolicySource& source) {
    for (const auto& annotation : policy.annotations) {
      const std::string_view name = annotation.name;
      if (name == decision::kRedactAnnotation || name == decision::kKeepAnnotation) continue;
      if (name.starts_with(decision::kRedactAnnotation) || name.starts_with(decision::kKeepAnnotation))
        issues_.warning(source.place_of(annotation.span), fmt::format("`@{}` obliges to nothing", name),
                        "write `@redact` or `@keep`");
    }
    auto obligation = decision::obligation_of(policy);
    if (!obligation) {
      issues_.error(source.place, obligation.error().message);
    } else if (*obligation) {
      obligations_.emplace(policy.id, **std::move(obligation));
    }
  }

  void check_hiding(const cedar::Policy& policy, const files::Place& place) {
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
                "policy `{}` forbids only if `{}` is present: a request that leaves it out is not forbidden",
                policy.id, path),
            "write it with `unless` instead, or accept it with @accept_hidden(\"why\")");
      } else {
        issues_.warning(
            place,
            fmt::format("policy `{}` permits if `{}` is absent: a request that leaves it out gets more",
                        policy.id, path),
            "require a value instead, or accept it with @accept_hidden(\"why\")");
      }
    }
  }

  void check_names(const cedar::Policy& policy, const files::Place& place) {
    for (const auto* term : {&policy.principal, &policy.action, &policy.resource})
      for (const auto& uid : term->entities) check_name(uid, place);
    for (const auto& condition : policy.conditions) check_names(condition.body, place);
  }

  void check_names(const cedar::Expr& expression, const files::Place& place) {
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
  void check_calendars(const cedar::Expr& named, const files::Place& place) {
    for (const auto& element : named.operands) check_calendars(element, place);
    if (named.kind != cedar::ExprKind::kString ||
        std::ranges::find(calendars_, named.text, &context::Calendar::name) != calendars_.end())
      return;
    issues_.error(
        place,
        fmt::format("this policy reads the calendar `{}`, which the configuration does not have", named.text),
        "its `calendars` say when each is in force");
  }

  // Of the schema, over actions that some API has.
  bool is_group(const cedar::EntityUid& uid) const {
    const auto* action = schema_ ? schema_->find_action(uid) : nullptr;
    return action != nullptr && std::ranges::any_of(action->descendants, [&](const auto* below) {
             return actions_.contains(below->uid.type + "::" + below->uid.id);
           });
  }

  // A name that nothing has is allowed, because identities come and go, but more often it is misspelt.
  void check_name(const cedar::EntityUid& uid, const files::Place& place) {
    const auto name = uid.type + "::" + uid.id;
    // Users need not be listed: whom a trusted issuer names is one.
    const bool listed = uid.type == "Writ::Application" || uid.type == "Writ::Service" ||
                        uid.type == "Writ::Agent" || uid.type == "Writ::Api";
    if (listed && !known_.contains(name) && !left_out_.contains(uid.id))
      issues_.warning(
          place, fmt::format("this policy names {}::\"{}\", which the configuration does not have", uid.type,
                             uid.id));
    const bool action = uid.type == "Action" || uid.type.ends_with("::Action");
    if (action && action_types_.contains(uid.type) && !actions_.contains(name) && !is_group(uid))
      issues_.warning(
          place, fmt::format("this policy names the action {}::\"{}\", which no API has", uid.type, uid.id));
  }

  const config::World& world_;
  const std::span<const config::DeclaredGrant> declared_grants_;
  files::Issues& issues_;
  const PolicyTexts& texts_;
  const UnknownTemplate unknown_;
  const std::vector<context::Calendar>& calendars_;
  cedar::SchemaPtr schema_;    // null: the configuration names none
  cedar::PolicySet policies_;  // that decide
  std::vector<PolicySource> sources_;
  std::vector<cedar::Policy> shadows_;
  std::vector<PolicySource> shadow_sources_;
  std::shared_ptr<const cedar::Entities> entities_ = cedar::Entities::empty();
  std::map<std::string, Template, std::less<>> templates_;
  decision::LinkedGrants grants_;
  std::unordered_map<std::string, files::Place> ids_;
  decision::Obligations::ByPolicy obligations_;
  std::unordered_set<std::string> known_, actions_, action_types_;
  std::set<std::string> left_out_;  // with errors of their own
  ResourceTypes types_;             // of routes
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

std::optional<LoadedPolicies> load_policies(const PolicyTexts& texts, const config::World& world,
                                            files::Issues& issues, UnknownTemplate unknown) {
  return load_policies(texts, world, world.grants, issues, unknown);
}

std::optional<LoadedPolicies> load_policies(const PolicyTexts& texts, const config::World& world,
                                            std::span<const config::DeclaredGrant> grants,
                                            files::Issues& issues, UnknownTemplate unknown) {
  return Loader(texts, world, grants, issues, unknown).load();
}

}  // namespace writ::policy
