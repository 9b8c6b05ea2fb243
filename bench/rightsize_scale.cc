// Right-sizing at scale: an audit log of N records of 10,000 users and 1,000 applications, services and
// agents over 90 days, 100 APIs with 5 actions, 300 permits. Prints seconds of reading and of proposing, what
// came of it, and the most memory that the process had.
//
//   rightsize_scale [RECORDS [FOLDER]]      100000 in the folder of temporary files, unless it is said
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <random>
#include <sys/resource.h>

#include "audit/chain.h"
#include "base/check.h"
#include "cedar/parse.h"
#include "rightsize/proposal.h"

namespace writ::rightsize {
namespace {

constexpr int kApis = 100, kActions = 5, kUsers = 10'000, kMachines = 1'000;

std::shared_ptr<const inventory::Snapshot> make_inventory() {
  using inventory::Kind;
  std::vector<inventory::Identity> all;
  for (int i = 0; i < kMachines; ++i)
    all.push_back({.id = fmt::format("machine-{}", i),
                   .kind = i % 3 == 0   ? Kind::kApplication
                           : i % 3 == 1 ? Kind::kService
                                        : Kind::kAgent});
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

// Of each API: users, what works for itself, and one that nobody uses.
cedar::PolicySet make_policies() {
  std::string text;
  for (int i = 0; i < kApis; ++i)
    text += fmt::format(
        "@id(\"users-{0}\") permit (principal is Writ::User, action, resource is Api{0}::Thing);\n"
        "@id(\"machines-{0}\") permit (principal, action, resource is Api{0}::Thing) unless {{ principal is "
        "Writ::User }};\n"
        "@id(\"idle-{0}\") permit (principal is Writ::Agent, action, resource is Api{0}::Other);\n",
        i);
  auto parsed = cedar::parse_policies(text).value();
  for (auto& policy : parsed.policies) policy.id = *policy.annotation("id")->value;
  return parsed;
}

void write_log(const std::filesystem::path& path, std::size_t records) {
  std::ofstream file(path, std::ios::binary);
  std::mt19937_64 random(1);
  audit::Head head;
  std::string lines;
  const auto begin = instant_from_unix_seconds(1'780'000'000);
  for (std::size_t i = 0; i < records; ++i) {
    const auto api = static_cast<int>(random() % kApis);
    // Most callers use an API or two, and three of its actions.
    const auto machine = (api * 10 + static_cast<int>(random() % 20)) % kMachines;
    const auto user = fmt::format("user-{}", random() % kUsers), client = fmt::format("machine-{}", machine);
    const auto action = fmt::format("Api{}::Action::\"action-{}\"", api, random() % 3);
    const auto resource = fmt::format("Api{}::Thing::\"{}\"", api, random() % 1'000'000);
    const auto path_told = fmt::format("/things/{}", random() % 1'000'000);
    const auto users = fmt::format("users-{}", api), machines = fmt::format("machines-{}", api);
    const std::string_view policies[] = {users, machines};
    const bool permit = random() % 20 != 0;
    const audit::Decision decision{
        .point = "gateway",
        .effect = permit ? "permit" : "deny",
        .reason = permit ? "" : "policy_no_permit",
        .request_id = "01J8Z0C7T3W5Q9N2M4K6H8F0D1",
        .subject = user,
        .client = client,
        .api = api < 10 ? "api" : "other",
        .action = action,
        .resource = resource,
        .claims = {{"purpose", api % 2 == 0 ? "support" : "export"}, {"tenant", "north"}},
        .issued_at = begin,
        .token_id = "b5c7e9f0-1234-4abc-9def-001122334455",
        .policies =
            permit ? std::span<const std::string_view>(policies) : std::span<const std::string_view>(),
        .permits = permit ? "[[0],[1]]" : "",
        .policy_revision = "5f2c96aab6f3f96dfb7d8ea0dd135e5bd3de354302211fc5d89ee172996175c8",
        .method = "GET",
        .path = path_told,
        .peer = "192.0.2.7"};
    const auto time =
        begin + std::chrono::milliseconds(std::int64_t{90} * 86'400'000 * static_cast<std::int64_t>(i) /
                                          static_cast<std::int64_t>(records));
    audit::append_line(lines, head, audit::make_record(time, decision).members);
    if (lines.size() > (std::size_t{1} << 20)) {
      file << lines;
      lines.clear();
    }
  }
  file << lines;
  WRIT_CHECK(file.good());
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void run(std::size_t records, const std::filesystem::path& folder) {
  const auto path = folder / fmt::format("writ-rightsize-scale-{}.log", records);
  write_log(path, records);
  const auto inventory = make_inventory();
  decision::PolicySnapshot snapshot;
  const auto policies = make_policies();
  snapshot.policies = cedar::CompiledPolicySet::compile(policies).value();
  snapshot.entities = cedar::Entities::empty();
  snapshot.revision = "5f2c96aab6f3f96dfb7d8ea0dd135e5bd3de354302211fc5d89ee172996175c8";

  std::vector<std::filesystem::path> left_out;
  const auto parts = audit::parts_of({path}, left_out).value();
  auto begin = std::chrono::steady_clock::now();
  const auto evidence = read_evidence(parts, inventory, {}).value();
  const double reading = seconds_since(begin);
  begin = std::chrono::steady_clock::now();
  const auto proposal = propose(evidence, {policies, snapshot, *inventory},
                                [](const std::string&) { return std::nullopt; }, {});
  const double proposing = seconds_since(begin);
  WRIT_CHECK(proposal.has_value());
  const auto bytes = std::filesystem::file_size(path);
  std::filesystem::remove(path);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << fmt::format(
      "{} records ({} MB), {} kinds: read in {:.2f} s ({:.2f} us a record), proposed in {:.2f} s; {} permits "
      "narrowed, {} unused; {} MB at most\n",
      records, bytes >> 20, evidence.shapes.size(), reading, 1e6 * reading / static_cast<double>(records),
      proposing, proposal->count(Fate::kNarrowed), proposal->count(Fate::kUnused), usage.ru_maxrss / 1024);
}

}  // namespace
}  // namespace writ::rightsize

int main(int argc, char** argv) {
  writ::rightsize::run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000,
                       argc > 2 ? std::filesystem::path(argv[2]) : std::filesystem::temp_directory_path());
}
