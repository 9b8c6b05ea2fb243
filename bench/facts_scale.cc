// What pushed entities cost by how many there are: bytes of memory for each, a change, and a decision on one
// of them. All numbers of entities are measured in one process, in turns, and the least of each counts:
// noise only adds. Instructions of a decision: the difference of two runs under callgrind with more
// decisions.
//
// usage: facts_scale DECISIONS ROUNDS ENTITIES...
#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <limits>
#include <malloc.h>
#include <vector>

#include "base/check.h"
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

// So many entities, and what decides on them.
class Scale {
 public:
  explicit Scale(std::size_t entities) : entities_(entities) {
    world_.policies = enforce::testing::compiled(kPolicies);
    facts::Rules rules;
    rules.schema = cedar::schema_from_text(kSchema).value();
    WRIT_CHECK(registry_.load(rules).has_value());
    const auto before = mallinfo2();
    for (std::size_t at = 0; at < entities;) {
      std::vector<facts::EntityChange> changes;
      for (; changes.size() < 5000 && at < entities; ++at) changes.push_back(invoice(at));
      WRIT_CHECK(registry_.apply(changes).has_value());
    }
    const auto after = mallinfo2();
    const auto bytes = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    fmt::print("{} entities: {} bytes each, of which packed {}\n", entities, bytes / entities,
               registry_.snapshot()->packed_bytes() / entities);
  }

  void change() {
    constexpr std::size_t kChanges = 1000;
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < kChanges; ++i) {
      const std::vector changes{invoice(i * 7919 % entities_)};
      WRIT_CHECK(registry_.apply(changes).has_value());
    }
    change_ = std::min(change_, seconds_since(begin) / kChanges);
  }

  // Each is on another entity than the one before, and its id is made from a number: no id is read from
  // memory, as none is that comes with a request.
  void decide(std::size_t decisions) {
    const auto token =
        world_.tokens.verifier.verify_parameter(world_.token(world_.claims()), world_.clock.now()).value();
    const auto in_force = world_.current.get();
    const auto pushed = registry_.snapshot();
    const enforce::Attributes none;
    std::size_t permitted = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < decisions; ++i) {
      const auto id = fmt::format("inv-{:08}", next_++ * 7919 % entities_);
      const enforce::Facts facts{.time = world_.clock.now(),
                                 .method = "GET",
                                 .path = "/invoices",
                                 .peer_ip = "192.0.2.7",
                                 .api = *in_force->inventory->find_api("invoices"),
                                 .action = {"Billing::Action", "read"},
                                 .resource = {"Billing::Invoice", id},
                                 .attributes = none};
      const auto ruling = enforce::rule_on_use(
          token, facts, {*in_force->inventory, *in_force->policies, nullptr, pushed.get()}, memory_,
          enforce::Shadows::kLeftAlone);
      permitted += ruling->permitted() ? 1 : 0;
    }
    decision_ = std::min(decision_, seconds_since(begin) / static_cast<double>(decisions));
    WRIT_CHECK(permitted == decisions);
  }

  void print() const {
    fmt::print("of {}: a change {:.1f} us, a decision {:.3f} us\n", entities_, change_ * 1e6,
               decision_ * 1e6);
  }

 private:
  const std::size_t entities_;
  enforce::testing::World world_;
  NoStore store_;
  facts::EntityRegistry registry_{
      store_, {.max_entities = entities_ + 1}, [this](auto now) { world_.current.replace(std::move(now)); }};
  enforce::Memory memory_;
  std::size_t next_ = 0;
  double change_ = std::numeric_limits<double>::max(), decision_ = change_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto decisions = std::stoul(argv[1]), rounds = std::stoul(argv[2]);
  std::vector<std::unique_ptr<Scale>> scales;
  for (int i = 3; i < argc; ++i) scales.push_back(std::make_unique<Scale>(std::stoul(argv[i])));
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const auto& scale : scales) {
      scale->change();
      scale->decide(decisions);
    }
  }
  for (const auto& scale : scales) scale->print();
}
