// Who reaches what, at scale: N identities of at most 200 profiles, 100 APIs with 5 actions, 1,000 policies,
// chains to 2 links. Prints seconds, the answers, and the most memory that the process had.
//
//   access_scale [IDENTITIES]      10000 unless it is said
#include <chrono>
#include <fmt/format.h>
#include <iostream>
#include <sys/resource.h>

#include "access/survey.h"
#include "base/check.h"
#include "cedar/parse.h"

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

std::shared_ptr<const cedar::CompiledPolicySet> make_policies() {
  std::string text;
  for (int i = 0; i < kApis; ++i) {
    const auto scope = [&](std::string_view principal, int action) {
      return fmt::format("permit ({}, action == Api{}::Action::\"action-{}\", resource is Api{}::Thing)",
                         principal, i, action, i);
    };
    for (int action = 0; action < 3; ++action) {
      text += scope("principal is Writ::User", action) + " when { resource.owner == principal };\n";
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

int run(int count) {
  using Clock = std::chrono::steady_clock;
  const auto inventory = make_inventory(count);
  decision::PolicySnapshot policies{make_policies(), cedar::Entities::empty(), "bench"};
  auto types = std::make_shared<decision::PolicySnapshot::ResourceTypes>();
  for (int i = 0; i < kApis; ++i)
    for (int action = 0; action < kActions; ++action)
      (*types)[fmt::format("Api{}::Thing", i)].push_back(
          {fmt::format("Api{}::Action", i), fmt::format("action-{}", action)});
  policies.resource_types = types;
  const auto begun = Clock::now();
  const Frame frame{*inventory, policies, instant_from_unix_seconds(1'750'000'000)};
  const auto court = Court::make().value();
  Reach reach(frame, *court);
  const Census census(reach);
  bool cut = false;
  Survey survey(reach, census.chains({.links = 2, .one_of_each = true}, cut), census, true);
  std::vector<Target> targets;
  for (const Target& each : survey.targets({}).value())
    if (each.point == Point::kUse) targets.push_back(each);
  const auto rows = survey.ask(targets, {});
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  const auto counts = verdict_counts(rows);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << fmt::format(
      "{} identities, {} profiles, {} groups of chains, {} targets{}: {:.2f} s, {} MiB; {} never, {} when\n",
      count, census.profiles(), survey.groups().size(), targets.size(), cut ? " (cut)" : "", seconds,
      usage.ru_maxrss / 1024, counts.never, counts.open);
  return cut ? 1 : 0;
}

}  // namespace
}  // namespace writ::access

int main(int argc, char** argv) {
  return writ::access::run(argc > 1 ? std::atoi(argv[1]) : 10'000);
}
