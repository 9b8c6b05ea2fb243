// Strikes Writ's durable state with so many faults, in random worlds, and says how many of which kind; ends
// with 1 at the first difference, with the seed that makes the same world again.
//
//   crash-worlds [--faults N] [--seed S]     worlds S, S + 1, ... until there were N faults
//   crash-worlds --world S                   world S only
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <string>
#include <unistd.h>

#include "world.h"

namespace {

using namespace writ::crash;
namespace fs = std::filesystem;

constexpr int kLives = 24;  // of one world

void print_table(const char* title, const std::map<std::string, Counts::ByFault>& rows) {
  fmt::print("\n{:42}", title);
  for (std::size_t i = 0; i < kFaults; ++i) fmt::print("{:>14}", fault_name(static_cast<Fault>(i)));
  fmt::print("{:>9}\n", "all");
  Counts::ByFault sums{};
  std::uint64_t all = 0;
  for (const auto& [name, counts] : rows) {
    fmt::print("{:42}", name);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kFaults; ++i) {
      fmt::print("{:>14}", counts[i]);
      sum += counts[i];
      sums[i] += counts[i];
    }
    fmt::print("{:>9}\n", sum);
    all += sum;
  }
  fmt::print("{:42}", "all");
  for (const auto sum : sums) fmt::print("{:>14}", sum);
  fmt::print("{:>9}\n", all);
}

void print(const Counts& counts, double seconds) {
  print_table("struck at a change by", counts.by_write);
  print_table("file and call", counts.by_call);
  fmt::print(
      "\n{} faults in {} lives of {} worlds, {:.0f} s; {} writes were acknowledged, {} were in doubt; {} "
      "stops on a "
      "full disk were done\n",
      counts.faults, counts.lives, counts.worlds, seconds, counts.acknowledged, counts.in_doubt,
      counts.stops_on_full_disk);
}

// Where nothing waits for a real disk: what that would lose is in the Disk.
fs::path make_folder() {
  const auto memory = fs::path("/dev/shm");
  auto pattern =
      (fs::canonical(fs::is_directory(memory) ? memory : fs::temp_directory_path()) / "writ-crash-XXXXXX")
          .string();
  return ::mkdtemp(pattern.data());
}

// False at a difference; the folder stays then.
bool run_world(std::uint64_t seed, std::uint64_t faults, Counts& counts) {
  const auto folder = make_folder();
  {
    World world(seed, folder, counts);
    for (int life = 1; life <= kLives && counts.faults < faults; ++life) {
      const auto wrong = world.live();
      if (wrong.empty()) continue;
      fmt::print("\nworld {}, life {}: {}\n  again: crash-worlds --world {}; what is left lies in {}\n", seed,
                 life, wrong, seed, folder.string());
      return false;
    }
  }
  fs::remove_all(folder);
  return true;
}

std::uint64_t number(const char* text) {
  std::uint64_t value = 0;
  const auto* end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, value);
  if (read.ec == std::errc() && read.ptr == end && end != text) return value;
  fmt::print(stderr, "crash-worlds: `{}` is not a number\n", text);
  std::exit(2);
}

}  // namespace

int main(int count, char** arguments) {
  std::uint64_t faults = 1000, seed = 1;
  bool one = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (i + 1 < count && name == "--faults") {
      faults = number(arguments[++i]);
    } else if (i + 1 < count && (name == "--seed" || name == "--world")) {
      seed = number(arguments[++i]);
      one = name == "--world";
    } else {
      fmt::print(stderr, "crash-worlds: unknown argument `{}`, expected --faults N, --seed S or --world S\n",
                 name);
      return 2;
    }
  }
  Counts counts;
  const auto began = std::chrono::steady_clock::now();
  bool good = true;
  if (one) faults = UINT64_MAX;
  for (auto at = seed; good && counts.faults < faults; ++at) {
    good = run_world(at, faults, counts);
    if (one) break;
  }
  print(counts, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  if (good)
    fmt::print("nothing that was acknowledged was lost, and nothing was there that was not asked for\n");
  return good ? 0 : 1;
}
