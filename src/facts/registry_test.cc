#include "facts/registry.h"

#include <atomic>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "facts/memory_store.h"

namespace writ::facts::registry_test {
namespace {

using codec::Json;
using ::testing::HasSubstr;

constexpr std::string_view kSchema = R"(
namespace Shop {
  entity Team in Team = { name: String };
  entity Order in Team = { customer: String, amount?: Long, paid?: Bool, price?: decimal, from?: ipaddr,
                           tags?: Set<String>, team?: Team, address?: { city: String } } tags String;
})";

Json json(std::string_view text) {
  return codec::parse_json(text).value();
}

EntityChange put(std::string_view text) {
  const auto entity = json(text);
  return {name_from_json(entity).value(), entity};
}

EntityChange order(std::string_view id, std::string_view attributes, std::string_view parents = "[]") {
  return put(fmt::format(R"({{"uid":{{"type":"Shop::Order","id":"{}"}},"attrs":{{{}}},"parents":{}}})", id,
                         attributes, parents));
}

EntityChange team(std::string_view id, std::string_view parents = "[]") {
  return put(
      fmt::format(R"({{"uid":{{"type":"Shop::Team","id":"{}"}},"attrs":{{"name":"{}"}},"parents":{}}})", id,
                  id, parents));
}

std::string of_team(std::string_view id) {
  return fmt::format(R"([{{"type":"Shop::Team","id":"{}"}}])", id);
}

class EntityRegistryTest : public ::testing::Test {
 protected:
  EntityRegistryTest() { WRIT_CHECK(registry.load(rules()).has_value()); }

  static Rules rules(std::string_view schema = kSchema) {
    Rules rules;
    rules.schema = cedar::schema_from_text(schema).value();
    return rules;
  }
  Result<std::size_t> apply(std::vector<EntityChange> changes) { return registry.apply(changes); }
  std::string refused(std::vector<EntityChange> changes) {
    const auto before = published;
    const auto done = registry.apply(changes);
    EXPECT_EQ(published, before);
    return done ? "" : done.error().message;
  }
  std::string shown(std::string_view id) {
    const auto found = registry.find({"Shop::Order", std::string(id)});
    return found ? found->find("attrs")->dump() : "absent";
  }

  MemoryStore store;
  EntityRegistry::Snapshot published;
  EntityRegistry registry{store, {.max_entities = 5}, [this](auto now) { published = std::move(now); }};
};

TEST_F(EntityRegistryTest, KeepsEveryKindOfValueAsItWas) {
  const auto whole = put(R"({"uid":{"type":"Shop::Order","id":"o-1"},"attrs":{
      "customer":"cus-1","amount":-7,"paid":true,"price":"12.5","from":"10.0.0.1","tags":["a","b"],
      "team":{"type":"Shop::Team","id":"t"},"address":{"city":"Köln"}},
      "parents":[{"type":"Shop::Team","id":"t"}],"tags":{"k":"v"}})");
  ASSERT_TRUE(apply({whole}));
  const auto first = registry.find({"Shop::Order", "o-1"}).value();
  EXPECT_EQ(first.find("attrs")->find("price")->dump(), R"({"__extn":{"fn":"decimal","arg":"12.5000"}})");
  EXPECT_EQ(first.find("parents")->dump(), R"([{"type":"Shop::Team","id":"t"}])");
  EXPECT_EQ(first.find("tags")->dump(), R"({"k":"v"})");
  // As another process would find it.
  EntityRegistry again(store, {}, [](auto) {});
  ASSERT_TRUE(again.load(rules()));
  EXPECT_EQ(again.find({"Shop::Order", "o-1"}).value().dump(), first.dump());
}

TEST_F(EntityRegistryTest, AChangeIsInForceWhenItReturnsAndLeavesWhatWasReadBefore) {
  ASSERT_TRUE(apply({order("o-1", R"("customer":"cus-1")")}));
  const auto before = published;
  ASSERT_TRUE(apply({order("o-1", R"("customer":"cus-2")")}));
  cedar::Arena arena;
  const auto customer = [&](const PushedEntities& of) {
    return std::string(
        of.fetch(arena.entity("Shop::Order", "o-1"), arena)->attributes->find("customer")->as_string());
  };
  EXPECT_EQ(customer(*before), "cus-1");
  EXPECT_EQ(customer(*published), "cus-2");
  EXPECT_FALSE(before->same(*published, arena.entity("Shop::Order", "o-1")));
  EXPECT_TRUE(before->same(*published, arena.entity("Shop::Order", "o-2")));
}

