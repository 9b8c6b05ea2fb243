#include "world.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/verify.h"
#include "codec/json.h"
#include "store/testing/samples.h"

namespace writ::crash {
namespace {

namespace fs = std::filesystem;
using store::SqliteStore;

constexpr std::size_t kMaxOps = 32;
constexpr std::size_t kMaxStrikes = 4;
constexpr std::string_view kStart = "a start", kEnd = "an orderly end";

enum class Outcome : std::uint8_t { kNotBegun, kBegun, kDone, kRefused, kFailed };

Outcome outcome_of(const Result<void>& result) {
  if (result) return Outcome::kDone;
  const auto code = result.error().code;
  return code == ErrorCode::kConflict || code == ErrorCode::kNotFound ? Outcome::kRefused : Outcome::kFailed;
}

void copy_text(char* to, std::size_t size, std::string_view text) {
  const auto part = text.substr(0, size - 1);
  std::memcpy(to, part.data(), part.size());
  to[part.size()] = '\0';
}

std::string text_of(store::Database& database, const std::string& sql) {
  std::string text;
  auto statement = database.prepare(sql);
  if (!statement) return statement.error().message;
  const auto read = statement->for_each_row([&](const store::Statement& row) -> Result<void> {
    text.append(row.text(0)).push_back('\n');
    return {};
  });
  return read ? text : read.error().message;
}

// Every row of every table, so that what is added later is looked at too; but the audit's head, which is of
// another chain.
std::string everything_in(const fs::path& path) {
  auto database = store::Database::look(path);
  if (!database) return database.error().message;
  if (const auto whole = text_of(*database, "PRAGMA integrity_check"); whole != "ok\n") return whole;
  const auto selects = text_of(
      *database,
      "SELECT 'SELECT ''' || t.name || ': '' || ' || group_concat('quote(' || c.name || ')', '||''|''||') "
      "|| ' FROM ' || t.name || ' ORDER BY 1' "
      "FROM sqlite_schema t, pragma_table_info(t.name) c "
      "WHERE t.type = 'table' AND t.name <> 'audit_head' GROUP BY t.name ORDER BY t.name");
  std::string all;
  std::size_t begin = 0;
  for (auto end = selects.find('\n'); end != selects.npos; begin = end + 1, end = selects.find('\n', begin))
    all += text_of(*database, selects.substr(begin, end - begin));
  return all;
}

// The first line that one has and the other has not.
std::string first_difference(std::string_view expected, std::string_view found) {
  while (!expected.empty() || !found.empty()) {
    const auto one = expected.substr(0, expected.find('\n')), other = found.substr(0, found.find('\n'));
    if (one != other)
      return fmt::format("expected `{}`, found `{}`", one.substr(0, 400), other.substr(0, 400));
    expected.remove_prefix(std::min(one.size() + 1, expected.size()));
    found.remove_prefix(std::min(other.size() + 1, found.size()));
  }
  return "none";
}

// What the journal of proofs knows the machine's start by (store/proof_journal.cc).
void forget_boot(const std::string& file, std::string& bytes) {
  constexpr std::size_t kIdBegins = 14, kIdEnds = 50;
  if (file == "data/proofs" && bytes.size() >= kIdEnds)
    std::fill_n(bytes.begin() + kIdBegins, kIdEnds - kIdBegins, 'x');
}

}  // namespace

struct Report {
  struct Struck {
    Fault fault;
    std::size_t op;
    char call[24], file[64];
  };
  std::size_t op;  // 0: the start; after the work: the end
  std::array<Outcome, kMaxOps> recorded, done;
  std::array<bool, kMaxOps> on_full_disk;
  Outcome started;
  char trouble[512];
  std::size_t strikes;
  Struck struck[kMaxStrikes];
};

World::World(std::uint64_t seed, const fs::path& folder, Counts& counts)
    : random_(seed),
      ops_(random_()),
      folder_(folder / "world"),
      calm_(folder / "calm"),
      copy_(folder / "copy"),
      durable_audit_(random_() % 4 != 0),
      counts_(counts) {
  for (const auto& each : {folder_, calm_, copy_}) fs::create_directories(each);
  SqliteStore::open(calm_ / "writ.db").value();
  void* shared = ::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) std::abort();
  report_ = static_cast<Report*>(shared);
  ++counts_.worlds;
}

World::~World() {
  ::munmap(report_, sizeof(Report));
}

// Most lives end by force; in every third, calls fail before.
void World::plan() {
  const auto below = [&](std::size_t limit) { return random_() % limit; };
  work_.clear();
  strikes_.clear();
  const auto count = 2 + below(14);
  for (std::size_t i = 0; i < count; ++i) {
    work_.push_back(ops_.any());
    work_.back().object = fmt::format("w-{}", ++records_);
  }
  // From the start to the end; the changes that they make are few.
  if (below(3) == 0) {
    // What a sync that failed throws away of a log that is not durable, nobody is told to have.
    const auto fault = durable_audit_ && below(2) == 0 ? Fault::kIoError : Fault::kDiskFull;
    strikes_.push_back({fault, below(count + 2), below(6), 10 + below(60)});
  }
  if (strikes_.empty() || below(4) != 0) {
    const auto fault = static_cast<Fault>(below(4));
    const auto earliest = strikes_.empty() ? 0 : strikes_[0].at_op;
    strikes_.push_back({fault, earliest + below(count + 2 - earliest), below(9), 0});
  }
}

