// APIs: routes that no test asks about, callers that an API cannot tell apart, APIs that only watch.
#include <fmt/format.h>
#include <set>

#include "access/census.h"
#include "access/classes.h"
#include "access/court.h"
#include "access/survey.h"
#include "audit/record.h"
#include "gateway/routes.h"
#include "http/path_trie.h"
#include "policytest/files.h"
#include "posture/fixes.h"
#include "posture/looks.h"

namespace writ::posture {
namespace {

// Chains are looked at up to here; whoever wants more asks `writ access classes`.
constexpr std::size_t kMostChains = 20'000;

std::string key_of(std::string_view api, std::string_view action, std::string_view type) {
  return fmt::format("{}\n{}\n{}", api, action, type);
}

// A path that a template takes, and no narrower one: "/invoices/{invoice}" → "/invoices/of-posture".
std::string some_path(std::string_view path_template) {
  const auto path = http::with_braced_rest(path_template);
  std::string some;
  for (std::size_t at = 0; at < path.size(); ++at) {
    const auto end = path[at] == '{' ? path.find('}', at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      some += path[at];
    } else {
      some += "of-posture";
      at = end;
    }
  }
  return some;
}

// A test that holds whatever the policies say, in a file that is not there yet: the place for those of who is
// permitted.
Remedy first_test(const Scene& scene, const config::DeclaredRoute& route, std::string_view path,
                  Remedy remedy) {
  if (route.is_public) {
    remedy.by_hand = "it is public: what a request without a token is answered is for a person to say";
    return remedy;
  }
  remedy.change = fmt::format(
      "version: 1\nnow: {0}\ntests:\n  - name: {1} {2} is not for callers without a token\n    request: {1} "
      "{2}\n    token: none\n    expect: token_missing\n",
      audit::format_time(scene.now()), route.method, path);
  std::string name = fmt::format("route-{}{}", route.method, route.path);
  for (char& letter : name) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    if (!(letter >= 'a' && letter <= 'z') && !(letter >= '0' && letter <= '9')) letter = '-';
  }
  remedy.patch = unified_new_file(name + std::string(policytest::kTestSuffix), remedy.change);
  return remedy;
}

// One user through two clients: what a check of APIs that cannot tell callers apart says of pairs that nobody
// could decide about.
bool is_one_user_through_two(const access::Chain& one, const access::Chain& other) {
  return one.size() > 1 && other.size() > 1 && one.front().id == other.front().id &&
         one.back().id != other.back().id;
}

}  // namespace

void look_route_not_tested(const Scene& scene, Checked& checked) {
  if (!scene.suites_problem().empty()) {
    checked.not_computable = scene.suites_problem();
    return;
  }
  std::set<const gateway::Route*> asked;
  std::set<std::string> named;  // API, action, and type of the resource
  std::vector<std::string_view> values;
  for (const auto& suite : scene.suites()) {
    for (const auto& test : suite.tests) {
      for (const auto& step : test.steps) {
        const auto* ask = std::get_if<policytest::Ask>(&step);
        if (ask == nullptr) continue;
        const auto& target = ask->request.target;
        if (!target.routed()) {
          if (!target.issue) named.insert(key_of(target.api, target.action.id, target.resource.type));
          continue;
        }
        const std::string_view path = std::string_view(target.path).substr(0, target.path.find('?'));
        const auto match = scene.loaded().routes->match(target.method, path, values);
        if (match.route != nullptr) asked.insert(match.route);
      }
    }
  }
  for (const auto& route : scene.loaded().world.routes) {
    const auto path = some_path(route.path);
    const auto itself = scene.loaded().routes->match(route.method, path, values);
    if ((itself.route != nullptr && asked.contains(itself.route)) ||
        named.contains(key_of(route.api, route.action, route.resource_type)))
      continue;
    const auto name = fmt::format("{} {}", route.method, route.path);
    found(
        checked, {name, route.api}, fmt::format("no test asks about `{}` of `{}`", name, route.api),
        {{.fact = fmt::format("the route means `{}` on `{}`", route.action, route.resource_type),
          .place = route.place,
          .pointer = fmt::format("/inventory/apis/{}/routes", route.api)}},
        first_test(scene, route, path, {.what = "write a test of it, with who is permitted and who is not"}));
  }
}

