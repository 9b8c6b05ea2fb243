#include "decision/guards.h"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

#include "base/testing/folders.h"

namespace writ::decision::guards_test {
namespace {

std::size_t count_of(std::string_view part, std::string_view text) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// A name that is not listed does not compile, where it goes by the one way there is.
TEST(Guards, ReadAttributesOfAResourceByTheListedNamesAlone) {
  std::ifstream file(source_path("/src/decision/guards.cc"));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(count_of("resource_attribute(", text), 1u);
  EXPECT_EQ(count_of("resource_text(", text), 1u);
  for (const auto name : kReadByGuards)
    EXPECT_GE(count_of('"' + std::string(name) + '"', text), 1u) << name << " is read by no guard any more";
}

}  // namespace
}  // namespace writ::decision::guards_test
