#include "cli/parse.h"

#include <gmock/gmock.h>

#include "cli/commands.h"
#include "cli/unknown.h"

namespace writ::cli::parse_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// All of Writ's commands; none of them is run.
Parsed parsed(const std::vector<std::string>& words) {
  Command program("writ", "Writ");
  add_all(program);
  auto result = parse(program, "writ 0.0.0", words);
  result.command = nullptr;  // it ends here
  return result;
}

std::string error_of(const std::vector<std::string>& words) {
  const auto result = parsed(words);
  EXPECT_EQ(result.status, kBroken);
  EXPECT_EQ(result.out, "");
  return result.error;
}

TEST(Parse, AnUnknownCommandIsNamedWithTheNearestOne) {
  EXPECT_THAT(error_of({"chekc"}), StartsWith("writ: unknown command `chekc`: did you mean `check`?\n"));
  EXPECT_THAT(error_of({"tokens", "get"}),
              StartsWith("writ: unknown command `tokens`: did you mean `token`?\n"));
  EXPECT_THAT(error_of({"serv", "--config", "x"}), HasSubstr("did you mean `serve`?"));
}

TEST(Parse, AnUnknownCommandBelowOneIsNamedWithIt) {
  EXPECT_THAT(error_of({"token", "exchagne"}),
              HasSubstr("unknown command `token exchagne`: did you mean `exchange`?"));
  EXPECT_THAT(error_of({"keys", "hsah", "--new"}),
              HasSubstr("unknown command `keys hsah`: did you mean `hash`?"));
}

TEST(Parse, WhereNoCommandIsNearAllAreListed) {
  const auto error = error_of({"frobnicate"});
  EXPECT_THAT(error,
              HasSubstr("unknown command `frobnicate`; the commands of `writ` are init, serve, dev, "));
  EXPECT_THAT(error_of({"audit", "frobnicate"}),
              HasSubstr("the commands of `writ audit` are verify, show, "));
}

TEST(Parse, AMissingCommandIsAskedForWithTheListOfThem) {
  EXPECT_THAT(error_of({}), HasSubstr("a command is missing; the commands of `writ` are init, serve, "));
  EXPECT_THAT(error_of({"token"}), HasSubstr("a command is missing; the commands of `writ token` are get, "));
}

TEST(Parse, AnUnknownCommandIsNotAnsweredWithHelp) {
  EXPECT_THAT(error_of({"chekc", "--help"}), HasSubstr("did you mean `check`?"));
  EXPECT_THAT(error_of({"token", "gte", "--help"}), HasSubstr("did you mean `get`?"));
}

TEST(Parse, AnUnknownOptionIsNamedWithTheNearestOne) {
  EXPECT_THAT(error_of({"check", "--confg", "writ.yaml"}),
              HasSubstr("unknown option `--confg` of `writ check`: did you mean `--config`?"));
  EXPECT_THAT(error_of({"check", "--confg=writ.yaml"}), HasSubstr("did you mean `--config`?"));
  EXPECT_THAT(error_of({"test", "--abnromal"}), HasSubstr("did you mean `--abnormal`?"));
  EXPECT_THAT(error_of({"check", "--frobnicate"}),
              HasSubstr("unknown option `--frobnicate` of `writ check`\n"));
}

TEST(Parse, TheValueOfAnOptionIsNotTakenForAnOption) {
  EXPECT_THAT(error_of({"token", "sign", "--key-file", "--odd", "--clam", "a=b"}),
              HasSubstr("unknown option `--clam` of `writ token sign`: did you mean `--claim`?"));
}

TEST(Parse, AnOptionBeforeItsCommandIsToldWhereItBelongs) {
  EXPECT_THAT(error_of({"--config", "writ.yaml", "check"}),
              HasSubstr("unknown option `--config` of `writ`; the options of a command stand behind it"));
}

TEST(Parse, AWordTooManyIsAnError) {
  EXPECT_THAT(error_of({"check", "writ.yaml"}), HasSubstr("writ.yaml"));
}

TEST(Parse, HelpAndVersionAreAnswers) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--help"},
                                                {"token", "--help"},
                                                {"token", "get", "--help"},
                                                {"check", "-h"}}) {
    const auto result = parsed(words);
    EXPECT_EQ(result.status, kYes);
    EXPECT_EQ(result.error, "");
    EXPECT_THAT(result.out, HasSubstr("--help"));
  }
  EXPECT_EQ(parsed({"--version"}).out, "writ 0.0.0\n");
}

