// Who reaches what, at scale: N identities of at most 200 profiles, 100 APIs with 5 actions, 1,000 policies,
// chains to 2 links. Prints seconds, the answers, and the most memory that the process had; for a quarter, a
// half and all of N, and the exponent of growth. Then what is asked again after a change of one policy and of
// one identity, as a count. Then how long the import of exports takes.
//
//   access_scale [IDENTITIES [IMPORTED]]      10000 and 100000 unless it is said
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <iostream>
#include <sys/resource.h>
#include <vector>

#include "access/known_answers.h"
#include "access/survey.h"
#include "base/check.h"
#include "cedar/parse.h"
#include "intake/imports.h"

namespace writ::access {
namespace {

constexpr int kApis = 100, kActions = 5, kTenants = 20, kTeams = 40;

inventory::Identity identity(std::string id, inventory::Kind kind) {
  return {.id = std::move(id), .kind = kind};
}

std::shared_ptr<const inventory::Snapshot> make_inventory(int count) {
  using inventory::Kind;
  std::vector<inventory::Identity> all;
  const int users = count * 9 / 10, applications = count / 20, agents = count - users - applications;
  for (int i = 0; i < users; ++i) {
    auto user = identity(fmt::format("user-{}", i), Kind::kUser);
    user.tenant = fmt::format("tenant-{}", i % kTenants);
    all.push_back(std::move(user));
  }
  for (int i = 0; i < applications; ++i) {
    auto application = identity(fmt::format("app-{}", i), Kind::kApplication);
    application.acts_for = {"users"};
    application.attributes.set("team", fmt::format("team-{}", i % kTeams));
    all.push_back(std::move(application));
  }
  for (int i = 0; i < agents; ++i) {
    auto agent = identity(fmt::format("agent-{}", i), Kind::kAgent);
    agent.acts_for = {fmt::format("app-{}", i % applications)};
    agent.attributes.set("team", fmt::format("team-{}", i % kTeams));
    all.push_back(std::move(agent));
  }
  std::vector<inventory::Api> apis;
  for (int i = 0; i < kApis; ++i) {
    inventory::Api api{.id = fmt::format("api-{}", i),
                       .audience = fmt::format("https://api-{}.example", i),
                       .name_space = fmt::format("Api{}", i)};
    for (int action = 0; action < kActions; ++action) api.actions.push_back(fmt::format("action-{}", action));
    apis.push_back(std::move(api));
  }
  return inventory::Snapshot::empty()->with(std::move(all), std::move(apis)).value();
}

// `changed`: the first API's first permit of users asks for one thing more.
std::shared_ptr<const cedar::CompiledPolicySet> make_policies(bool changed = false) {
  std::string text;
  for (int i = 0; i < kApis; ++i) {
    const auto scope = [&](std::string_view principal, int action) {
      return fmt::format("permit ({}, action == Api{}::Action::\"action-{}\", resource is Api{}::Thing)",
                         principal, i, action, i);
    };
    for (int action = 0; action < 3; ++action) {
      text += scope("principal is Writ::User", action) + " when { resource.owner == principal" +
              (changed && i == 0 && action == 0 ? " && resource.amount < 10" : "") + " };\n";
      text += scope("principal is Writ::Application", action) +
              fmt::format(" when {{ principal has team && principal.team == \"team-{}\" }};\n", i % kTeams);
      text += scope("principal is Writ::Agent", action) +
              fmt::format(
                  " when {{ context has task && principal has team && principal.team == \"team-{}\" }};\n",
                  i % kTeams);
    }
    text += fmt::format(
        "forbid (principal, action, resource is Api{}::Thing) when {{ resource has locked && resource.locked "
        "}};\n",
        i);
  }
  auto set = cedar::parse_policies(text).value();
  return cedar::CompiledPolicySet::compile(set).value();
}

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begun) {
  return std::chrono::duration<double>(Clock::now() - begun).count();
}

long most_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

decision::PolicySnapshot snapshot_of(std::shared_ptr<const cedar::CompiledPolicySet> set) {
  decision::PolicySnapshot policies{std::move(set), cedar::Entities::empty(), "bench"};
  auto types = std::make_shared<decision::PolicySnapshot::ResourceTypes>();
  for (int i = 0; i < kApis; ++i)
    for (int action = 0; action < kActions; ++action)
      (*types)[fmt::format("Api{}::Thing", i)].push_back(
          {fmt::format("Api{}::Action", i), fmt::format("action-{}", action)});
  policies.resource_types = types;
  return policies;
}

struct Asked {
  double seconds = 0;
  std::string about;
  bool cut = false;
};

// Everybody, about every action.
Asked ask(const inventory::Snapshot& inventory, const decision::PolicySnapshot& policies,
          KnownAnswers* known) {
  const auto begun = Clock::now();
  const Frame frame{inventory, policies, instant_from_unix_seconds(1'750'000'000)};
  const auto court = Court::make().value();
  Reach reach(frame, *court, known);
  const Census census(reach);
  Asked asked;
  Survey survey(reach, census.chains({.links = 2, .one_of_each = true}, asked.cut), census, true);
  std::vector<Target> targets;
  for (const Target& each : survey.targets({}).value())
    if (each.point == Point::kUse) targets.push_back(each);
  // With conditions where answers are kept, as every question of people has them.
  const auto rows = survey.ask(targets, {.conditions = known != nullptr});
  asked.seconds = seconds_since(begun);
  const auto counts = verdict_counts(rows);
  asked.about = fmt::format("{} profiles, {} groups of chains, {} targets{}; {} never, {} when",
                            census.profiles(), survey.groups().size(), targets.size(),
                            asked.cut ? " (cut)" : "", counts.never, counts.open);
  return asked;
}

// The exponent of the best power law: 1.0 is in step, 2.0 is quadratic.
double exponent(const std::vector<std::pair<double, double>>& measured) {
  double x = 0, y = 0, xx = 0, xy = 0;
  const auto n = static_cast<double>(measured.size());
  for (const auto& [size, seconds] : measured) {
    const double a = std::log(size), b = std::log(seconds);
    x += a, y += b, xx += a * a, xy += a * b;
  }
  return (n * xy - x * y) / (n * xx - x * x);
}

bool grow(int count, const decision::PolicySnapshot& policies) {
  std::vector<std::pair<double, double>> measured;
  bool cut = false;
  for (const int size : {count / 4, count / 2, count}) {
    const auto inventory = make_inventory(size);
    const Asked asked = ask(*inventory, policies, nullptr);
    measured.emplace_back(size, asked.seconds);
    cut = cut || asked.cut;
    std::cout << fmt::format("{} identities: {:.2f} s, {} MiB; {}\n", size, asked.seconds, most_mib(),
                             asked.about);
  }
  std::cout << fmt::format("grows with the number of identities to the power of {:.2f}\n",
                           exponent(measured));
  return !cut;
}

void change_one(int count) {
  auto inventory = make_inventory(count);
  KnownAnswers known(std::size_t{1} << 30);
  std::uint64_t before = 0;
  const auto again = [&](std::string_view what, const decision::PolicySnapshot& policies) {
    const Asked asked = ask(*inventory, policies, &known);
    const auto counts = known.counts();
    std::cout << fmt::format("{}: {} answers asked in {:.2f} s, {} are kept\n", what, counts.asked - before,
                             asked.seconds, counts.kept);
    before = counts.asked;
  };
  const auto first = snapshot_of(make_policies()), changed = snapshot_of(make_policies(true));
  again("at first", first);
  again("without a change", first);
  again("one policy changed", changed);
  inventory::Identity agent = inventory->find("agent-0")->identity();
  agent.purposes = {"support"};
  inventory = inventory->with({std::move(agent)}, {}).value();
  again("one identity changed", changed);
}

bool import(std::string_view name, intake::Source source, int count,
            const std::function<std::string(int)>& row, std::string_view head, std::string_view tail) {
  intake::File file{"export", std::string(head)};
  for (int i = 0; i < count; ++i) file.text += row(i);
  file.text += tail;
  const auto begun = Clock::now();
  files::Issues issues;
  intake::Findings findings(issues);
  read_source(source, {file}, findings);
  const auto merged =
      merge({source, std::string(name), {}}, findings, instant_from_unix_seconds(1'750'000'000));
  const auto text = merged ? import_text(merged->after) : std::string();
  const auto again = intake::parse_import(text);
  std::cout << fmt::format(
      "import of {} identities of {}, read, compared, written and read again: {:.2f} s, {} MiB\n",
      findings.all().size(), name, seconds_since(begun), most_mib());
  if (!issues.all().empty()) std::cout << render(issues.all().front()) << "\n";
  return !issues.has_errors() && merged && again && findings.all().size() == static_cast<std::size_t>(count);
}

bool import_all(int count) {
  using intake::Source;
  return import(
             "csv", Source::kCsv, count,
             [](int i) {
               return fmt::format("bot-{},agent,owner-{},read orders; write orders\n", i, i % 100);
             },
             "id,kind,owner,grants\n", "") &&
         import(
             "keycloak", Source::kKeycloak, count,
             [](int i) {
               return fmt::format(
                   R"({}{{"clientId": "c{}", "serviceAccountsEnabled": true, "standardFlowEnabled":
                    false, "clientAuthenticatorType": "client-secret", "defaultClientScopes": ["email", "roles"]}})",
                   i > 0 ? "," : "", i);
             },
             R"({"realm": "acme", "clients": [)", "]}") &&
         import(
             "kubernetes", Source::kKubernetes, count,
             [](int i) {
               return fmt::format(
                   "---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: sa-{}\n  namespace: "
                   "ns-{}\n",
                   i, i % 500);
             },
             "", "");
}

int run(int identities, int imported) {
  const bool whole = grow(identities, snapshot_of(make_policies()));
  change_one(identities);
  return whole && import_all(imported) ? 0 : 1;
}

}  // namespace
}  // namespace writ::access

int main(int argc, char** argv) {
  return writ::access::run(argc > 1 ? std::atoi(argv[1]) : 10'000, argc > 2 ? std::atoi(argv[2]) : 100'000);
}
