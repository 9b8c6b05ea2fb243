#include "cedar/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace writ::cedar::value_test {
namespace {

class Values : public ::testing::Test {
 protected:
  Value text(std::string_view bytes) { return make_string(arena_, bytes); }
  Arena arena_;
  Arena other_;
};

TEST_F(Values, OfDifferentKindsAreNeverEqual) {
  const std::vector<Value> values{Value::boolean(true),
                                  Value::integer(1),
                                  text("1"),
                                  make_entity(arena_, "T", "1"),
                                  make_set(arena_, {Value::integer(1)}),
                                  make_record(arena_, {{"1", Value::integer(1)}}),
                                  make_ip(arena_, Ip::v4(1)),
                                  Value::decimal({1}),
                                  Value::datetime({1}),
                                  Value::duration({1})};
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < values.size(); ++j)
      EXPECT_EQ(values[i] == values[j], i == j) << i << " " << j;
  }
}

TEST_F(Values, OfDifferentArenasCompareByContent) {
  EXPECT_EQ(make_string(arena_, "support"), make_string(other_, "support"));
  EXPECT_EQ(make_entity(arena_, "A::B", "x"), make_entity(other_, "A::B", "x"));
  EXPECT_NE(make_entity(arena_, "A::B", "x"), make_entity(other_, "A::C", "x"));
  EXPECT_EQ(make_ip(arena_, *Ip::parse("::1")), make_ip(other_, *Ip::parse("0::1/128")));
  EXPECT_EQ(make_record(arena_, {{"a", text("1")}, {"b", Value::integer(2)}}),
            make_record(other_, {{"b", Value::integer(2)}, {"a", make_string(other_, "1")}}));
}

TEST_F(Values, SetsIgnoreOrderAndRepetition) {
  const Value a = make_set(arena_, {text("x"), Value::integer(3), text("y"), text("x")});
  const Value b = make_set(other_, {Value::integer(3), make_string(other_, "y"), make_string(other_, "x")});
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.as_set().size, 3U);
  EXPECT_EQ(make_set(arena_, {a, b}).as_set().size, 1U);
}

TEST_F(Values, AddressesWithTheirPrefixAreValues) {
  EXPECT_NE(make_ip(arena_, *Ip::parse("10.0.0.0/8")), make_ip(arena_, *Ip::parse("10.0.0.0/9")));
  EXPECT_NE(make_ip(arena_, *Ip::parse("0.0.0.1")), make_ip(arena_, *Ip::parse("::1")));
}

TEST_F(Values, LargeSetsFindEveryElementAndNoOther) {
  std::vector<Value> elements;
  for (int i = 0; i < 500; ++i) elements.push_back(i % 2 == 0 ? Value::integer(i) : text(std::to_string(i)));
  const Value set = make_set(arena_, elements);
  for (const Value element : elements) EXPECT_TRUE(set.as_set().contains(element));
  EXPECT_FALSE(set.as_set().contains(Value::integer(1)));
  EXPECT_FALSE(set.as_set().contains(text("0")));
  EXPECT_TRUE(set.as_set().contains_all(make_set(arena_, {Value::integer(498), text("499")}).as_set()));
  EXPECT_FALSE(set.as_set().contains_all(make_set(arena_, {Value::integer(498), text("500")}).as_set()));
  EXPECT_TRUE(set.as_set().contains_any(make_set(arena_, {text("nothing"), text("499")}).as_set()));
  EXPECT_FALSE(set.as_set().contains_any(make_set(arena_, {text("nothing")}).as_set()));
}

TEST_F(Values, TheEmptySetContainsItselfAndNothing) {
  const Value empty = make_set(arena_, std::span<const Value>());
  EXPECT_TRUE(empty.as_set().contains_all(empty.as_set()));
  EXPECT_FALSE(empty.as_set().contains_any(empty.as_set()));
}

TEST_F(Values, LargeRecordsFindEveryField) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("name" + std::to_string(i));
  std::vector<Field> fields;
  for (std::size_t i = 0; i < names.size(); ++i)
    fields.push_back({names[i], Value::integer(static_cast<int>(i))});
  const Value record = make_record(arena_, fields);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Value* found = record.as_record().find(other_.text(names[i]));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(*found, Value::integer(static_cast<int>(i)));
  }
  EXPECT_EQ(record.as_record().find(other_.text("name100")), nullptr);
}