TEST(Parse, EveryCommandHasHelpAndEitherRunsOrHasCommandsBelowIt) {
  Command program("writ", "Writ");
  add_all(program);
  const auto check = [](const auto& self, const Command& command) -> void {
    EXPECT_FALSE(command.help().empty()) << command.name();
    EXPECT_TRUE(command.commands().empty() || command.options().empty()) << command.name();
    for (const Command& below : command.commands()) self(self, below);
  };
  check(check, program);
}

// A command of its own, and what came of it.
struct Small {
  bool fast = false;
  std::string name = "nobody";
  std::vector<std::string> others;
  std::optional<std::int64_t> count;
  std::uint64_t size = 3;
  std::string text, colour;
  bool named = false;
};

std::string digits_problem(const std::string& text) {
  return text.find_first_not_of("0123456789") == text.npos ? "" : "`" + text + "` has more than digits";
}

int run_small(Small& small, const std::vector<std::string>& words, std::string* error = nullptr) {
  Command program("small", "a small program");
  auto& command = program.add("go", "goes");
  command.flag("-f,--fast", small.fast, "at once");
  command.option("--name", small.name, "whose").shows_default().tells(small.named);
  command.option("--other", small.others, "and whose").excludes("--fast");
  command.option("--count", small.count, "how many").needs("--name");
  command.option("--size", small.size, "how large").between(2, 9);
  command
      .option(
          "--text", [&small](const std::string& text) { small.text = "<" + text + ">"; }, "a text")
      .checked(digits_problem, "DIGITS");
  command.option("--colour", small.colour, "which").one_of({"red", "blue"});
  command.runs([] { return kNo; });
  auto& sit = program.add("sit", "sits");
  sit.option("where", small.name, "on what").required();
  sit.runs([] { return kNo; });
  const auto result = parse(program, "small 1", words);
  if (error != nullptr) *error = result.error;
  return result.command != nullptr ? result.command->run() : result.status;
}

TEST(Command, ItsOptionsAreWrittenIntoTheirVariables) {
  Small small;
  EXPECT_EQ(run_small(small, {"go", "-f", "--name", "nora", "--count=7", "--size", "9", "--text", "12"}),
            kNo);
  EXPECT_TRUE(small.fast);
  EXPECT_TRUE(small.named);
  EXPECT_EQ(small.name, "nora");
  EXPECT_EQ(small.count, 7);
  EXPECT_EQ(small.size, 9u);
  EXPECT_EQ(small.text, "<12>");
}

TEST(Command, WhatIsNotGivenStaysAsItWas) {
  Small small;
  EXPECT_EQ(run_small(small, {"go"}), kNo);
  EXPECT_FALSE(small.named);
  EXPECT_EQ(small.name, "nobody");
  EXPECT_FALSE(small.count);
}

TEST(Command, WhatItDoesNotTakeIsRefused) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"go", "--size", "1"}, "`--size`: must be between 2 and 9, found 1"},
      {{"go", "--text", "x"}, "`--text`: `x` has more than digits"},
      {{"go", "--count", "1"}, "`--count` needs `--name`"},
      {{"go", "--fast", "--other", "x"}, "`--fast` and `--other` do not go together"},
      {{"go", "--count", "many", "--name", "x"}, "`--count`: must be a whole number, found `many`"},
      {{"go", "--count", "010", "--name", "x"}, "`--count`: must be a whole number, found `010`"},
      {{"go", "--size", "-5"}, "`--size`: must be a whole number from 0 on, found `-5`"},
      {{"go", "--size", "99999999999999999999"}, "`--size`: must be a whole number"},
      {{"go", "--colour", "blu"}, "`--colour`: must be one of red, blue; found `blu`: did you mean `blue`?"},
      {{"go", "--name"}, "`--name` needs a value"},
      {{"go", "--name", "x", "--name", "y"}, "`--name` is given more than once"},
      {{"go", "x", "y"}, "`small go` does not take `x y`"},
      {{"sit"}, "`where` is missing; `small sit --help` says what it is"},
      {{"sit", "-leading"}, "put `--` before a name that begins with `-`"},
  };
  for (const auto& [words, told] : cases) {
    Small small;
    std::string error;
    EXPECT_EQ(run_small(small, words, &error), kBroken);
    EXPECT_THAT(error, HasSubstr(told));
  }
}

TEST(Nearest, AThirdOfTheLettersMayBeWrong) {
  const std::vector<std::string> names{"check", "schema", "serve"};
  EXPECT_EQ(nearest("chekc", names), "check");
  EXPECT_EQ(nearest("chck", names), "check");
  EXPECT_EQ(nearest("schemas", names), "schema");
  EXPECT_EQ(nearest("sevre", names), "serve");
  EXPECT_EQ(nearest("x", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), names), "");
}

}  // namespace
}  // namespace writ::cli::parse_test
