// What the configuration says in SQL: its parameters are numbered, and nothing else of it is changed.
#include "postgres/select.h"

#include <gmock/gmock.h>

namespace writ::postgres::select_test {
namespace {

using ::testing::HasSubstr;

std::string numbered(std::string_view written) {
  const auto statement = Select::parse(written);
  return statement ? statement->text : statement.error().message;
}

TEST(Select, ParametersAreNumbered) {
  const auto statement = Select::parse("SELECT id FROM orders WHERE id = :id AND tenant = :tenant");
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->text, "SELECT id FROM orders WHERE id = $1 AND tenant = $2");
  EXPECT_TRUE(statement->has_tenant);
  EXPECT_FALSE(Select::parse("select 1 where :id = '' or :id = ''")->has_tenant);
}

TEST(Select, AColonOfTheStatementIsAColon) {
  for (const auto* text :
       {"SELECT ':id', E'\\':id', 'it''s :id', $$:id$$, $a$ $$ :id $a$, \":id\" FROM t WHERE id = ",
        "WITH t AS (SELECT 1) /* :id /* :x */ :y */ SELECT a::text -- :id\n FROM t WHERE id = ",
        "-- of orders\nSELECT a[1:2] FROM t WHERE id::text = "})
    EXPECT_EQ(numbered(std::string(text) + ":id"), std::string(text) + "$1");
}

TEST(Select, OnlyAQuestionIsOne) {
  for (const auto* text : {"DELETE FROM orders WHERE id = :id", "UPDATE t SET a = :id", "", "-- SELECT :id",
                           "COPY t TO PROGRAM 'x'", "SET a = :id", "SELECTED :id"})
    EXPECT_THAT(numbered(text), HasSubstr("does not begin with SELECT or WITH")) << text;
}

TEST(Select, OtherParametersAreRefused) {
  EXPECT_THAT(numbered("SELECT id FROM orders"), HasSubstr("does not have the parameter `:id`"));
  EXPECT_THAT(numbered("SELECT ':id'"), HasSubstr("does not have the parameter `:id`"));
  EXPECT_THAT(numbered("SELECT :id, :user"), HasSubstr("not `:user`"));
  EXPECT_THAT(numbered("SELECT :id, $1"), HasSubstr("not `$1`"));
}

TEST(Select, WhatDoesNotEndIsLeftToTheServer) {
  for (const auto* text :
       {"SELECT :id, 'a", "SELECT :id, $a$ :x", "SELECT :id /* ", "SELECT :id, E'\\", "SELECT :id $"})
    EXPECT_THAT(numbered(text), HasSubstr("SELECT $1")) << text;
}

}  // namespace
}  // namespace writ::postgres::select_test
