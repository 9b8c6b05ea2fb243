// What pushed entities cost by how many there are: bytes of memory for each, a decision on one of them, and a
// change. Instructions of a decision: the difference of two runs under callgrind with more decisions.
//
// usage: facts_scale ENTITIES DECISIONS
#include <chrono>
#include <fmt/format.h>
#include <malloc.h>

#include "enforce/ruling.h"
#include "enforce/testing/world.h"
#include "facts/registry.h"

namespace {

using namespace writ;

constexpr std::string_view kSchema = R"(namespace Billing {
  entity Invoice = { customer: Writ::User, tenant: String, amount: Long, paid: Bool, currency: String };
}
namespace Writ { entity User; })";
constexpr std::string_view kPolicies = R"(
@id("users") permit (principal is Writ::User, action, resource is Billing::Invoice)
when { resource.customer == principal && resource.amount < 1000 };
@id("portal") permit (principal is Writ::Application, action, resource is Billing::Invoice);)";

// Keeps nothing: what the disk costs is the store's.
class NoStore final : public facts::Store {
 public:
  Result<void> load_entities(const std::function<Result<void>(std::string_view)>&) override { return {}; }
  Result<void> save_entities(std::span<const facts::StoredEntity>) override { return {}; }
  Result<std::vector<facts::StoredEntity>> entities_after(std::string_view, std::string_view,
                                                          std::size_t) override {
    return std::vector<facts::StoredEntity>();
  }
};

facts::EntityChange invoice(std::size_t number) {
  const auto json = codec::parse_json(fmt::format(
      R"({{"uid":{{"type":"Billing::Invoice","id":"inv-{:08}"}},"attrs":{{"customer":{{"type":"Writ::User","id":"nora"}},
          "tenant":"north","amount":{},"paid":false,"currency":"EUR"}},"parents":[]}})",
      number, number % 1000));
  return {facts::name_from_json(*json).value(), *json};
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto entities = std::stoul(argv[1]), decisions = std::stoul(argv[2]);
  enforce::testing::World world;
  world.policies = enforce::testing::compiled(kPolicies);
  NoStore store;
  facts::EntityRegistry registry(store, {.max_entities = entities + 1},
                                 [&](auto now) { world.current.replace(std::move(now)); });
  facts::Rules rules;
  rules.schema = cedar::schema_from_text(kSchema).value();
  if (!registry.load(rules)) return 1;
  const auto before = mallinfo2();
  for (std::size_t at = 0; at < entities;) {
    std::vector<facts::EntityChange> changes;
    for (; changes.size() < 5000 && at < entities; ++at) changes.push_back(invoice(at));
    if (!registry.apply(changes)) return 1;
  }
  const auto after = mallinfo2();
  const auto bytes = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
  fmt::print("{} entities: {} bytes each, of which packed {}\n", entities, bytes / entities,
             registry.snapshot()->packed_bytes() / entities);

  const auto change_begin = std::chrono::steady_clock::now();
  constexpr std::size_t kChanges = 1000;
  for (std::size_t i = 0; i < kChanges; ++i) {
    const std::vector changes{invoice(i * 7919 % entities)};
    if (!registry.apply(changes)) return 1;
  }
  fmt::print("a change: {:.1f} us\n", seconds_since(change_begin) / kChanges * 1e6);

  const auto token =
      world.tokens.verifier.verify_parameter(world.token(world.claims()), world.clock.now()).value();
  const auto in_force = world.current.get();
  const enforce::Attributes none;
  enforce::Memory memory;
  std::size_t permitted = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < decisions; ++i) {
    const auto id = fmt::format("inv-{:08}", i * 7919 % entities);
    const enforce::Facts facts{.time = world.clock.now(),
                               .method = "GET",
                               .path = "/invoices",
                               .peer_ip = "192.0.2.7",
                               .api = *in_force->inventory->find_api("invoices"),
                               .action = {"Billing::Action", "read"},
                               .resource = {"Billing::Invoice", id},
                               .attributes = none};
    const auto ruling = enforce::rule_on_use(
        token, facts, {*in_force->inventory, *in_force->policies, nullptr, registry.snapshot().get()}, memory,
        enforce::Shadows::kLeftAlone);
    permitted += ruling->permitted() ? 1 : 0;
  }
  fmt::print("{} decisions, {} permitted: {:.2f} us each\n", decisions, permitted,
             seconds_since(begin) / static_cast<double>(decisions) * 1e6);
  return permitted == decisions ? 0 : 1;
}