void look_cannot_tell(const Scene& scene, Checked& checked) {
  const auto unable = [&](const Error& error) { checked.not_computable = error.message; };
  const auto& declared = scene.loaded().world.declared;
  const auto inventory = inventory::Snapshot::empty()->with(declared.identities, declared.apis);
  if (!inventory) return unable(inventory.error());
  const access::Frame frame{**inventory, *scene.loaded().policies.snapshot, scene.now()};
  const auto court = access::Court::make();
  if (!court) return unable(court.error());
  access::Reach reach(frame, **court);
  const access::Census census(reach);
  bool cut = false;
  auto chains = census.chains(
      {.links = scene.config().limits.max_chain, .chains = kMostChains, .one_of_each = true}, cut);
  access::Survey survey(reach, std::move(chains), census, true);
  if (survey.groups().size() > scene.limits().kinds_of_chains) {
    checked.not_computable =
        fmt::format("there are {} kinds of chains, and up to {} are compared: ask `writ access classes API`",
                    survey.groups().size(), scene.limits().kinds_of_chains);
    return;
  }
  const auto targets = survey.targets({});
  if (!targets) return unable(targets.error());
  for (const access::Target& target : *targets) {
    if (target.point == access::Point::kIssue) continue;
    auto classes =
        access::classes_of(survey, reach, census, target, access::Names::kExchanged, is_one_user_through_two);
    // One chain with and without a task: that is standing privilege, which has a check of its own.
    std::erase_if(classes.findings, [](const access::ClassFinding& each) {
      return access::text_of(each.one) == access::text_of(each.other);
    });
    const auto name = fmt::format("{}/{}/{}", target.api->id, target.action.id, target.resource_type);
    for (const auto& [a, b] : classes.not_known) {
      const auto& one = classes.classes[a].groups.front()->first();
      const auto& other = classes.classes[b].groups.front()->first();
      untold(checked, name,
             fmt::format("nobody could prove whether {} and {} are decided alike", access::text_of(one),
                         access::text_of(other)));
    }
    if (classes.findings.empty()) continue;
    const auto& first = classes.findings.front();
    std::vector<Exhibit> evidence;
    for (const auto& each : classes.findings) {
      if (evidence.size() == 5) break;
      evidence.push_back({.fact = fmt::format("{}: {} and {}", each.kind, access::text_of(each.one),
                                              access::text_of(each.other))});
    }
    found(
        checked, {name, first.one.front().id},
        fmt::format("`{}` decides `{}` alike for callers that somebody may want to tell apart: {}",
                    target.api->id, target.action.id, first.kind),
        std::move(evidence),
        {.what = "say in the policies what tells them apart: " + first.change,
         .command = {},
         .change = {},
         .by_hand = fmt::format("whether they are to be told apart is nowhere written; `writ access classes "
                                "{} --action {}` shows all of them",
                                shell_word(target.api->id), shell_word(target.action.id))});
  }
  if (cut)
    untold(checked, "chains",
           fmt::format("there are more chains than the {} that are looked at", kMostChains));
  if (scene.seen() != nullptr && !scene.seen()->made().empty())
    untold(checked, scene.seen()->made().begin()->first,
           "it was made over the API, and chains with it are not looked at");
}

void look_only_observed(const Scene& scene, Checked& checked) {
  for (const auto& upstream : scene.loaded().world.upstreams) {
    if (upstream.enforced) continue;
    const auto* item = item_with(node_at(scene, {"inventory", "apis"}), "id", upstream.api);
    found(
        checked, {upstream.api},
        fmt::format("`{}` is only observed: what is refused passes all the same", upstream.api),
        {{.fact = "the API is not enforced", .place = upstream.place}},
        with_edits(
            {.what = "enforce it, once the audit shows what would be refused",
             .change = fmt::format("inventory:\n  apis:\n    - id: {}\n      enforce: true\n", upstream.api),
             .first = "look at what would be refused: `writ audit observed LOG`"},
            scene,
            {item != nullptr ? YamlText(scene.config_lines()).put(*item, "enforce", "true") : std::nullopt}));
  }
}

}  // namespace writ::posture
