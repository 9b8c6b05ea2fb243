#include "authzen/types.h"

#include <gtest/gtest.h>
#include <set>

#include "cedar/entity_json.h"

namespace writ::authzen::types_test {
namespace {

TEST(ForeignTypes, EachNameThatOthersUseIsATypeOfItsOwn) {
  EXPECT_EQ(foreign_type("service-account"), "AuthZEN::service_2d_account");
  EXPECT_EQ(foreign_type("urn:acme:invoice"), "AuthZEN::urn_3a_acme_3a_invoice");
  EXPECT_EQ(foreign_type("acme.invoice"), "AuthZEN::acme_2e_invoice");
  EXPECT_EQ(foreign_type("größe"), "AuthZEN::gr_c3b6__c39f_e");
  EXPECT_EQ(foreign_type("3d-model"), "AuthZEN::_3d_2d_model");
}

TEST(ForeignTypes, NoTwoNamesShareATypeAndEachIsOneOfCedars) {
  std::set<std::string> types;
  for (const auto* name : {"a-b",      "a_2d_b", "a_b",  "a--b",   "a__b",
                           "a b",      "a.b",    "a:b",  "a::b:",  "a/b",
                           "A-b",      "3-b",    "_3-b", "_33_-b", "https://acme.example/types/invoice",
                           "a-\u00fc", "if-x",   "in",   "true",   "_in",
                           "69_n",     "a\"b"}) {
    const auto type = foreign_type(name);
    EXPECT_TRUE(types.insert(type).second) << name;
    EXPECT_TRUE(cedar::valid_entity_type(type)) << type;
    EXPECT_TRUE(is_foreign(type)) << type;
  }
}

TEST(ForeignTypes, WhatIsCalledLikeThemAloneIsNotOneOfThem) {
  EXPECT_TRUE(is_foreign("AuthZEN"));
  EXPECT_TRUE(is_foreign("AuthZEN::x"));
  EXPECT_FALSE(is_foreign("AuthZENs::x"));
  EXPECT_FALSE(is_foreign("Acme::AuthZEN"));
}

}  // namespace
}  // namespace writ::authzen::types_test
