// Decisions in a large world: bytes per identity and per task; a warm delegated decision (user, application,
// agent, and a task with budgets) among 100 tasks and among 100,000 beside a million identities, in turns;
// one budget used from all cores; and how soon the end of a task denies. Tasks are kept in the real SQLite
// store.
//
// usage: decision_scale [TASKS [IDENTITIES]]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fmt/format.h>
#include <malloc.h>
#include <numeric>
#include <random>
#include <thread>

#include "base/testing/allocations.h"
#include "base/testing/folders.h"
#include "decision/testing/world.h"
#include "store/sqlite_store.h"

namespace writ::decision {
namespace {

using codec::Json;
using Clock = std::chrono::steady_clock;
using Nanoseconds = std::chrono::duration<double, std::nano>;

constexpr std::size_t kFew = 100;       // tasks of the small world, and tokens in use in both
constexpr std::size_t kTurns = 15;      // of each measurement
constexpr std::size_t kCalls = 50'000;  // decisions in one turn
constexpr std::size_t kEnds = 1000;     // tasks that are ended while they are in use
constexpr std::string_view kAgent = "support-agent", kPortal = "support-portal";

std::size_t bytes_in_use() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

double median(std::vector<double> figures) {
  std::ranges::sort(figures);
  return figures[figures.size() / 2];
}

// Where tasks are kept while a world lives. In memory when the system has such a file system: what is
// measured is decisions, which don't wait for the disk but when a block of a budget is used up.
class Folder {
 public:
  Folder() {
    const std::filesystem::path shared = "/dev/shm";
    const auto below = std::filesystem::exists(shared) ? shared : std::filesystem::temp_directory_path();
    std::string name = (below / "writ-bench-XXXXXX").string();
    WRIT_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path file() const { return path_ / "writ.db"; }

 private:
  std::filesystem::path path_;
};

// Acme's policies over users and tasks of our own: user-N is served by task-N.
class LargeWorld {
 public:
  LargeWorld(const testing::World& acme, std::size_t tasks, std::size_t identities)
      : acme_(acme), inventory_(acme.inventory), store_(store::SqliteStore::open(folder_.file()).value()) {
    add_identities(identities);
    add_tasks(tasks);
  }

  double bytes_per_identity() const { return bytes_per_identity_; }
  double bytes_per_task() const { return bytes_per_task_; }
  const testing::World& acme() const { return acme_; }
  const inventory::Snapshot& inventory() const { return *inventory_; }
  task::Registry& tasks() { return registry_; }

  token::Verified token_of(std::size_t user) const {
    auto claims = token::testing::valid_claims(acme_.now);
    claims.expires_at = acme_.now + std::chrono::hours(1);
    claims.subject = user_name(user);
    claims.client_id = kAgent;
    claims.actors = {{std::string(kAgent), std::nullopt}, {std::string(kPortal), std::nullopt}};
    claims.task = task_name(user);
    claims.purpose = "support";
    return token::testing::verified(claims, acme_.now);
  }

 private:
  static std::string user_name(std::size_t i) { return fmt::format("user-{}", i); }
  static std::string task_name(std::size_t i) { return fmt::format("task-{}", i); }

  void add_identities(std::size_t count) {
    const auto before = bytes_in_use();
    {
      std::vector<inventory::Identity> users;
      users.reserve(count);
      for (std::size_t i = 0; i < count; ++i)
        users.push_back(
            inventory::identity_from_json(Json::object({{"id", user_name(i)},
                                                        {"kind", "user"},
                                                        {"tenant", "north"},
                                                        {"attributes", Json::object({{"level", 3}})}}))
                .value());
      inventory_ = inventory_->with(std::move(users), {}).value();
    }
    bytes_per_identity_ = static_cast<double>(bytes_in_use() - before) / static_cast<double>(count);
  }

