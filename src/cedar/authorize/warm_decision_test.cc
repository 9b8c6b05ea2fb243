// A warm decision allocates nothing.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/testing/allocations.h"
#include "cedar/authorize.h"
#include "cedar/plan/plan_builder.h"

namespace writ::cedar::warm_decision_test {
namespace {

using writ::testing::allocations_of;
using Rule = ScopeConstraint::Rule;

class WarmDecision : public ::testing::Test {
 protected:
  WarmDecision() {
    EntitiesBuilder entities;
    const std::vector<EntityRef> parents{entities.arena().entity("Group", "staff")};
    const Value attributes =
        make_record(entities.arena(), {{"tenant", make_string(entities.arena(), "north")}});
    EXPECT_TRUE(entities.add(entities.arena().entity("User", "nora"), attributes, parents));
    entities_ = *std::move(entities).build();
  }

  NodeIndex text(std::string_view bytes) { return builder_.constant(make_string(builder_.arena(), bytes)); }
  NodeIndex context(std::string_view name) {
    return builder_.named(Op::kAttribute, builder_.variable(Op::kContext), name);
  }
  NodeIndex set_of(NodeIndex a, NodeIndex b) {
    const std::vector<NodeIndex> elements{a, b};
    return builder_.set(elements);
  }
  ScopeConstraint under(std::string_view type, std::string_view id) {
    const EntityRef group = builder_.arena().entity(type, id);
    return {.rule = Rule::kIn, .uid_count = 1, .uids = builder_.uid_list({&group, 1})};
  }
  void permit(NodeIndex condition, PolicyScope scope = {}) {
    builder_.add_policy({"p" + std::to_string(count_++), {}}, false, scope, condition);
  }
  // What a caller does for each request: context, overlay, decision.
  void decide(const CompiledPolicySet& policies) {
    arena_.reset();
    overlay_.clear();
    const Value purpose = make_string(arena_, "support");
    const Value context =
        make_record(arena_, {{"purpose", purpose},
                             {"address", make_string(arena_, "10.1.2.3")},
                             {"labels", make_set(arena_, {purpose, make_string(arena_, "b")})}});
    const EntityRef invoice = arena_.entity("Invoice", "17");
    ASSERT_TRUE(
        overlay_.add(arena_, invoice, make_record(arena_, {{"tenant", make_string(arena_, "north")}})));
    authorize(policies, {arena_.entity("User", "nora"), arena_.entity("Action", "read"), invoice, context},
              overlay_, evaluation_);
  }

  PlanBuilder builder_;
  int count_ = 0;
  std::shared_ptr<const Entities> entities_ = Entities::empty();
  Arena arena_;
  Overlay overlay_{*Entities::empty()};
  Evaluation evaluation_;
};

TEST_F(WarmDecision, AllocatesNothing) {
  overlay_ = Overlay(*entities_);
  permit(kNoNode, {{under("Group", "staff"), {}, {}}});
  const auto attribute = [&](Op variable) {
    return builder_.named(Op::kAttribute, builder_.variable(variable), "tenant");
  };
  permit(builder_.binary(Op::kEqual, attribute(Op::kPrincipal), attribute(Op::kResource)));
  // Sets and records made anew, an extension value, a pattern, and a failure.
  permit(builder_.binary(Op::kContainsAll, context("labels"), set_of(context("purpose"), text("b"))));
  permit(builder_.binary(Op::kContains, set_of(context("purpose"), context("address")), text("support")));
  const std::vector<NodeIndex> address{context("address")};
  const std::vector<NodeIndex> made{builder_.call(ExtFunction::kIp, address)};
  permit(builder_.call(ExtFunction::kIsIpv4, made));
  permit(builder_.like(context("purpose"), {{"s", "port"}}));
  const std::vector<std::pair<std::string_view, NodeIndex>> fields{{"a", context("purpose")}};
  permit(builder_.binary(Op::kEqual, builder_.record(fields), context("purpose")));
  permit(context("gone"));
  const auto policies = *std::move(builder_).finish();

  decide(*policies);
  ASSERT_TRUE(evaluation_.allowed());
  ASSERT_EQ(evaluation_.reason().size(), 6U);
  ASSERT_EQ(evaluation_.errors().size(), 1U);
  EXPECT_EQ(missing_path(*policies, evaluation_.errors()[0]), "context.gone");
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 100; ++i) decide(*policies);
            }),
            0U);
  EXPECT_TRUE(evaluation_.allowed());
}