void World::strike(std::size_t op) {
  report_->op = op;
  auto& disk = Disk::the();
  if (disk.armed() || strikes_.empty() || strikes_.front().at_op > op) return;
  // A disk that is full already fills no further.
  if (disk.full() && strikes_.front().fault == Fault::kDiskFull) return;
  disk.arm(strikes_.front().fault, strikes_.front().after, strikes_.front().lasting);
  strikes_.erase(strikes_.begin());
}

void World::be() {
  Disk::the().watch(
      folder_, folder_.string() + ".cache", random_(),
      [this](Fault fault, std::string_view call, std::string_view file) {
        if (report_->strikes == kMaxStrikes) return;
        auto& struck = report_->struck[report_->strikes];
        struck.fault = fault;
        struck.op = report_->op;
        copy_text(struck.call, sizeof struck.call, call);
        copy_text(struck.file, sizeof struck.file, file);
        ++report_->strikes;
      },
      forget_boot);
  strike(0);
  report_->started = Outcome::kBegun;
  auto ground = Ground::open(folder_ / "data", durable_audit_);
  report_->started = ground ? Outcome::kDone : Outcome::kFailed;
  if (!ground) copy_text(report_->trouble, sizeof report_->trouble, ground.error().message);
  for (std::size_t i = 0; ground && i < work_.size(); ++i) {
    strike(i + 1);
    const auto& op = work_[i];
    const bool full_before = Disk::the().full();
    // As the server does it: first the record, then what it says.
    report_->recorded[i] = Outcome::kBegun;
    const audit::Event event{.type = op.kind, .object = op.object, .standing = op.standing};
    const auto recorded = (*ground)->log->append(audit::make_record(kNow, event));
    report_->recorded[i] = outcome_of(recorded);
    Result<void> done;
    if (recorded) {
      report_->done[i] = Outcome::kBegun;
      done = op.store ? op.store(*(*ground)->store) : op.elsewhere(**ground);
      report_->done[i] = outcome_of(done);
    }
    report_->on_full_disk[i] = full_before && Disk::the().full();
    if (!recorded || report_->done[i] == Outcome::kFailed)
      copy_text(report_->trouble, sizeof report_->trouble,
                recorded ? done.error().message : recorded.error().message);
  }
  strike(work_.size() + 1);
  if (ground) ground->reset();
  Disk::the().keep_cache();
  ::_exit(0);
}

