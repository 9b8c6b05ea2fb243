#include "cedar/plan/expression.h"

#include <gtest/gtest.h>

#include "cedar/print.h"

namespace writ::cedar::expression_test {
namespace {

// Sets are kept by a hash with a seed of the process's own, and names of members by when they were met.
TEST(ValueExpression, ShowsSetsAndRecordsInAnOrderThatEveryProcessFinds) {
  Arena arena;
  std::vector<Value> members;
  for (const auto* id : {"fig", "apple", "elder", "date", "cherry", "banana"})
    members.push_back(make_entity(arena, "Fruit", id));
  EXPECT_EQ(print_expression(value_expression(make_set(arena, members))),
            "[Fruit::\"apple\", Fruit::\"banana\", Fruit::\"cherry\", Fruit::\"date\", Fruit::\"elder\", "
            "Fruit::\"fig\"]");
}

}  // namespace
}  // namespace writ::cedar::expression_test