TEST_F(EntityRegistryTest, WhatTheSchemaDoesNotHaveIsRefusedWithEntityAndAttribute) {
  EXPECT_THAT(refused({order("o-1", R"("customer":"a","colour":"red")")}),
              ::testing::AllOf(HasSubstr(R"(Shop::Order::"o-1")"), HasSubstr("`colour`")));
  EXPECT_THAT(refused({order("o-1", R"("customer":7)")}), HasSubstr("`customer`"));
  EXPECT_THAT(refused({order("o-1", "")}), HasSubstr("`customer`"));
  EXPECT_THAT(refused({put(R"({"uid":{"type":"Shop::Parcel","id":"p"},"attrs":{}})")}),
              HasSubstr("does not declare the type `Shop::Parcel`"));
  EXPECT_THAT(refused({order("o-1", R"("customer":"a")", R"([{"type":"Shop::Order","id":"x"}])")}),
              HasSubstr("Shop::Order"));
}

TEST_F(EntityRegistryTest, WithoutASchemaNothingIsTaken) {
  EntityRegistry none(store, {}, [](auto) {});
  ASSERT_TRUE(none.load({}));
  const std::vector<EntityChange> changes{order("o-1", R"("customer":"a")")};
  EXPECT_THAT(none.apply(changes).error().message, HasSubstr("`policies.schemas` names none"));
}

TEST_F(EntityRegistryTest, WritsOwnTypesAreNotPushed) {
  EXPECT_THAT(name_from_json(json(R"({"uid":{"type":"Writ::User","id":"nora"}})")).error().message,
              HasSubstr("Writ's own type"));
}

TEST_F(EntityRegistryTest, SomeChangesAreDoneAllOrNone) {
  EXPECT_THAT(refused({order("o-1", R"("customer":"a")"), order("o-2", R"("customer":7)")}),
              HasSubstr("o-2"));
  EXPECT_EQ(shown("o-1"), "absent");
  EXPECT_THAT(refused({{{"Shop::Order", "o-1"}, std::nullopt}}), HasSubstr("there is no entity"));
}

TEST_F(EntityRegistryTest, ThereAreSoManyAndNoMore) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(apply({order(std::to_string(i), R"("customer":"a")")}));
  EXPECT_THAT(refused({order("6", R"("customer":"a")")}), HasSubstr("`limits.max_entities`"));
  ASSERT_TRUE(apply({order("4", R"("customer":"b")")}));
  ASSERT_TRUE(apply({{{"Shop::Order", "4"}, std::nullopt}, order("6", R"("customer":"a")")}));
  EXPECT_EQ(published->size(), 5U);
}

TEST_F(EntityRegistryTest, AnEntityThatIsTooLargeIsRefused) {
  const auto text = fmt::format(R"("customer":"{}")", std::string(kMaxEntityBytes, 'x'));
  EXPECT_THAT(refused({order("o-1", text)}), HasSubstr("more than 8192 bytes"));
}

TEST_F(EntityRegistryTest, NothingIsItsOwnAncestor) {
  ASSERT_TRUE(apply({team("a", of_team("b")), team("b", of_team("c"))}));
  EXPECT_THAT(refused({team("c", of_team("a"))}), HasSubstr("its own ancestor"));
  EXPECT_THAT(refused({team("d", of_team("d"))}), HasSubstr("its own ancestor"));
}

TEST_F(EntityRegistryTest, APatchTakesAwayWhatIsNullAndLeavesTheRest) {
  const auto before = order("o-1", R"("customer":"a","amount":7)");
  const auto after = patched(*before.entity, json(R"({"attrs":{"amount":null,"paid":true}})"));
  ASSERT_TRUE(apply({{before.name, after}}));
  EXPECT_EQ(registry.find(before.name)->find("attrs")->find("customer")->dump(), R"("a")");
  EXPECT_EQ(registry.find(before.name)->find("attrs")->find("amount"), nullptr);
  EXPECT_EQ(registry.find(before.name)->find("attrs")->find("paid")->dump(), "true");
}

TEST_F(EntityRegistryTest, OtherRulesThatAnEntityDoesNotFitAreNotTakenOver) {
  ASSERT_TRUE(apply({order("o-1", R"("customer":"a","amount":7)")}));
  bool taken = false;
  const auto take = [&]() -> Result<void> {
    taken = true;
    return {};
  };
  const auto narrower = rules("namespace Shop { entity Order = { customer: String }; }");
  const auto done = registry.under(narrower, take);
  EXPECT_FALSE(taken);
  EXPECT_THAT(done.error().message,
              ::testing::AllOf(HasSubstr(R"(the pushed entity `Shop::Order::"o-1"`)"), HasSubstr("amount")));
  // The rules of before are still those that count.
  ASSERT_TRUE(apply({order("o-2", R"("customer":"a","amount":7)")}));
  ASSERT_TRUE(registry.under(rules(), take));
  EXPECT_TRUE(taken);
}

