// A warm in-process decision: Acme's world and policies, from a verified token to the answer. Nanoseconds by
// Google Benchmark, allocations counted.
#include <benchmark/benchmark.h>

#include "base/testing/allocations.h"
#include "base/testing/folders.h"
#include "decision/testing/world.h"

namespace writ::decision {
namespace {

using codec::Json;

struct Case {
  const char* name;
  const char* token;
};

constexpr Case kCases[] = {
    {"user and application", R"({"sub":"nora","client_id":"support-portal","purpose":"support"})"},
    {"user, application and agent in a task",
     R"({"sub":"nora","client_id":"support-agent","purpose":"support","task":"t-live",
         "act":["support-agent","support-portal"]})"},
    {"refused: the wrong application", R"({"sub":"nora","client_id":"marketing-app","purpose":"marketing"})"},
};

void decide_warm(benchmark::State& state, const Case& one) {
  const std::string root = writ::source_path();
  const Json file = testing::read_json(root + "/tests/cases/decision/acme.json");
  const testing::World world(*file.find("world"), root);
  Json json = *file.find("defaults");
  json.set("token", codec::parse_json(one.token).value());
  const testing::Question question(json, world.now);
  const auto token = token::testing::verified(question.claims, world.now);
  testing::Asker asker(world);
  asker.ask(token, question);
  for (auto _ : state) benchmark::DoNotOptimize(asker.ask(token, question).permitted());
  state.counters["allocations"] = static_cast<double>(
      writ::testing::allocations_of([&] { benchmark::DoNotOptimize(asker.ask(token, question)); }));
}

}  // namespace
}  // namespace writ::decision

int main(int argc, char** argv) {
  for (const auto& one : writ::decision::kCases) {
    benchmark::RegisterBenchmark(one.name,
                                 [&one](benchmark::State& state) { writ::decision::decide_warm(state, one); })
        ->Repetitions(5)
        ->ReportAggregatesOnly(true);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
