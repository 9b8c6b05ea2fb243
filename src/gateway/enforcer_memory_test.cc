// Without memory a request is refused, and nobody else's ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/allocations.h"
#include "gateway/refusal.h"
#include "gateway/testing/world.h"

namespace writ::gateway::enforcer_memory_test {
namespace {

using ::testing::AnyOf;
using testing::request;
using testing::World;
using writ::testing::with_failing_allocation;

// What comes of a request for whose n-th allocation there is no memory; nothing, when it has fewer.
std::optional<enforce::Outcome> with_failure(World& world, const enforce::Question& asked, std::size_t n) {
  std::optional<enforce::Outcome> outcome;
  int told = 0;
  const bool failed = with_failing_allocation(n, [&] {
    world.enforcer.enforce(asked, [&](enforce::Outcome given) {
      outcome = std::move(given);
      ++told;
    });
  });
  EXPECT_EQ(told, 1) << n;
  return failed ? std::move(outcome) : std::nullopt;
}

TEST(EnforcerMemory, EachAllocationThatFailsRefusesTheRequestAndBudgetsStayExact) {
  World world;
  const auto task = world.open_task(1'000);
  const auto sent = request(world.token(world.claims_in(*task)));
  const std::vector<std::string> labels{"read:confidential"};
  std::int64_t permits = 0;
  std::size_t n = 1;
  for (;; ++n) {
    ASSERT_LT(n, 2'000u);
    auto asked = testing::asked(sent);
    if (n % 2 == 0) asked.labels = labels;
    const auto outcome = with_failure(world, asked, n);
    if (!outcome) break;
    if (*outcome)
      ++permits;
    else  // a signature that there is no memory to check is not good
      EXPECT_THAT(response_of(outcome->error()).status, AnyOf(503, 401)) << n;
    EXPECT_GE(task->used_calls(), permits) << n;
  }
  EXPECT_GT(n, 10u) << "a request with a record asks for memory";
  EXPECT_EQ(testing::word(world.enforce(sent)), "permit") << "the next one passes";
  EXPECT_LE(task->used_calls(), static_cast<std::int64_t>(n) + 1);
}

TEST(EnforcerMemory, ARefusalWithoutMemoryIsARefusalToo) {
  World world;
  const auto sent = request("no token");
  for (std::size_t n = 1;; ++n) {
    const auto outcome = with_failure(world, testing::asked(sent), n);
    if (!outcome) break;
    ASSERT_FALSE(*outcome) << n;
  }
}

TEST(EnforcerMemory, AnApprovalIsUsedOnceAtMostWhateverFails) {
  World world;
  world.policies = testing::compiled(R"(
@id("all") permit (principal, action, resource is Billing::Invoice);
@id("people") forbid (principal, action == Billing::Action::"refund", resource) unless { context.approved };
)");
  for (std::size_t n = 1;; ++n) {
    ASSERT_LT(n, 2'000u);
    auto sent = request(world.token(), "/invoices/inv-1/refund", "POST");
    const auto refused = world.enforcer.enforce(testing::asked(sent, "refund", "inv-1", "{}"));
    ASSERT_FALSE(refused);
    ASSERT_NE(refused.error().offer, nullptr);
    world.enforcer.offer_approval(*refused.error().offer,
                                  digest_of(sent, *ForwardedHeaders::standard(), "{}"), "{}",
                                  [](const enforce::Refused&) {});
    const auto id = world.call_approvals.all().back()->approval.id;
    ASSERT_TRUE(world.call_approvals.approve(id, {"niklas", {}}, world.clock.now()));
    sent.headers.add(kApprovalHeader, id);
    const auto asked = testing::asked(sent, "refund", "inv-1", "{}");
    const auto outcome = with_failure(world, asked, n);
    if (!outcome) break;
    if (*outcome) {
      EXPECT_FALSE(world.enforcer.enforce(asked)) << "used twice at " << n;
    } else {
      // Used up without an effect, or good still; in no case twice.
      const bool first = world.enforcer.enforce(asked).has_value();
      EXPECT_FALSE(first && world.enforcer.enforce(asked)) << n;
      if (!first) (void)world.call_approvals.prune(world.clock.now());
    }
    world.clock.advance(std::chrono::milliseconds(1));
  }
}

}  // namespace
}  // namespace writ::gateway::enforcer_memory_test
