#include "config/exceptions.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace writ::config::exceptions_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<Exception> read(std::string_view list, std::string& problems) {
  files::Issues issues;
  const auto tree = files::parse_yaml(fmt::format("exceptions:\n{}", list), "x.yaml", issues);
  files::Source source{"x.yaml", {}, issues};
  const files::Fields fields(tree ? &*tree : nullptr, source, "posture", {"exceptions"});
  auto exceptions = read_exceptions(fields);
  for (const auto& issue : issues.all()) problems += render(issue) + "\n";
  return exceptions;
}

std::string problems_of(std::string_view list) {
  std::string problems;
  read(list, problems);
  return problems;
}

TEST(PostureExceptionsOfTheConfiguration, AFindingIsNamedByItsIdOrByCheckAndSubject) {
  std::string problems;
  const auto read_ones = read(
      "  - {finding: \"bearer-secret:export\", owner: olga, reason: r, until: 2027-03-31}\n"
      "  - {finding: secret-file, subject: keys/old.pem, owner: olga, reason: r, until: 2027-03-31}\n",
      problems);
  EXPECT_EQ("", problems);
  ASSERT_EQ(2U, read_ones.size());
  EXPECT_EQ("bearer-secret:export", read_ones[0].finding);
  EXPECT_EQ("secret-file:keys/old.pem", read_ones[1].finding);
  EXPECT_EQ(3, read_ones[1].place.line);
}

TEST(PostureExceptionsOfTheConfiguration, EveryMistakeIsToldInOneRunWithWhatWasMeant) {
  EXPECT_THAT(problems_of("  - {finding: \"baerer-secret:a\", owner: o, reason: r, until: 2027-03-31}\n"
                          "  - {finding: bearer-secret, owner: o, reason: r, until: 2027-03-31}\n"
                          "  - {finding: \"no-owner:b\", subject: b, owner: o, reason: r, until: soon}\n"
                          "  - {finding: \"no-owner:\", ownr: o, until: 2027-03-31}\n"),
              AllOf(HasSubstr("x.yaml:2:15: error: there is no check `baerer-secret`"),
                    HasSubstr("did you mean `bearer-secret`?"),
                    HasSubstr("x.yaml:3:15: error: `bearer-secret` is a check and not the id of a finding"),
                    HasSubstr("x.yaml:4:38: error: `no-owner:b` names its subject already"),
                    HasSubstr("`soon` is not a date"), HasSubstr("`no-owner:` is not the id of a finding"),
                    HasSubstr("unknown key `ownr`"), HasSubstr("`reason`")));
}

TEST(PostureExceptionsOfTheConfiguration, OneFindingIsExceptedOnceHoweverItIsWritten) {
  EXPECT_THAT(problems_of("  - {finding: \"no-owner:b\", owner: o, reason: r, until: 2027-03-31}\n"
                          "  - {finding: no-owner, subject: b, owner: o, reason: r, until: 2027-04-30}\n"),
              HasSubstr("x.yaml:3:5: error: `no-owner:b` is excepted twice, first in line 2"));
}

TEST(PostureExceptionsOfTheConfiguration, MoreThanTheLimitAreRefused) {
  std::string list;
  for (std::size_t i = 0; i <= kMaxExceptions; ++i)
    list += fmt::format("  - {{finding: \"no-owner:i{}\", owner: o, reason: r, until: 2027-03-31}}\n", i);
  EXPECT_THAT(problems_of(list), HasSubstr("at most 10000 are read"));
}

}  // namespace
}  // namespace writ::config::exceptions_test
