// What a request costs whose facts are asked for and cached, or are pushed, of so many: the whole enforcer
// with its record, without the disk. All kinds are measured in one process, in turns, and the least of each
// counts: noise only adds. Instructions: the difference of two runs under callgrind with more requests.
//
// usage: facts_asked REQUESTS ROUNDS asked|ENTITIES...
//   asked: of a source, cached. ENTITIES: so many are pushed, and each request is about another one.
#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <vector>

#include "base/check.h"
#include "enforce/testing/world.h"
#include "facts/memory_store.h"
#include "facts/registry.h"
#include "sources/sources.h"

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
constexpr std::string_view kFacts =
    R"({"customer":{"type":"Writ::User","id":"nora"},"tenant":"north","amount":480,"paid":false,"currency":"EUR"})";

std::string id_of(std::size_t number) {
  return fmt::format("inv-{:08}", number);
}

class Ledger final : public sources::Origin {
 public:
  Result<std::optional<codec::Json>> ask(const sources::SourceQuery&) override {
    return std::optional(codec::parse_json(kFacts).value());
  }
};

// One of the kinds, and what decides on it.
class Kind {
 public:
  explicit Kind(std::string name) : name_(std::move(name)) {
    auto policies = std::make_shared<decision::PolicySnapshot>(*enforce::testing::compiled(kPolicies));
    policies->schema = cedar::schema_from_text(kSchema).value();
    world_.policies = policies;
    name_ == "asked" ? ask_a_source() : push(std::stoul(name_), policies->schema);
    headers_.add("Authorization", "Bearer " + world_.token());
    ask();  // and it is cached
  }
  ~Kind() { sources_->stop(); }

  void measure(std::size_t requests) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < requests; ++i) ask();
    const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    least_ = std::min(least_, seconds / static_cast<double>(requests));
  }
  void print() const {
    fmt::print("{}: {} bytes of records each: {:.3f} us each\n", name_, bytes_ / next_, least_ * 1e6);
  }

 private:
  void ask_a_source() {
    sources::SourceSettings settings{
        .name = "ledger",
        .reading = {.type = "Billing::Invoice",
                    .attributes = {"customer", "tenant", "amount", "paid", "currency"},
                    .needed = {"tenant"}}};
    settings.max_age = std::chrono::hours(1);
    sources_->add(std::make_shared<sources::AskedSource>(settings, std::make_unique<Ledger>(), world_.clock));
    world_.current.replace(std::shared_ptr<const sources::Sources>(sources_));
  }

  void push(std::size_t entities, const cedar::SchemaPtr& schema) {
    entities_ = entities;
    registry_ = std::make_unique<facts::EntityRegistry>(
        store_, facts::EntityRegistryOptions{.max_entities = entities},
        [this](auto now) { world_.current.replace(std::move(now)); });
    facts::Rules rules;
    rules.schema = schema;
    WRIT_CHECK(registry_->load(rules).has_value());
    for (std::size_t at = 0; at < entities;) {
      std::vector<facts::EntityChange> changes;
      for (; changes.size() < 5000 && at < entities; ++at) {
        auto entity = codec::parse_json(
            fmt::format(R"({{"uid":{{"type":"Billing::Invoice","id":"{}"}},"attrs":{},"parents":[]}})",
                        id_of(at), kFacts));
        changes.push_back({facts::name_from_json(*entity).value(), *std::move(entity)});
      }
      WRIT_CHECK(registry_->apply(changes).has_value());
    }
  }

  void ask() {
    const auto id = id_of(next_++ * 7919 % entities_);  // its neighbours are not near
    const enforce::Question question{.point = "gateway",
                                     .sent = {.method = "GET", .path = "/i", .encoded_path = "/i"},
                                     .credentials = token::Presented::from_headers(headers_),
                                     .api = "invoices",
                                     .action = {"Billing::Action", "read"},
                                     .resource = {"Billing::Invoice", id},
                                     .public_origin = enforce::testing::kOrigin};
    WRIT_CHECK(enforcer_.enforce(question).has_value());
  }

  const std::string name_;
  enforce::testing::World world_;
  facts::MemoryStore store_;
  std::unique_ptr<facts::EntityRegistry> registry_;
  std::shared_ptr<sources::Sources> sources_ = std::make_shared<sources::Sources>();
  std::size_t entities_ = 1, bytes_ = 0, next_ = 0;
  http::Headers headers_;
  double least_ = std::numeric_limits<double>::max();
  enforce::Enforcer enforcer_{{.clock = world_.clock,
                               .verifier = world_.tokens.verifier,
                               .current = world_.current,
                               .tasks = world_.tasks,
                               .record =
                                   [this](const audit::Record& record, audit::Log::Done done) {
                                     bytes_ += record.members.size();
                                     done({});
                                   },
                               .writer = world_.writer}};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto requests = std::stoul(argv[1]), rounds = std::stoul(argv[2]);
  std::vector<std::unique_ptr<Kind>> kinds;
  for (int i = 3; i < argc; ++i) kinds.push_back(std::make_unique<Kind>(argv[i]));
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const auto& kind : kinds) kind->measure(requests);
  }
  for (const auto& kind : kinds) kind->print();
}