TEST_F(WarmDecision, TheCountIsReal) {
  // A new expression could be optimised away, a call cannot.
  EXPECT_EQ(allocations_of([] { ::operator delete(::operator new(1)); }), 1U);
}

TEST_F(WarmDecision, LooksOnlyAtPoliciesThatCanMatch) {
  overlay_ = Overlay(*entities_);
  for (int i = 0; i < 2000; ++i) permit(kNoNode, {{under("Group", "g" + std::to_string(i)), {}, {}}});
  permit(kNoNode, {{under("Group", "staff"), {}, {}}});
  const auto policies = *std::move(builder_).finish();
  decide(*policies);
  EXPECT_TRUE(evaluation_.allowed());
  EXPECT_EQ(evaluation_.policies_considered(), 1U);
  EXPECT_EQ(policies->find("p2000"), evaluation_.reason()[0]);
}

TEST_F(WarmDecision, AForbidDeniesAndAFailingOneIsReported) {
  overlay_ = Overlay(*entities_);
  permit(kNoNode);
  builder_.add_policy({"broken", {{"id", "x"}}}, true, {}, context("gone"));
  const auto open = *std::move(builder_).finish();
  decide(*open);
  EXPECT_TRUE(evaluation_.allowed()) << "Cedar skips it; the rule that it denies lives in decision";
  ASSERT_EQ(evaluation_.errors().size(), 1U);
  EXPECT_TRUE(open->forbids(evaluation_.errors()[0].policy));
  EXPECT_EQ(open->annotation(evaluation_.errors()[0].policy, "id"), "x");

  PlanBuilder closed;
  closed.add_policy({"yes", {}}, false, {}, kNoNode);
  closed.add_policy({"no", {}}, true, {}, kNoNode);
  decide(**std::move(closed).finish());
  EXPECT_FALSE(evaluation_.allowed());
  EXPECT_EQ(evaluation_.reason().size(), 1U);
}

TEST_F(WarmDecision, TwoPoliciesOfOneIdAreRefused) {
  builder_.add_policy({"same", {}}, false, {}, kNoNode);
  builder_.add_policy({"same", {}}, true, {}, kNoNode);
  const auto set = std::move(builder_).finish();
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code, ErrorCode::kConflict);
}

TEST_F(WarmDecision, AnExpressionNestedTooDeeplyIsALimit) {
  const auto nested = [](std::uint32_t depth) {
    PlanBuilder builder;
    NodeIndex node = builder.variable(Op::kContext);
    for (std::uint32_t i = 1; i < depth; ++i) node = builder.unary(Op::kNegate, node);
    builder.add_policy({"deep", {}}, false, {}, node);
    return std::move(builder).finish();
  };
  overlay_ = Overlay(*entities_);
  const auto deepest = nested(PlanBuilder::kMaxDepth);
  ASSERT_TRUE(deepest.has_value());
  decide(**deepest);
  EXPECT_EQ(evaluation_.errors().size(), 1U);
  const auto refused = nested(200'000);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
}

TEST_F(WarmDecision, ConstantsFoldAndFailuresStay) {
  const auto one = [&] { return builder_.constant(Value::integer(1)); };
  const NodeIndex two = builder_.binary(Op::kAdd, one(), one());
  permit(builder_.binary(Op::kEqual, two, builder_.constant(Value::integer(2))));
  permit(builder_.binary(Op::kAdd, one(), text("a")));
  overlay_ = Overlay(*entities_);
  const auto policies = *std::move(builder_).finish();
  EXPECT_EQ(policies->plan().nodes[policies->plan().conditions[0]].op, Op::kConstant);
  decide(*policies);
  EXPECT_TRUE(evaluation_.allowed());
  ASSERT_EQ(evaluation_.errors().size(), 1U);
  EXPECT_EQ(evaluation_.errors()[0].kind(), EvalErrorKind::kType);
}

}  // namespace
}  // namespace writ::cedar::warm_decision_test
