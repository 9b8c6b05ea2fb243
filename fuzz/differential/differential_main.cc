// cedar-differential: the same random cases to Writ's Cedar and to the reference crate, and whether they
// agree.
//
// Prints each difference, made small, and saves it; ends with an account and `N cases, M differences`. Exit
// status 0 when there was none, 1 when there was one, 2 when it could not run, 77 when the reference is not
// built.
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "case_maker.h"
#include "crash.h"
#include "session.h"

namespace {

using namespace writ;
using namespace writ::differential;

constexpr int kFailed = 2;
constexpr int kNotBuilt = 77;
constexpr std::string_view kUsage =
    "usage: cedar-differential [--seconds N] [--cases N] [--seed N] [--reference PATH] [--corpus FOLDER]...\n"
    "                          [--out FOLDER] [--replay FILE]\n"
    "\n"
    "  --seconds N       end after so long (default: 60, unless --cases is given)\n"
    "  --cases N         end after so many requests that were decided\n"
    "  --seed N          where the random numbers begin (default: the time)\n"
    "  --reference PATH  the worker around the reference crate\n"
    "  --corpus FOLDER   policies, schemas and entities to begin with\n"
    "  --out FOLDER      where differences are saved (default: build/fuzz/differential)\n"
    "  --replay FILE     only the case that was saved in this file\n";

struct Options {
  std::optional<std::uint64_t> seconds;
  std::optional<std::uint64_t> cases;
  std::uint64_t seed = static_cast<std::uint64_t>(std::time(nullptr));
  std::string reference = "build/cedar-reference/release/cedar-reference";
  std::vector<std::string> corpus;
  std::string out = "build/fuzz/differential";
  std::string replay;
};

Result<std::uint64_t> number(std::string_view name, std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error == std::errc() && end == text.end()) return value;
  return failure(ErrorCode::kInvalid, fmt::format("`{}` needs a number, got `{}`", name, text));
}

Result<Options> options_from(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc)
      return failure(ErrorCode::kInvalid, fmt::format("`{}` is unknown or lacks its value", name));
    const std::string value = argv[i + 1];
    if (name == "--seconds") {
      options.seconds = TRY(number(name, value));
    } else if (name == "--cases") {
      options.cases = TRY(number(name, value));
    } else if (name == "--seed") {
      options.seed = TRY(number(name, value));
    } else if (name == "--reference") {
      options.reference = value;
    } else if (name == "--corpus") {
      options.corpus.push_back(value);
    } else if (name == "--out") {
      options.out = value;
    } else if (name == "--replay") {
      options.replay = value;
    } else {
      return failure(ErrorCode::kInvalid, fmt::format("the option `{}` is unknown", name));
    }
  }
  if (!options.seconds && !options.cases) options.seconds = 60;
  return options;
}

Result<void> replay_file(const Options& options) {
  std::ifstream in(options.replay, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto json = TRY(codec::parse_json(text, {.max_bytes = std::size_t{64} << 20, .max_depth = 16}));
  const Case asked = TRY(case_from_json(json));
  const std::string shown = TRY(replay(options.reference, asked));
  fmt::print("{}", shown);
  return {};
}

void print_account(const Account& account, const Options& options, double seconds) {
  fmt::print("seed {}, {:.0f} seconds, {} policy sets\n", options.seed, seconds, account.sets);
  for (const auto& [outcome, count] : account.outcomes) fmt::print("  {:<32} {}\n", outcome, count);
  for (const auto& [name, count] : account.deviations) fmt::print("  documented: {:<20} {}\n", name, count);
  if (account.reference_failures > 0)
    fmt::print("  the reference failed             {}\n", account.reference_failures);
  fmt::print("{} cases, {} differences\n", account.cases, account.differences);
}

Result<bool> run(const Options& options) {
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  Corpus corpus;
  for (const std::string& folder : options.corpus) corpus.add(folder);
  const CaseMaker maker(options.seed, corpus);
  const auto session = TRY(Session::start(options.reference, options.out));
  fmt::print("seed {}\n", options.seed);
  std::fflush(stdout);
  for (std::uint64_t number = 0;; ++number) {
    if (options.seconds && seconds() >= static_cast<double>(*options.seconds)) break;
    if (options.cases && session->account().cases >= *options.cases) break;
    TRY(session->put(maker.make(number)));
  }
  TRY(session->finish());
  print_account(session->account(), options, seconds());
  return session->account().differences == 0 && session->account().cases > 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = options_from(argc, argv);
  if (!options) {
    fmt::print(stderr, "cedar-differential: {}\n\n{}", options.error().message, kUsage);
    return kFailed;
  }
  if (!std::ifstream(options->reference)) {
    fmt::print(stderr, "cedar-differential: skipped, `{}` is not built; `./x fuzz cedar` builds it\n",
               options->reference);
    return kNotBuilt;
  }
  save_crashes_to(options->out + "/crash.json");
  if (!options->replay.empty()) {
    const auto done = replay_file(*options);
    if (!done) fmt::print(stderr, "cedar-differential: {}\n", done.error().message);
    return done ? 0 : kFailed;
  }
  const auto agreed = run(*options);
  if (!agreed) {
    fmt::print(stderr, "cedar-differential: {}\n", agreed.error().message);
    return kFailed;
  }
  return *agreed ? 0 : 1;
}
