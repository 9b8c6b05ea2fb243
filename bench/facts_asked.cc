// What a request costs whose facts are asked for and cached, beside the same facts pushed: the whole enforcer
// with its record, without the disk. Instructions: the difference of two runs under callgrind with more
// requests.
//
// usage: facts_asked pushed|asked REQUESTS [ENTITIES]
//   ENTITIES: so many are pushed, and each request is about another one (default: one)
#include <chrono>
#include <fmt/format.h>

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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  const bool asks = std::string_view(argv[1]) == "asked";
  const auto requests = std::stoul(argv[2]), entities = argc > 3 ? std::stoul(argv[3]) : 1;
  enforce::testing::World world;
  auto policies = std::make_shared<decision::PolicySnapshot>(*enforce::testing::compiled(kPolicies));
  policies->schema = cedar::schema_from_text(kSchema).value();
  world.policies = policies;
  facts::MemoryStore store;
  facts::EntityRegistry registry(store, {.max_entities = entities},
                                 [&](auto now) { world.current.replace(std::move(now)); });
  auto all = std::make_shared<sources::Sources>();
  if (asks) {
    sources::SourceSettings settings{
        .name = "ledger",
        .reading = {.type = "Billing::Invoice",
                    .attributes = {"customer", "tenant", "amount", "paid", "currency"},
                    .needed = {"tenant"}}};
    settings.max_age = std::chrono::hours(1);
    all->add(std::make_shared<sources::AskedSource>(settings, std::make_unique<Ledger>(), world.clock));
    world.current.replace(std::shared_ptr<const sources::Sources>(all));
  } else {
    facts::Rules rules;
    rules.schema = policies->schema;
    if (!registry.load(rules)) return 1;
    for (std::size_t at = 0; at < entities;) {
      std::vector<facts::EntityChange> changes;
      for (; changes.size() < 5000 && at < entities; ++at) {
        auto entity = codec::parse_json(
            fmt::format(R"({{"uid":{{"type":"Billing::Invoice","id":"{}"}},"attrs":{},"parents":[]}})",
                        id_of(at), kFacts));
        changes.push_back({facts::name_from_json(*entity).value(), *std::move(entity)});
      }
      if (!registry.apply(changes)) return 1;
    }
  }
  std::size_t bytes = 0;
  enforce::Enforcer enforcer{{.clock = world.clock,
                              .verifier = world.tokens.verifier,
                              .current = world.current,
                              .tasks = world.tasks,
                              .record =
                                  [&](const audit::Record& record, audit::Log::Done done) {
                                    bytes += record.members.size();
                                    done({});
                                  },
                              .writer = world.writer}};
  const auto token = world.token();
  const http::Headers headers{{"Authorization", "Bearer " + token}};
  std::size_t permitted = 0, next = 0;
  const auto ask = [&] {
    const auto id = id_of(next++ * 7919 % entities);  // its neighbours are not near
    const enforce::Question question{.point = "gateway",
                                     .sent = {.method = "GET", .path = "/i", .encoded_path = "/i"},
                                     .credentials = token::Presented::from_headers(headers),
                                     .api = "invoices",
                                     .action = {"Billing::Action", "read"},
                                     .resource = {"Billing::Invoice", id},
                                     .public_origin = enforce::testing::kOrigin};
    permitted += enforcer.enforce(question).has_value() ? 1 : 0;
  };
  ask();  // and it is cached
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < requests; ++i) ask();
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("{}: {} requests, {} permitted, {} bytes of records each: {:.2f} us each\n", argv[1], requests,
             permitted - 1, bytes / (requests + 1), seconds / static_cast<double>(requests) * 1e6);
  all->stop();
  return permitted == requests + 1 ? 0 : 1;
}
