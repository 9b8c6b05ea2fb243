// Policies from anyone. What is refused is refused with issues that can be shown. What parses compiles, and
// is evaluated against fixed requests in a fixed world: the whole set decides what its policies say one by
// one, twice the same, and what the strict validator passes does not fail.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "cedar/authorize.h"
#include "cedar/conform.h"
#include "cedar/parse.h"
#include "cedar/validate.h"
#include "codec/utf8.h"

namespace {

using namespace writ;
using namespace writ::cedar;

constexpr std::string_view kSchema = R"(
  entity Group in Group;
  entity User in Group = { name: String, tags: Set<String>, age?: Long, manager?: User } tags String;
  entity Folder in Folder;
  entity Doc in Folder = { owner: User, labels: Set<String>, address: { city: String, zip?: Long } } tags String;
  action any;
  action read, edit in any appliesTo {
    principal: User, resource: [Doc, Folder],
    context: { ip: ipaddr, amount: decimal, now: datetime, wait?: duration, level?: Long, guest: Bool }
  };
)";
constexpr std::string_view kEntities = R"([
  {"uid": {"type": "User", "id": "nora"}, "parents": [{"type": "Group", "id": "staff"}], "tags": {"k": "v"},
   "attrs": {"name": "nora", "tags": ["a", "b"], "age": 41, "manager": {"type": "User", "id": "ana"}}},
  {"uid": {"type": "User", "id": "ana"}, "parents": [], "attrs": {"name": "ana", "tags": []}},
  {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": [{"type": "Group", "id": "all"}]},
  {"uid": {"type": "Group", "id": "all"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Folder", "id": "f"}, "attrs": {}, "parents": []},
  {"uid": {"type": "Doc", "id": "d"}, "parents": [{"type": "Folder", "id": "f"}], "tags": {"k": "w"},
   "attrs": {"owner": {"type": "User", "id": "nora"}, "labels": ["b"], "address": {"city": "c"}}}
])";

// Every request conforms to the schema, so that what validates may not fail.
struct World {
  SchemaPtr schema = *schema_from_text(kSchema);
  std::shared_ptr<const Entities> entities = *entities_from_json(kEntities, *schema);
  Arena arena;
  std::vector<Request> requests;

  World() {
    add("nora", "read", arena.entity("Doc", "d"),
        R"({"ip": "10.1.2.3", "amount": "2.5", "now": "2024-01-20", "wait": "1h", "level": 3, "guest": false})");
    add("ana", "edit", arena.entity("Folder", "f"),
        R"({"ip": "::1", "amount": "-1.0", "now": "2024-02-29", "guest": true})");
  }
  void add(std::string_view user, std::string_view action, EntityRef resource, std::string_view context) {
    const EntityRef name = arena.entity("Action", action);
    const Value value = *context_from_json(arena, *codec::parse_json(context), *schema, name);
    requests.push_back({arena.entity("User", user), name, resource, value});
    WRIT_CHECK(check_request(*schema, requests.back()).has_value());
  }
};

const World& world() {
  static const World one;
  return one;
}

void check_issues(std::string_view text, const std::vector<Issue>& issues) {
  WRIT_CHECK(!issues.empty() && issues.size() <= kMaxIssues);
  std::uint32_t last = 0;
  for (const Issue& issue : issues) {
    WRIT_CHECK(issue.span.begin >= last && issue.span.begin <= text.size() && issue.line > 0 &&
               issue.column > 0);
    last = issue.span.begin;
    WRIT_CHECK(!issue.message.empty() && issue.message.size() <= kMaxMessageBytes);
    WRIT_CHECK(issue.message.find_first_of("\n\r\x1b") == std::string::npos);
    WRIT_CHECK(codec::valid_utf8(issue.message) && codec::valid_utf8(render_issue("f", text, issue)));
  }
}

// What stands at a policy's place is that policy, and what stands at a condition's place is its expression.
void check_places(std::string_view text, const Policy& policy) {
  const auto at = [&](Span span) { return text.substr(span.begin, span.end - span.begin); };
  const auto again = parse_policy(at(policy.span));
  WRIT_CHECK(again && again->same_as(policy) && again->is_template() == policy.is_template());
  for (const Condition& condition : policy.conditions) {
    const auto body = parse_expression(at(condition.body.span));
    WRIT_CHECK(body && *body == condition.body);
  }
}

using Ids = std::vector<std::string>;
struct Outcome {
  Ids permits, forbids, errors;
  bool allowed = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome outcome(const CompiledPolicySet& set, const Request& request, Evaluation& evaluation) {
  authorize(set, request, *world().entities, evaluation);
  Outcome out{.allowed = evaluation.allowed()};
  const auto ids = [&](std::span<const PolicyIndex> policies, Ids& list) {
    for (const PolicyIndex policy : policies) list.emplace_back(set.id(policy));
  };
  ids(evaluation.satisfied_permits(), out.permits);
  ids(evaluation.satisfied_forbids(), out.forbids);
  for (const PolicyError& error : evaluation.errors()) {
    out.errors.emplace_back(set.id(error.policy));
    WRIT_CHECK(codec::valid_utf8(error_message(set, error)));
    static_cast<void>(missing_path(set, error));
  }
  WRIT_CHECK(out.allowed == (!out.permits.empty() && out.forbids.empty()));
  return out;
}

// One policy at a time, without the index that finds the policies for a request.
Outcome one_by_one(const PolicySet& set, const Request& request) {
  Outcome out;
  const auto add = [&](PolicySet one) {
    Evaluation evaluation;
    const Outcome single = outcome(**CompiledPolicySet::compile(one), request, evaluation);
    out.permits.insert(out.permits.end(), single.permits.begin(), single.permits.end());
    out.forbids.insert(out.forbids.end(), single.forbids.begin(), single.forbids.end());
    out.errors.insert(out.errors.end(), single.errors.begin(), single.errors.end());
  };
  for (const Policy& policy : set.policies) add({.policies = {policy}});
  for (const TemplateLink& link : set.links) {
    const auto found = std::ranges::find(set.templates, link.template_id, &Policy::id);
    add({.templates = {*found}, .links = {link}});
  }
  out.allowed = !out.permits.empty() && out.forbids.empty();
  return out;
}

void link_all(PolicySet& set) {
  for (const Policy& policy : set.templates) {
    TemplateLink link{.template_id = policy.id, .id = "link of " + policy.id};
    if (policy.principal.slot)
      link.principal = policy.principal.rule == ScopeTerm::Rule::kEqual ? EntityUid{"User", "nora"}
                                                                        : EntityUid{"Group", "all"};
    if (policy.resource.slot)
      link.resource =
          policy.resource.rule == ScopeTerm::Rule::kEqual ? EntityUid{"Doc", "d"} : EntityUid{"Folder", "f"};
    set.links.push_back(std::move(link));
  }
}

// The promise of validation: what may still go wrong is arithmetic, and entities that nobody gave.
bool may_fail(EvalErrorKind kind) {
  return kind == EvalErrorKind::kOverflow || kind == EvalErrorKind::kMissingEntity;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto set = parse_policies(text);
  if (!set) {
    check_issues(text, set.error());
    return 0;
  }
  if (set->policies.size() + set->templates.size() > 16) return 0;
  for (const auto* list : {&set->policies, &set->templates}) {
    for (const Policy& policy : *list) check_places(text, policy);
  }
  link_all(*set);
  const auto compiled = CompiledPolicySet::compile(*set);
  WRIT_CHECK(compiled.has_value() && (*compiled)->size() == set->policies.size() + set->links.size());
  const bool valid = validate(*world().schema, *set, {}, text).passed();
  // With each entity followed at most twice, and by the other rules: only more may be found, or less.
  const bool shallow = validate(*world().schema, *set, {ValidationMode::kStrict, 2}).passed();
  const bool permissive = validate(*world().schema, *set, {ValidationMode::kPermissive, {}}).passed();
  WRIT_CHECK((valid || !shallow) && (permissive || !valid));
  static Evaluation evaluation;
  for (const Request& request : world().requests) {
    const Outcome whole = outcome(**compiled, request, evaluation);
    if (valid) {
      for (const PolicyError& error : evaluation.errors()) WRIT_CHECK(may_fail(error.kind()));
    }
    WRIT_CHECK(outcome(**compiled, request, evaluation) == whole);
    WRIT_CHECK(one_by_one(*set, request) == whole);
  }
  return 0;
}