std::string World::live() {
  plan();
  std::memset(static_cast<void*>(report_), 0, sizeof *report_);
  const auto process = ::fork();
  if (process == 0) be();
  int status = 0;
  if (process < 0 || ::waitpid(process, &status, 0) != process) std::abort();
  ++counts_.lives;
  auto wrong = what_happened();
  const bool ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (wrong.empty() && !ended && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
    wrong = fmt::format("the process ended with status {:#x}", static_cast<unsigned>(status));
  if (wrong.empty()) wrong = difference();
  if (wrong.empty()) return {};
  std::string told;
  for (std::size_t i = 0; i < report_->strikes; ++i) {
    const auto& each = report_->struck[i];
    const auto kind = each.op == 0 ? kStart : each.op > work_.size() ? kEnd : work_[each.op - 1].kind;
    told += fmt::format("{}{} at {}, {} of {}", i == 0 ? "" : "; then ", fault_name(each.fault), kind,
                        each.call, each.file);
  }
  if (report_->trouble[0] != '\0') told += fmt::format("; it said: {}", report_->trouble);
  return fmt::format("{}\n  after: {}", wrong, told);
}

// Takes over what the life told; what it may not tell is wrong.
std::string World::what_happened() {
  power_lost_ = false;
  for (std::size_t i = 0; i < report_->strikes; ++i) {
    const auto& each = report_->struck[i];
    const auto kind = each.op == 0 ? kStart : each.op > work_.size() ? kEnd : work_[each.op - 1].kind;
    const auto fault = static_cast<std::size_t>(each.fault);
    ++counts_.by_write[std::string(kind)][fault];
    std::string file = each.file;
    if (file.starts_with("data/policy-revisions/")) file = "data/policy-revisions/...";
    if (file.starts_with("data/audit.log.")) file = "data/audit.log.N";
    ++counts_.by_call[fmt::format("{} {}", file, each.call)][fault];
    ++counts_.faults;
    power_lost_ |= each.fault == Fault::kPowerLost;
  }
  if (report_->started == Outcome::kFailed && report_->strikes == 0)
    return fmt::format("it did not start, though nothing failed: {}", report_->trouble);
  if (report_->started == Outcome::kDone) {
    // What was seen by a start stays.
    if (found_ > 0) assume(doubtful_[found_ - 1]);
    doubtful_.clear();
    found_ = 0;
  }
  for (std::size_t i = 0; i < work_.size(); ++i) {
    settle(i);
    const auto& op = work_[i];
    const bool failed = report_->recorded[i] == Outcome::kFailed || report_->done[i] == Outcome::kFailed;
    if (failed && report_->strikes == 0)
      return fmt::format("{} failed, though nothing did: {}", op.kind, report_->trouble);
    if (op.standing != audit::Standing::kStop || !report_->on_full_disk[i]) continue;
    const bool only_full = report_->struck[0].fault == Fault::kDiskFull && report_->struck[0].op > 0;
    if (failed && only_full)
      return fmt::format("{} failed on a full disk, though space is kept for stops: {}", op.kind,
                         report_->trouble);
    ++counts_.stops_on_full_disk;
  }
  if (power_lost_) ledger_.proofs.clear();
  return {};
}

void World::assume(const Op& op) {
  auto calm = SqliteStore::open(calm_ / "writ.db").value();
  static_cast<void>(op.store(*calm));
}

void World::settle(std::size_t at) {
  const auto& op = work_[at];
  if (report_->recorded[at] == Outcome::kNotBegun) return;
  begun_.insert(op.object);
  if (report_->recorded[at] == Outcome::kDone) recorded_.insert(op.object);
  const auto done = report_->done[at];
  if (done == Outcome::kNotBegun) return;
  const bool doubtful = done == Outcome::kBegun || done == Outcome::kFailed;
  if (doubtful) {
    ++counts_.in_doubt;
    if (op.doubt) op.doubt(ledger_);
    if (op.store) doubtful_.push_back(op);
    return;
  }
  ++counts_.acknowledged;
  if (op.store) {
    const auto before = doubtful_.empty() ? std::string() : everything_in(calm_ / "writ.db");
    assume(op);
    // What failed before was rolled back, and is written over. Not by what changes nothing.
    if (!doubtful_.empty() && everything_in(calm_ / "writ.db") != before) doubtful_.clear();
  }
  if (done == Outcome::kDone && op.done) op.done(ledger_);
}

std::string World::difference() {
  fs::remove_all(copy_);
  fs::create_directories(copy_);
  if (fs::exists(folder_ / "data")) fs::copy(folder_ / "data", copy_ / "data", fs::copy_options::recursive);
  const auto data = copy_ / "data";
  {
    auto ground = Ground::open(data, durable_audit_);
    if (!ground) return "it does not start: " + ground.error().message;
    if (auto problem = ledger_.problem_with(**ground); !problem.empty()) return problem;
  }
  const auto found = everything_in(data / "writ.db");
  const auto expected = everything_in(calm_ / "writ.db");
  found_ = 0;
  if (found != expected) {
    for (std::size_t i = 0; i < doubtful_.size() && found_ == 0; ++i) {
      const auto other = copy_ / "other.db";
      fs::copy_file(calm_ / "writ.db", other);
      static_cast<void>(doubtful_[i].store(*SqliteStore::open(other).value()));
      if (everything_in(other) == found) found_ = i + 1;
      fs::remove(other);
    }
    if (found_ == 0) return "the database differs: " + first_difference(expected, found);
  }
  if (auto wrong = difference_of_audit(data); !wrong.empty()) return wrong;
  // And life goes on.
  auto ground = Ground::open(data, durable_audit_);
  if (!ground) return "it does not start a second time: " + ground.error().message;
  const bool goes_on = (*ground)->log->append(audit::make_record(kNow, audit::Event{.type = "later"})) &&
                       (*ground)->store->save({"later", store::testing::kLater});
  return goes_on ? "" : "it cannot be written to any more";
}

std::string World::difference_of_audit(const fs::path& data) {
  std::vector<fs::path> left_out;
  auto parts = audit::parts_of({data}, left_out);
  // Before the first record is whole there is none, and nothing was acknowledged either.
  if (!parts && parts.error().code == ErrorCode::kNotFound) parts.emplace();
  if (!parts) return parts.error().message;
  const auto verified = audit::verify(*parts);
  if (!verified) return verified.error().message;
  if (verified->first_break)
    return fmt::format("the audit breaks in `{}`, line {}: {}",
                       verified->first_break->file.filename().string(), verified->first_break->line,
                       verified->first_break->problem);
  std::set<std::string> found;
  std::string twice;
  const auto read = audit::read_after(*parts, 0, [&](std::string_view line) {
    const auto record = codec::parse_json(line).value();
    const auto* object = record.find_string("object");
    if (object != nullptr && object->starts_with("w-") && !found.insert(*object).second) twice = *object;
    return true;
  });
  if (!read) return read.error().message;
  if (!twice.empty()) return fmt::format("record `{}` is there twice", twice);
  for (const auto& object : found) {
    if (!begun_.contains(object)) return fmt::format("the audit has record `{}`, which nobody wrote", object);
  }
  // A log that is buffered survives the end of the process, and no more.
  if (!durable_audit_ && power_lost_)
    std::erase_if(recorded_, [&](const auto& object) { return !found.contains(object); });
  for (const auto& object : recorded_) {
    if (!found.contains(object))
      return fmt::format("record `{}` was acknowledged, and is not in the audit", object);
  }
  return {};
}

}  // namespace writ::crash
