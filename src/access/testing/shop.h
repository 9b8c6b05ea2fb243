// A shop with identities and policies that can be read, and all that is asked about it, for tests.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "access/classes.h"
#include "access/testing/random_world.h"

namespace writ::access::testing {

struct Shop {
  RandomWorld world;
  std::unique_ptr<Court> court = Court::make().value();
  std::unique_ptr<Frame> frame;
  std::unique_ptr<Reach> reach;
  std::unique_ptr<Census> census;
  std::unique_ptr<Survey> survey;

  Shop(std::string_view identities, const std::vector<std::string>& policies) {
    std::vector<inventory::Identity> all;
    const auto json = codec::parse_json(identities).value();
    for (const auto& each : *json.if_array()) all.push_back(inventory::identity_from_json(each).value());
    const auto api = codec::parse_json(
        R"({"id": "shop", "audience": "https://shop.example", "namespace": "Shop", "actions": ["read"]})");
    world.inventory =
        inventory::Snapshot::empty()->with(std::move(all), {inventory::api_from_json(*api).value()}).value();
    world.texts = policies;
    world.policies.policies = compiled(policies);
    world.policies.entities = cedar::Entities::empty();
    world.policies.revision = "test";
    frame.reset(new Frame(world.frame()));
    reach = std::make_unique<Reach>(*frame, *court);
    census = std::make_unique<Census>(*reach);
    bool cut = false;
    survey = std::make_unique<Survey>(*reach, census->chains({.links = 2}, cut), *census);
  }

  Target read() const {
    return {.api = world.inventory->find_api("shop"),
            .action = {"Shop::Action", "read"},
            .resource_type = "Shop::Order"};
  }
  TargetClasses classes(Names names = Names::kExchanged) {
    return classes_of(*survey, *reach, *census, read(), names);
  }
};

}  // namespace writ::access::testing
