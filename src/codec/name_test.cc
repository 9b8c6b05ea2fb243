#include "codec/name.h"

#include <gtest/gtest.h>
#include <string>

namespace writ::codec::name_test {
namespace {

TEST(Name, IsWhatPeopleAndDirectoriesCallSomebody) {
  for (const char* name : {"nora", "CN=Nora Smith,OU=Users", "ACME\\nora", "o'brien", "j\u00f6rg", "a/b?c#d",
                           "\"quoted\"", "\u00a0", "\u540d\u524d", "users"})
    EXPECT_EQ(name_problem(name), std::nullopt) << name;
  EXPECT_EQ(name_problem(std::string(kMaxNameBytes, 'n')), std::nullopt);
}

TEST(Name, IsNotWhatNobodyCanWriteDown) {
  EXPECT_EQ(name_problem(""), "is empty");
  EXPECT_EQ(name_problem(std::string(kMaxNameBytes + 1, 'n')), "is longer than 512 bytes");
  EXPECT_EQ(name_problem("n\xff"), "is not UTF-8");
  EXPECT_EQ(name_problem("n\xc2"), "is not UTF-8");
  for (const std::string& name : {std::string("a\0b", 3), std::string("a\n"), std::string("\x7f"),
                                  std::string("\u0080"), std::string("\u009f")})
    EXPECT_EQ(name_problem(name), "holds a control character");
}

}  // namespace
}  // namespace writ::codec::name_test