  void add_tasks(std::size_t count) {
    const auto before = bytes_in_use();
    for (std::size_t i = 0; i < count; ++i) {
      auto json =
          codec::parse_json(R"({"purpose": "support", "client": "support-portal", "agents": ["support-agent"],
        "actions": ["Billing::Action::\"read\"", "Billing::Action::\"credit\""], "resources": ["Billing::Invoice::*"],
        "budget": {"calls": 100000000, "actions": {"Billing::Action::\"read\"": 100000000}}})")
              .value();
      json.set("subject", user_name(i));
      auto task = task::task_from_request(json, acme_.now).value();
      task.id = task_name(i);
      task.opened_by = "ops-console";
      WRIT_CHECK(registry_.open(std::move(task)).has_value());
    }
    bytes_per_task_ = static_cast<double>(bytes_in_use() - before) / static_cast<double>(count);
  }

  const testing::World& acme_;
  Folder folder_;
  std::shared_ptr<const inventory::Snapshot> inventory_;
  std::unique_ptr<store::SqliteStore> store_;
  task::Registry registry_{*store_};
  double bytes_per_identity_ = 0, bytes_per_task_ = 0;
};

// What one thread asks: may the agent read this user's invoice, inside the token's task? Each call of the
// task's budgets that is permitted is taken.
class Caller {
 public:
  explicit Caller(LargeWorld& world) : world_(world) {}

  bool call(const token::Verified& token) {
    memory_.reset();
    auto& arena = memory_.arena();
    const auto task = world_.tasks().find(*token.claims().task);
    WRIT_CHECK(task != nullptr);
    const auto user = arena.entity("Writ::User", token.claims().subject);
    const auto facts = cedar::make_record(
        arena, {{"customer", cedar::Value::entity(user)}, {"tenant", cedar::make_string(arena, "north")}});
    const context::Inputs inputs{.request = {world_.acme().now, "GET", "/invoices/new", "10.0.0.7"},
                                 .api = *world_.inventory().find_api("invoices"),
                                 .action = arena.entity("Billing::Action", "read"),
                                 .resource = arena.entity("Billing::Invoice", "new"),
                                 .inventory = world_.inventory(),
                                 .task = task.get(),
                                 .entities = *world_.acme().policies.entities,
                                 .calendars = *world_.acme().policies.calendars,
                                 .resource_attributes = facts};
    const auto context = context::Context::of_use(token, inputs, memory_);
    if (!decide(world_.acme().policies, *context, workspace_).permitted()) return false;
    return task->consume(context->use()).has_value();
  }

