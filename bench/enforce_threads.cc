// Warm permits on one thread and on two: from the Authorization header to the outcome, with the audit record
// written to memory. Two threads should give nearly twice as many: nothing that the whole process shares may
// be in the way. The processor's time for one permit is printed too, which tells whether it was another
// program that was in the way. Allocations of one permit are counted.
//
// usage: enforce_threads [SECONDS_PER_TURN]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <string>
#include <thread>
#include <vector>

#include "base/blocking.h"
#include "base/testing/allocations.h"
#include "enforce/testing/world.h"

namespace writ::enforce {
namespace {

constexpr std::size_t kTurns = 5;
constexpr std::size_t kBatch = 256;  // permits between two looks at the time
constexpr std::size_t kMemoryBytes = 1 << 20;

// A world whose audit is a text in memory for each thread.
struct World : testing::World {
  World() {
    record = [](audit::Record line, audit::Log::Done done) {
      thread_local std::string lines;
      if (lines.size() > kMemoryBytes) lines.clear();
      lines += line.members;
      done({});
    };
  }

  http::Headers headers() const { return {{"Host", "a"}, {"Authorization", "Bearer " + token()}}; }

  bool permits(const http::Headers& headers) {
    const Question question{
        .point = "gateway",
        .sent = {"GET", "/invoices/inv-1", "/invoices/inv-1", "", "192.0.2.7"},
        .credentials = token::Presented::from_headers(headers),
        .api = "invoices",
        .action = {"Billing::Action", "read"},
        .resource = {"Billing::Invoice", "inv-1"},
    };
    bool permitted = false;
    enforcer.enforce(question, [&](const Outcome& outcome) { permitted = outcome.has_value(); });
    return permitted;
  }
};

struct Figures {
  std::vector<double> per_second, processor_micros;  // of each turn
};

double processor_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// Permits by one thread for each of `callers`.
void turn(World& world, const std::vector<http::Headers>& callers, double seconds, Figures& figures) {
  std::atomic<bool> over = false;
  std::atomic<std::uint64_t> permits = 0;
  std::atomic<double> processor = 0;
  const auto began = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (const auto& headers : callers) {
      threads.emplace_back([&] {
        const ThreadNeverBlocks as_a_loop;
        const double began_at = processor_seconds();
        std::uint64_t count = 0;
        for (; !over.load(std::memory_order_relaxed); count += kBatch) {
          for (std::size_t i = 0; i < kBatch; ++i) WRIT_CHECK(world.permits(headers));
        }
        permits += count;
        processor += processor_seconds() - began_at;
      });
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    over = true;
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  figures.per_second.push_back(static_cast<double>(permits) / elapsed.count());
  figures.processor_micros.push_back(1e6 * processor / static_cast<double>(permits));
}

double median(std::vector<double> figures) {
  std::ranges::sort(figures);
  return figures[figures.size() / 2];
}

void run(double seconds) {
  World world;
  const auto one = world.headers(), other = world.headers();
  WRIT_CHECK(world.permits(one) && world.permits(one));
  const auto allocations = writ::testing::allocations_of([&] { WRIT_CHECK(world.permits(one)); });
  Figures alone, apart, same;
  for (std::size_t i = 0; i < kTurns; ++i) {
    turn(world, {one}, seconds, alone);
    turn(world, {one, other}, seconds, apart);
    turn(world, {one, one}, seconds, same);
  }
  const auto line = [&](std::string_view what, const Figures& figures) {
    fmt::print("{:<34} {:>10.0f} permits/s   {:.2f} x one thread   {:.2f} us of a processor each\n", what,
               median(figures.per_second), median(figures.per_second) / median(alone.per_second),
               median(figures.processor_micros));
  };
  fmt::print("warm permit, audit to memory       {:>10} allocations\n", allocations);
  line("one thread", alone);
  line("two threads, a token each", apart);
  line("two threads, the same token", same);
}

}  // namespace
}  // namespace writ::enforce

int main(int argc, char** argv) {
  writ::enforce::run(argc > 1 ? std::atof(argv[1]) : 0.5);
}