TEST_F(EntityRegistryTest, ASchemaThatChangesWhileEntitiesArePushedFitsAllThatIsKept) {
  const auto wide = rules("namespace Shop { entity Order = { customer: String, amount?: Long }; }");
  const auto narrow = rules("namespace Shop { entity Order = { customer: String, amount?: String }; }");
  ASSERT_TRUE(registry.under(wide, []() -> Result<void> { return {}; }));
  std::atomic<bool> over = false;
  std::vector<std::thread> pushing;
  for (int i = 0; i < 3; ++i) {
    pushing.emplace_back([&, id = fmt::format("o-{}", i)] {
      while (!over) {
        // Refused under the other schema.
        static_cast<void>(registry.apply(std::vector{order(id, R"("customer":"a","amount":7)")}));
        static_cast<void>(registry.apply(std::vector{order(id, R"("customer":"a","amount":"7")")}));
        static_cast<void>(registry.apply(std::vector{order(id, R"("customer":"a")")}));
      }
    });
  }
  const auto* now = &wide;
  for (int i = 0; i < 300; ++i) {
    const auto& next = i % 2 == 0 ? narrow : wide;
    if (registry.under(next, []() -> Result<void> { return {}; })) now = &next;
    // All of one set of entities, whatever is pushed meanwhile.
    const auto kept = registry.snapshot();
    std::set<bool> texts;
    ASSERT_TRUE(kept->for_each([&](const cedar::Entity& entity) -> Result<void> {
      if (const auto* amount = entity.attributes->find("amount"))
        texts.insert(amount->is(cedar::Kind::kString));
      return {};
    }));
    EXPECT_LE(texts.size(), 1u) << "of two schemas";
  }
  over = true;
  for (auto& thread : pushing) thread.join();
  EXPECT_TRUE(registry.under(*now, []() -> Result<void> { return {}; }));
}

TEST_F(EntityRegistryTest, AFactHasOneSource) {
  cedar::EntitiesBuilder builder;
  ASSERT_TRUE(cedar::add_entities(
      builder, json(R"([{"uid":{"type":"Shop::Order","id":"f"},"attrs":{"customer":"x"},"parents":[]},
                        {"uid":{"type":"Shop::Order","id":"g"},"attrs":{},"parents":[{"type":"Shop::Team","id":"t"}]}])")));
  auto with_file = rules();
  with_file.entities = std::move(builder).build().value();
  with_file.told[{"Shop::Order", "amount"}] = "route `POST /orders`";
  ASSERT_TRUE(registry.under(with_file, []() -> Result<void> { return {}; }));
  EXPECT_THAT(refused({order("f", R"("customer":"a")")}),
              ::testing::AllOf(HasSubstr(R"(Shop::Order::"f")"), HasSubstr("attribute `customer`")));
  EXPECT_THAT(refused({order("h", R"("customer":"a","amount":7)")}),
              ::testing::AllOf(HasSubstr("route `POST /orders`"), HasSubstr("`amount`")));
  // Its descendants in the file would not be below what is above it.
  EXPECT_THAT(refused({team("t", of_team("u"))}), HasSubstr("entities of the file stand below it"));
  EXPECT_TRUE(apply({team("t")}));
}

// Against a map that is copied whole: many changes in any order, and what was read before stays as it was.
TEST(PushedEntities, AgreesWithAMapOverManyChanges) {
  std::mt19937 random(11);
  MemoryStore store;
  EntityRegistry::Snapshot now = PushedEntities::none();
  EntityRegistry registry(store, {}, [&](auto next) { now = std::move(next); });
  Rules rules;
  rules.schema = cedar::schema_from_text(kSchema).value();
  ASSERT_TRUE(registry.load(rules));
  using Model = std::map<std::string, std::string>;
  Model model;
  std::vector<std::pair<EntityRegistry::Snapshot, Model>> kept;
  for (int round = 0; round < 400; ++round) {
    const auto id = fmt::format("o-{}", random() % 300);
    if (random() % 3 == 0 && model.contains(id)) {
      ASSERT_TRUE(registry.apply(std::vector<EntityChange>{{{"Shop::Order", id}, std::nullopt}}));
      model.erase(id);
    } else {
      model[id] = fmt::format("c-{}", random() % 1000);
      ASSERT_TRUE(registry.apply(std::vector{order(id, fmt::format(R"("customer":"{}")", model[id]))}));
    }
    if (round % 40 == 0) kept.emplace_back(now, model);
  }
  kept.emplace_back(now, model);
  cedar::Arena arena;
  for (const auto& [snapshot, then] : kept) {
    EXPECT_EQ(snapshot->size(), then.size());
    for (int i = 0; i < 300; ++i) {
      const auto id = fmt::format("o-{}", i);
      const auto* found = snapshot->fetch(arena.entity("Shop::Order", id), arena);
      const auto expected = then.find(id);
      ASSERT_EQ(found != nullptr, expected != then.end()) << id;
      if (found != nullptr) {
        EXPECT_EQ(found->attributes->find("customer")->as_string(), expected->second);
      }
    }
  }
}

}  // namespace
}  // namespace writ::facts::registry_test