 private:
  LargeWorld& world_;
  context::Workspace memory_;
  Workspace workspace_;
};

// Tokens of so many tasks, drawn at random.
std::vector<token::Verified> tokens_of(const LargeWorld& world, std::size_t tasks) {
  std::mt19937 random(7);
  std::vector<token::Verified> tokens;
  for (std::size_t i = 0; i < kFew; ++i) tokens.push_back(world.token_of(random() % tasks));
  return tokens;
}

// Of this thread alone, so that what else runs on the machine does not count.
double cpu_nanoseconds() {
  timespec time{};
  WRIT_CHECK(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

// Nanoseconds of one permitted call.
double time_calls(Caller& caller, const std::vector<token::Verified>& tokens) {
  const auto start = cpu_nanoseconds();
  for (std::size_t i = 0; i < kCalls; ++i) WRIT_CHECK(caller.call(tokens[i % tokens.size()]));
  return (cpu_nanoseconds() - start) / static_cast<double>(kCalls);
}

void compare_sizes(LargeWorld& small, LargeWorld& large, std::size_t tasks) {
  const auto few = tokens_of(small, kFew), many = tokens_of(large, tasks);
  Caller in_small(small), in_large(large);
  std::vector<double> of_small, of_large;
  for (std::size_t i = 0; i < kTurns; ++i) {
    of_small.push_back(time_calls(in_small, few));
    of_large.push_back(time_calls(in_large, many));
  }
  const auto allocations = writ::testing::allocations_of([&] { WRIT_CHECK(in_large.call(many.front())); });
  fmt::print(
      "user, application, agent and task with budgets, taken from them: {:.0f} ns among {} tasks, {:.0f} ns "
      "among "
      "{} ({:.2f} x), {} allocations\n",
      median(of_small), kFew, median(of_large), tasks, median(of_large) / median(of_small), allocations);
}

// Calls per second of so many threads on one task.
double throughput(LargeWorld& world, std::size_t threads) {
  std::atomic<bool> stop = false;
  std::atomic<std::size_t> calls = 0;
  const auto token = world.token_of(0);
  const auto start = Clock::now();
  {
    std::vector<std::jthread> running;
    for (std::size_t i = 0; i < threads; ++i) {
      running.emplace_back([&] {
        Caller caller(world);
        std::size_t own = 0;
        while (!stop) own += caller.call(token) ? 1 : 0;
        calls += own;
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    stop = true;
  }
  return static_cast<double>(calls) / std::chrono::duration<double>(Clock::now() - start).count();
}

void contend(LargeWorld& world) {
  const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  std::vector<double> alone, together;
  for (std::size_t i = 0; i < 5; ++i) {
    alone.push_back(throughput(world, 1));
    together.push_back(throughput(world, cores));
  }
  fmt::print("calls on one task: {:.0f} per second from one core, {:.0f} from all {} ({:.2f} x)\n",
             median(alone), median(together), cores, median(together) / median(alone));
}

// A thread calls on a task until it is denied, while another ends it.
void end_in_use(LargeWorld& world, std::size_t tasks) {
  std::vector<double> after_order, after_acknowledgement;
  std::size_t late = 0;
  for (std::size_t i = 0; i < kEnds; ++i) {
    const auto user = tasks - 1 - i;
    const auto token = world.token_of(user);
    std::atomic<bool> in_use = false;
    Clock::time_point last_permitted{}, denied{};  // by when the call began; by when it was answered
    Clock::time_point ordered, acknowledged;
    {
      const std::jthread calling([&] {
        Caller caller(world);
        for (auto began = Clock::now(); caller.call(token); began = Clock::now()) {
          last_permitted = began;
          in_use = true;
        }
        denied = Clock::now();
      });
      while (!in_use) std::this_thread::yield();
      ordered = Clock::now();
      WRIT_CHECK(world.tasks().end(*token.claims().task).has_value());
      acknowledged = Clock::now();
    }
    late += last_permitted > acknowledged ? 1 : 0;
    after_order.push_back(Nanoseconds(denied - ordered).count() / 1000);
    after_acknowledgement.push_back(std::max(0.0, Nanoseconds(denied - acknowledged).count() / 1000));
  }
  std::ranges::sort(after_order);
  std::ranges::sort(after_acknowledgement);
  const auto p99 = kEnds * 99 / 100;
  fmt::print(
      "ending a task in use: denied {:.0f} us after the order (p99 {:.0f}), {:.0f} us after the "
      "acknowledgement "
      "(p99 {:.0f}); {} of {} permitted a call that began after the acknowledgement\n",
      after_order[kEnds / 2], after_order[p99], after_acknowledgement[kEnds / 2], after_acknowledgement[p99],
      late, kEnds);
}

void run(std::size_t tasks, std::size_t identities) {
  const std::string root = writ::source_path();
  const testing::World acme(*testing::read_json(root + "/tests/cases/decision/acme.json").find("world"),
                            root);
  LargeWorld small(acme, kFew, kFew);
  LargeWorld large(acme, tasks, identities);
  fmt::print("{} identities: {:.0f} bytes each; {} tasks: {:.0f} bytes each\n", identities,
             large.bytes_per_identity(), tasks, large.bytes_per_task());
  compare_sizes(small, large, tasks);
  contend(small);
  end_in_use(large, tasks);
}

}  // namespace
}  // namespace writ::decision

int main(int argc, char** argv) {
  const std::size_t tasks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const std::size_t identities = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  if (tasks < 2 * writ::decision::kEnds || identities < tasks) {
    fmt::print(stderr, "decision_scale: expected at least {} TASKS, and as many IDENTITIES or more\n",
               2 * writ::decision::kEnds);
    return 2;
  }
  writ::decision::run(tasks, identities);
}
