// What a client's platform tells of it (docs/workloads.md) is known only at the request: what needs it may be
// permitted, and only to a client whose rules tell it.
#include <gtest/gtest.h>

#include "access/classes.h"
#include "access/testing/random_world.h"

namespace writ::access::workload_reach_test {
namespace {

struct Shop {
  testing::RandomWorld world;
  std::unique_ptr<Court> court = Court::make().value();
  std::unique_ptr<Frame> frame;

  explicit Shop(const std::vector<std::string>& policies) {
    inventory::Identity ci{.id = "ci", .kind = inventory::Kind::kService},
        batch{.id = "batch", .kind = inventory::Kind::kService};
    ci.workloads = {
        {.issuer = "https://ci.example", .claims = {{{"sub"}, {"ci"}}}, .facts = {{"ref", {"ref"}}}}};
    const auto api = codec::parse_json(
        R"({"id": "shop", "audience": "https://shop.example", "namespace": "Shop", "actions": ["read"]})");
    world.inventory =
        inventory::Snapshot::empty()->with({ci, batch}, {inventory::api_from_json(*api).value()}).value();
    world.policies.policies = testing::compiled(policies);
    world.policies.entities = cedar::Entities::empty();
    world.policies.revision = "test";
    frame.reset(new Frame(world.frame()));
  }

  std::string verdict(std::string_view client) {
    Reach reach(*frame, *court);
    const Census census(reach);
    bool cut = false;
    const Target target{.api = world.inventory->find_api("shop"),
                        .action = {"Shop::Action", "read"},
                        .resource_type = "Shop::Order"};
    for (const Chain& chain : census.chains({.links = 1}, cut)) {
      if (text_of(chain).find(client) == std::string::npos) continue;
      Certainties certain(*frame, chain, *target.api, target.point);
      return std::string(verdict_name(reach.ask(certain, target).verdict));
    }
    return "no chain";
  }
};

TEST(WorkloadReach, WhatThePlatformTellsMayPermit) {
  Shop shop({R"(permit (principal, action, resource)
             when { principal has workload && principal.workload has ref && principal.workload.ref == "refs/heads/main" };)"});
  EXPECT_EQ(shop.verdict("ci"), "when");
  EXPECT_EQ(shop.verdict("batch"), "never") << "no rule of its tells a ref";
}

TEST(WorkloadReach, WhatNoRuleTellsIsNeverThere) {
  Shop shop({R"(permit (principal, action, resource)
             when { principal has workload && principal.workload has namespace };)"});
  EXPECT_EQ(shop.verdict("ci"), "never");
}

}  // namespace
}  // namespace writ::access::workload_reach_test
