#include "server/policies.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "cedar/entity_json.h"
#include "cedar/parse.h"
#include "crypto/hash.h"
#include "server/files.h"

namespace writ::server {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPolicyFileBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxEntitiesBytes = std::size_t{256} << 20;
constexpr std::string_view kIdAnnotation = "id";

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

class Loader {
 public:
  Loader(const World& world, Issues& issues) : issues_(issues) {
    for (const auto& identity : world.declared.identities)
      known_.try_emplace(std::string(cedar_type(identity.kind)) + "::" + identity.id);
    for (const auto& api : world.declared.apis) {
      known_.try_emplace("Writ::Api::" + api.id);
      for (const auto& action : api.actions) actions_.try_emplace(api.action_type() + "::" + action);
    }
  }

  void add_file(const fs::path& path) {
    const auto text = read_file(path, kMaxPolicyFileBytes);
    if (!text) return issues_.error({path.string()}, text.error().message);
    digest_ += path.filename().string() + '\0' + *text + '\0';
    auto parsed = cedar::parse_policies(*text);
    if (!parsed) {
      for (const auto& issue : parsed.error())
        issues_.error({path.string(), issue.line, issue.column}, issue.message, issue.help,
                      cedar::excerpt(*text, issue.span));
      return;
    }
    for (auto& policy : parsed->policies) add_policy(std::move(policy), path, *text);
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
    auto entities = cedar::entities_from_json(*text, {.max_bytes = kMaxEntitiesBytes});
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
    return LoadedPolicies{std::move(snapshot), policies_.policies.size()};
  }

 private:
  void add_policy(cedar::Policy policy, const fs::path& path, std::string_view text) {
    const auto at = cedar::line_column(text, policy.span.begin);
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
    policies_.policies.push_back(std::move(policy));
  }

  void check_names(const cedar::Policy& policy, const Place& place) {
    for (const auto* term : {&policy.principal, &policy.action, &policy.resource})
      for (const auto& uid : term->entities) check_name(uid, place);
    for (const auto& condition : policy.conditions) check_names(condition.body, place);
  }

  void check_names(const cedar::Expr& expression, const Place& place) {
    if (expression.kind == cedar::ExprKind::kEntity) check_name(expression.entity(), place);
    for (const auto& operand : expression.operands) check_names(operand, place);
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
  cedar::PolicySet policies_;
  std::shared_ptr<const cedar::Entities> entities_ = cedar::Entities::empty();
  std::map<std::string, Place> ids_;
  std::map<std::string, bool> known_, actions_;
  std::string digest_;
};

}  // namespace

std::optional<LoadedPolicies> load_policies(const Config& config, const World& world, Issues& issues) {
  Loader loader(world, issues);
  for (const auto& file : policy_files(config.policies, issues)) loader.add_file(file);
  if (config.policies.entities) loader.add_entities(*config.policies.entities);
  return loader.finish(config.limits.max_chain);
}

}  // namespace writ::server