TEST_F(Values, TextMayHoldAnyBytes) {
  const std::string_view bytes("a\0b\"\\\n\x7f", 7);
  EXPECT_EQ(text(bytes).as_string(), bytes);
  EXPECT_EQ(text(bytes).to_string(), R"("a\0b\"\\\n\u{7f}")");
  EXPECT_NE(text(bytes), text("a"));
}

TEST_F(Values, PrintInAStableOrder) {
  const Value value = make_record(
      arena_, {{"z", make_set(arena_, {text("b"), text("a")})}, {"a", make_entity(arena_, "N::T", "i\"d")}});
  EXPECT_EQ(value.to_string(), R"({"a": N::T::"i\"d", "z": ["a", "b"]})");
}

TEST_F(Values, ACopyOutlivesItsOrigin) {
  auto origin = std::make_unique<Arena>();
  const Value value =
      make_record(*origin, {{"set", make_set(*origin, {make_string(*origin, "x"), Value::integer(1)})},
                            {"ip", make_ip(*origin, *Ip::parse("::1"))},
                            {"who", make_entity(*origin, "User", "nora")}});
  const std::string shown = value.to_string();
  const Value copy = copy_value(arena_, value);
  origin.reset();
  EXPECT_EQ(copy.to_string(), shown);
}

TEST_F(Values, ARecordWithAnotherValueIsAsIfItWereMadeSo) {
  for (const int size : {1, 5, 40}) {
    std::vector<std::string> names;
    for (int i = 0; i < size; ++i) names.push_back("field" + std::to_string(i));
    std::vector<Field> fields;
    for (int i = 0; i < size; ++i) fields.emplace_back(names[i], Value::integer(i));
    const Value before = make_record(arena_, fields);
    fields[size / 2].second = text("changed");
    const Value made = make_record(other_, fields);
    const Value changed =
        with_value(arena_, before.as_record(), other_.text(names[size / 2]), text("changed"));
    EXPECT_EQ(changed, made);
    EXPECT_EQ(changed.hash(), made.hash());
    EXPECT_NE(changed, before);
    for (const auto& [name, value] : fields) EXPECT_EQ(*changed.as_record().find(name), value);
  }
}

TEST_F(Values, AnotherValueForAFieldThatIsNotThereIsADefect) {
  const Value record = make_record(arena_, {{"a", Value::integer(1)}});
  EXPECT_DEATH(static_cast<void>(with_value(arena_, record.as_record(), arena_.text("b"), text("x"))), "");
}

TEST_F(Values, ARepeatedFieldIsADefect) {
  EXPECT_DEATH(make_record(arena_, {{"a", Value::integer(1)}, {"a", Value::integer(2)}}), "");
}

TEST_F(Values, AskingForAnotherKindIsADefect) {
  EXPECT_DEATH((void)Value::integer(1).as_bool(), "");
}

TEST(ArenaMemory, IsUsedAgainAfterAReset) {
  Arena arena;
  const auto fill = [&] {
    for (int i = 0; i < 1000; ++i) arena.text("some text that takes a little room " + std::to_string(i));
  };
  fill();
  const std::size_t reserved = arena.bytes_reserved();
  for (int i = 0; i < 10; ++i) {
    arena.reset();
    fill();
  }
  EXPECT_EQ(arena.bytes_reserved(), reserved);
}

TEST(ArenaMemory, UniqueSymbolsAreStoredOnce) {
  Arena arena(Arena::Symbols::kUnique);
  const Text* first = arena.text("name");
  for (int i = 0; i < 1000; ++i) arena.text(std::to_string(i));
  EXPECT_EQ(arena.text("name"), first);
  EXPECT_EQ(arena.entity("A", "b").raw(), arena.entity("A", "b").raw());
  EXPECT_NE(arena.entity("A", "b").raw(), arena.entity("A", "c").raw());
}

TEST(ArenaMemory, TakesPiecesLargerThanABlock) {
  Arena arena;
  const std::string large(5 << 20, 'x');
  EXPECT_EQ(arena.text(large)->view(), large);
  arena.reset();
  EXPECT_EQ(arena.text("small")->view(), "small");
}

}  // namespace
}  // namespace writ::cedar::value_test
