#include "store/sqlite_store.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>

#include "base/notice.h"
#include "codec/base64url.h"
#include "crypto/hash.h"
#include "store/schema.h"

namespace writ::store {
namespace {

// Prepares one statement after the other and remembers the first failure; then all are thrown away.
class Preparer {
 public:
  explicit Preparer(Database& database) : database_(database) {}

  std::optional<Statement> operator()(std::string_view sql) {
    auto statement = database_.prepare(sql);
    if (statement) return *std::move(statement);
    if (!failed) failed = std::move(statement).error();
    return std::nullopt;
  }

  std::optional<Error> failed;

 private:
  Database& database_;
};

// What a row holds that its module cannot read is damage, whatever the module calls it.
template <class T>
Result<T> stored(Result<T> read, const Database& database, std::string_view what, std::string_view id) {
  if (read) return read;
  return failure(ErrorCode::kCorrupt,
                 fmt::format("{}: {} `{}`: {}", database.name(), what, id, read.error().message));
}

Result<task::State> state_from_row(std::string_view name) {
  if (const auto state = task::state_from_name(name)) return *state;
  return failure(ErrorCode::kCorrupt, fmt::format("there is no task state `{}`", name));
}

Result<inventory::Status> status_from_row(std::string_view name) {
  const auto status = inventory::status_from_name(name);
  if (status && *status != inventory::Status::kActive) return *status;
  return failure(ErrorCode::kCorrupt, fmt::format("there is no stop `{}`", name));
}

}  // namespace

struct SqliteStore::Statements {
  using Prepared = std::optional<Statement>;  // each has its value once open() succeeded
  explicit Statements(Preparer& prepare)
      : load_identities(prepare("SELECT id, record FROM identities ORDER BY id")),
        load_apis(prepare("SELECT id, record FROM apis ORDER BY id")),
        save_identity(prepare("INSERT INTO identities (id, record) VALUES (?1, ?2) "
                              "ON CONFLICT (id) DO UPDATE SET record = ?2")),
        save_api(prepare("INSERT INTO apis (id, record) VALUES (?1, ?2) "
                         "ON CONFLICT (id) DO UPDATE SET record = ?2")),
        load_stops(prepare("SELECT id, status FROM stops ORDER BY id")),
        save_stop(prepare("INSERT INTO stops (id, status) VALUES (?1, ?2) "
                          "ON CONFLICT (id) DO UPDATE SET status = ?2")),
        lift_stop(prepare("DELETE FROM stops WHERE id = ?1 AND status <> 'retired'")),
        load_reviews(prepare("SELECT id, at_ms, by, next_ms FROM reviews")),
        save_review(prepare("INSERT INTO reviews (id, at_ms, by, next_ms) VALUES (?1, ?2, ?3, ?4) "
                            "ON CONFLICT (id) DO UPDATE SET at_ms = ?2, by = ?3, next_ms = ?4")),
        load_used(prepare("SELECT id, active_since, first, last FROM used_days")),
        // Days only go up, whoever writes last.
        save_used(
            prepare("INSERT INTO used_days (id, active_since, first, last) VALUES (?1, ?2, ?3, ?4) "
                    "ON CONFLICT (id) DO UPDATE SET active_since = ?2, first = ?3, last = max(last, ?4)")),
        load_grants(prepare("SELECT id, record FROM grants ORDER BY id")),
        save_grant(prepare("INSERT INTO grants (id, record) VALUES (?1, ?2) "
                           "ON CONFLICT (id) DO UPDATE SET record = ?2")),
        forget_grant(prepare("DELETE FROM grants WHERE id = ?1")),
        load_tasks(prepare("SELECT id, record, state FROM tasks ORDER BY position")),
        load_labels(prepare("SELECT task, label FROM task_labels")),
        load_budgets(prepare("SELECT task, budget, reserved FROM budgets")),
        save_task(prepare("INSERT INTO tasks (id, record, state) VALUES (?1, ?2, ?3) "
                          "ON CONFLICT (id) DO NOTHING")),
        save_state(prepare("UPDATE tasks SET state = ?2 "
                           "WHERE id = ?1 AND (state = ?2 OR state NOT IN ('ended', 'revoked', 'denied')) "
                           "AND NOT (state = 'requested' AND ?2 IN ('active', 'suspended'))")),
        save_narrowed(prepare("UPDATE tasks SET record = ?2 "
                              "WHERE id = ?1 AND state NOT IN ('ended', 'revoked', 'denied')")),
        save_approved(
            prepare("UPDATE tasks SET record = ?2, state = ?3 WHERE id = ?1 AND state = 'requested'")),
        forget_labels(prepare("DELETE FROM task_labels WHERE task = ?1")),
        forget_budgets(prepare("DELETE FROM budgets WHERE task = ?1")),
        forget_task(prepare("DELETE FROM tasks WHERE id = ?1")),
        find_task(prepare("SELECT count(*) FROM tasks WHERE id = ?1")),
        save_label(prepare("INSERT INTO task_labels (task, label) SELECT id, ?2 FROM tasks WHERE id = ?1 "
                           "ON CONFLICT (task, label) DO UPDATE SET label = ?2")),
        reserve(prepare("INSERT INTO budgets (task, budget, reserved) "
                        "SELECT id, ?2, ?3 FROM tasks WHERE id = ?1 "
                        "ON CONFLICT (task, budget) DO UPDATE SET reserved = max(reserved, ?3)")),
        settle(
            prepare("UPDATE budgets SET reserved = ?3 WHERE task = ?1 AND budget = ?2 AND reserved >= ?3")),
        load_calls(prepare("SELECT id, record, state FROM calls ORDER BY id")),
        save_call(prepare("INSERT INTO calls (id, record, state, until_ms) VALUES (?1, ?2, 'pending', ?3) "
                          "ON CONFLICT (id) DO NOTHING")),
        // Nothing is approved or denied twice, and nothing is used that is not approved.
        save_call_state(prepare("UPDATE calls SET record = ?2, state = ?3 "
                                "WHERE id = ?1 AND state = CASE ?3 WHEN 'used' THEN 'approved' "
                                "WHEN 'approved' THEN 'pending' WHEN 'denied' THEN 'pending' END")),
        find_call(prepare("SELECT count(*) FROM calls WHERE id = ?1")),
        forget_call(prepare("DELETE FROM calls WHERE id = ?1 AND state = 'pending'")),
        forget_calls(prepare("DELETE FROM calls WHERE until_ms < ?1")),
        load_revocations(prepare("SELECT jti, expires_at_ms FROM revocations")),
        save_revocation(prepare("INSERT INTO revocations (jti, expires_at_ms) VALUES (?1, ?2) "
                                "ON CONFLICT (jti) DO UPDATE SET expires_at_ms = max(expires_at_ms, ?2)")),
        forget_revocations(prepare("DELETE FROM revocations WHERE jti IN "
                                   "(SELECT jti FROM revocations WHERE expires_at_ms <= ?1 LIMIT 500)")),
        use(prepare("INSERT INTO used_identifiers (digest, until_ms) VALUES (?1, ?2) "
                    "ON CONFLICT (digest) DO UPDATE SET until_ms = ?2 WHERE until_ms <= ?3")),
        forget_used(prepare("DELETE FROM used_identifiers WHERE digest IN "
                            "(SELECT digest FROM used_identifiers WHERE until_ms <= ?1 LIMIT 500)")),
        load_head(prepare("SELECT seq, hash FROM audit_head")),
        save_head(prepare("INSERT INTO audit_head (only, seq, hash) VALUES (1, ?1, ?2) "
                          "ON CONFLICT (only) DO UPDATE SET seq = ?1, hash = ?2")),
        load_keys(
            prepare("SELECT kid, jwk, state, since_ms, until_ms FROM signing_keys ORDER BY position DESC")),
        delete_keys(prepare("DELETE FROM signing_keys")),
        save_key(prepare("INSERT INTO signing_keys (position, kid, jwk, state, since_ms, until_ms) "
                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6)")) {}

  Prepared load_identities, load_apis, save_identity, save_api;
  Prepared load_stops, save_stop, lift_stop;
  Prepared load_reviews, save_review, load_used, save_used;
  Prepared load_grants, save_grant, forget_grant;
  Prepared load_tasks, load_labels, load_budgets, save_task, save_state, save_narrowed;
  Prepared save_approved, forget_labels, forget_budgets, forget_task, find_task;
  Prepared save_label, reserve, settle;
  Prepared load_calls, save_call, save_call_state, find_call, forget_call, forget_calls;
  Prepared load_revocations, save_revocation, forget_revocations;
  Prepared use, forget_used;
  Prepared load_head, save_head;
  Prepared load_keys, delete_keys, save_key;
};

SqliteStore::SqliteStore(Database database, std::unique_ptr<Statements> statements, SqliteOptions options)
    : options_(options), database_(std::move(database)), statements_(std::move(statements)) {}

SqliteStore::~SqliteStore() = default;

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& path,
                                                       SqliteOptions options) {
  auto database = TRY(open_database(path));
  Preparer prepare(database);
  auto statements = std::make_unique<Statements>(prepare);
  if (prepare.failed) return std::unexpected(*std::move(prepare.failed));
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(database), std::move(statements), options));
  store->entity_rows_ = TRY(EntityRows::prepare(store->database_));
  store->api_key_rows_ = TRY(ApiKeyRows::prepare(store->database_));
  store->used_identifiers_ = TRY(store->database_.number("SELECT count(*) FROM used_identifiers"));
  return store;
}

Result<inventory::Change> SqliteStore::load_inventory() {
  const std::lock_guard lock(mutex_);
  inventory::Change change;
  const auto add_identity = [&](const Statement& row) -> Result<void> {
    auto identity = inventory::identity_from_record(row.text(1));
    change.identities.push_back(TRY(stored(std::move(identity), database_, "identity", row.text(0))));
    return {};
  };
  TRY(statements_->load_identities->for_each_row(add_identity));
  const auto add_api = [&](const Statement& row) -> Result<void> {
    auto api = inventory::api_from_record(row.text(1));
    change.apis.push_back(TRY(stored(std::move(api), database_, "API", row.text(0))));
    return {};
  };
  TRY(statements_->load_apis->for_each_row(add_api));
  const auto add_stop = [&](const Statement& row) -> Result<void> {
    const auto status = TRY(stored(status_from_row(row.text(1)), database_, "stop of", row.text(0)));
    change.stops.push_back({std::string(row.text(0)), status});
    return {};
  };
  TRY(statements_->load_stops->for_each_row(add_stop));
  TRY(statements_->load_reviews->for_each_row([&](const Statement& row) -> Result<void> {
    change.reviews.push_back({std::string(row.text(0)), Instant(Duration(row.number(1))),
                              std::string(row.text(2)), Instant(Duration(row.number(3)))});
    return {};
  }));
  TRY(statements_->load_used->for_each_row([&](const Statement& row) -> Result<void> {
    const auto day = [&](int column) { return static_cast<inventory::Day>(row.number(column)); };
    change.used.push_back({std::string(row.text(0)), day(1), day(2), day(3)});
    return {};
  }));
  const auto add_grant = [&](const Statement& row) -> Result<void> {
    auto record = inventory::grant_from_record(row.text(1));
    change.grant_records.push_back(TRY(stored(std::move(record), database_, "grant", row.text(0))));
    return {};
  };
  TRY(statements_->load_grants->for_each_row(add_grant));
  return change;
}

Result<void> SqliteStore::save_inventory(const inventory::Change& change) {
  const std::lock_guard lock(mutex_);
  auto transaction = TRY(Transaction::begin(database_));
  for (const auto& identity : change.identities)
    TRY(statements_->save_identity->bind(1, identity.id).bind(2, identity_record(identity)).run());
  for (const auto& api : change.apis)
    TRY(statements_->save_api->bind(1, api.id).bind(2, api_record(api)).run());
  for (const auto& stop : change.stops) {
    if (stop.status == inventory::Status::kActive) {
      TRY(statements_->lift_stop->bind(1, stop.id).run());
    } else {
      TRY(statements_->save_stop->bind(1, stop.id).bind(2, status_name(stop.status)).run());
    }
  }
  for (const auto& review : change.reviews) {
    auto& row = statements_->save_review->bind(1, review.id).bind(2, unix_millis(review.at));
    TRY(row.bind(3, review.by).bind(4, unix_millis(review.next)).run());
  }
  for (const auto& used : change.used) {
    auto& row = statements_->save_used->bind(1, used.id).bind(2, std::int64_t{used.active_since});
    TRY(row.bind(3, std::int64_t{used.first}).bind(4, std::int64_t{used.last}).run());
  }
  for (const auto& record : change.grant_records) {
    if (record.empty()) {
      TRY(statements_->forget_grant->bind(1, record.id).run());
    } else {
      TRY(statements_->save_grant->bind(1, record.id).bind(2, grant_record(record)).run());
    }
  }
  return transaction.commit();
}

Result<std::vector<inventory::ApiKey>> SqliteStore::load_api_keys() {
  const std::lock_guard lock(mutex_);
  return api_key_rows_->load(database_);
}

Result<void> SqliteStore::save_api_keys(std::span<const inventory::ApiKey> keys) {
  const std::lock_guard lock(mutex_);
  auto transaction = TRY(Transaction::begin(database_));
  TRY(api_key_rows_->save(keys));
  return transaction.commit();
}

Result<void> SqliteStore::forget_api_keys(std::span<const std::string> ids) {
  const std::lock_guard lock(mutex_);
  auto transaction = TRY(Transaction::begin(database_));
  TRY(api_key_rows_->forget(ids));
  return transaction.commit();
}

Result<std::vector<task::StoredTask>> SqliteStore::load_tasks() {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::vector<task::Reservation>, std::less<>> reserved;
  TRY(statements_->load_budgets->for_each_row([&](const Statement& row) -> Result<void> {
    task::Reservation one{std::string(row.text(0)), std::string(row.text(1)), row.number(2)};
    reserved[one.task].push_back(std::move(one));
    return {};
  }));
  std::map<std::string, std::vector<std::string>, std::less<>> labels;
  TRY(statements_->load_labels->for_each_row([&](const Statement& row) -> Result<void> {
    labels[std::string(row.text(0))].emplace_back(row.text(1));
    return {};
  }));
  std::vector<task::StoredTask> tasks;
  const auto add_task = [&](const Statement& row) -> Result<void> {
    auto task = TRY(stored(task::task_from_record(row.text(1)), database_, "task", row.text(0)));
    // Otherwise its reservations would be somebody else's.
    if (task.id != row.text(0))
      return failure(ErrorCode::kCorrupt, fmt::format("{}: task `{}` has the record of task `{}`",
                                                      database_.name(), row.text(0), task.id));
    const auto state = TRY(stored(state_from_row(row.text(2)), database_, "task", row.text(0)));
    auto& mine = reserved[task.id];
    auto& earned = labels[task.id];
    tasks.push_back({std::move(task), state, std::move(mine), std::move(earned)});
    return {};
  };
  TRY(statements_->load_tasks->for_each_row(add_task));
  return tasks;
}

Result<void> SqliteStore::save_task(const task::Task& task, task::State state) {
  const std::lock_guard lock(mutex_);
  auto& statement = statements_->save_task->bind(1, task.id).bind(2, task_record(task));
  if (TRY(statement.bind(3, task::state_name(state)).run()) == 1) return {};
  return failure(ErrorCode::kConflict, fmt::format("there is a task `{}` already", task.id));
}

Result<void> SqliteStore::save_state(std::string_view id, task::State state) {
  const std::lock_guard lock(mutex_);
  return changed_task(id, TRY(statements_->save_state->bind(1, id).bind(2, task::state_name(state)).run()));
}

Result<void> SqliteStore::save_narrowed(const task::Task& task) {
  const std::lock_guard lock(mutex_);
  return changed_task(task.id,
                      TRY(statements_->save_narrowed->bind(1, task.id).bind(2, task_record(task)).run()));
}

Result<void> SqliteStore::save_approved(const task::Task& task, task::State state) {
  const std::lock_guard lock(mutex_);
  auto& statement = statements_->save_approved->bind(1, task.id).bind(2, task_record(task));
  return changed_task(task.id, TRY(statement.bind(3, task::state_name(state)).run()));
}

Result<void> SqliteStore::forget_tasks(std::span<const std::string> ids) {
  const std::lock_guard lock(mutex_);
  auto transaction = TRY(Transaction::begin(database_));
  for (const auto& id : ids) {
    TRY(statements_->forget_labels->bind(1, id).run());
    TRY(statements_->forget_budgets->bind(1, id).run());
    TRY(statements_->forget_task->bind(1, id).run());
  }
  return transaction.commit();
}

Result<void> SqliteStore::changed_task(std::string_view id, std::int64_t rows) {
  if (rows == 1) return {};
  bool exists = false;
  TRY(statements_->find_task->bind(1, id).for_each_row([&](const Statement& row) -> Result<void> {
    exists = row.number(0) == 1;
    return {};
  }));
  if (exists)
    return failure(ErrorCode::kConflict,
                   fmt::format("task `{}` is over already, or waits for approval no longer", id));
  return failure(ErrorCode::kNotFound, fmt::format("there is no task `{}`", id));
}

Result<void> SqliteStore::save_labels(std::string_view task, const std::vector<std::string>& labels) {
  const std::lock_guard lock(mutex_);
  auto transaction = TRY(Transaction::begin(database_));
  for (const auto& label : labels) TRY(write_label(task, label));
  return transaction.commit();
}

Result<void> SqliteStore::write_label(std::string_view task, std::string_view label) {
  if (TRY(statements_->save_label->bind(1, task).bind(2, label).run()) == 1) return {};
  return failure(ErrorCode::kNotFound, fmt::format("there is no task `{}`", task));
}

Result<void> SqliteStore::reserve(const task::Reservation& reservation) {
  const std::lock_guard lock(mutex_);
  return write_reservation(reservation);
}

Result<void> SqliteStore::write_reservation(const task::Reservation& reservation) {
  auto& statement =
      statements_->reserve->bind(1, reservation.task).bind(2, reservation.budget).bind(3, reservation.amount);
  if (TRY(statement.run()) == 1) return {};
  return failure(ErrorCode::kNotFound, fmt::format("there is no task `{}`", reservation.task));
}

Result<void> SqliteStore::settle(const task::Reservation& used) {
  const std::lock_guard lock(mutex_);
  auto& statement = statements_->settle->bind(1, used.task).bind(2, used.budget).bind(3, used.amount);
  if (TRY(statement.run()) == 1) return {};
  return failure(ErrorCode::kConflict, fmt::format("task `{}` has not reserved {} of budget `{}`", used.task,
                                                   used.amount, used.budget));
}

Result<std::vector<task::StoredCall>> SqliteStore::load_calls() {
  const std::lock_guard lock(mutex_);
  std::vector<task::StoredCall> calls;
  const auto add_call = [&](const Statement& row) -> Result<void> {
    auto approval = TRY(stored(task::call_from_record(row.text(1)), database_, "approval", row.text(0)));
    const auto state = task::call_state_from_name(row.text(2));
    if (approval.id != row.text(0) || !state)
      return failure(ErrorCode::kCorrupt,
                     fmt::format("{}: approval `{}` has the record of `{}`, or no known state",
                                 database_.name(), row.text(0), approval.id));
    calls.push_back({std::move(approval), *state});
    return {};
  };
  TRY(statements_->load_calls->for_each_row(add_call));
  return calls;
}

Result<void> SqliteStore::save_call(const task::CallApproval& approval) {
  const std::lock_guard lock(mutex_);
  return write_call(approval);
}

Result<void> SqliteStore::write_call(const task::CallApproval& approval) {
  auto& statement = statements_->save_call->bind(1, approval.id).bind(2, call_record(approval));
  if (TRY(statement.bind(3, unix_millis(approval.until)).run()) == 1) return {};
  return failure(ErrorCode::kConflict, fmt::format("there is an approval `{}` already", approval.id));
}

Result<void> SqliteStore::save_call_state(const task::CallApproval& approval, task::CallState state) {
  const std::lock_guard lock(mutex_);
  return write_call_state(approval, state);
}

Result<void> SqliteStore::write_call_state(const task::CallApproval& approval, task::CallState state) {
  auto& statement = statements_->save_call_state->bind(1, approval.id).bind(2, call_record(approval));
  if (TRY(statement.bind(3, task::call_state_name(state)).run()) == 1) return {};
  bool exists = false;
  TRY(statements_->find_call->bind(1, approval.id).for_each_row([&](const Statement& row) -> Result<void> {
    exists = row.number(0) == 1;
    return {};
  }));
  if (!exists) return failure(ErrorCode::kNotFound, fmt::format("there is no approval `{}`", approval.id));
  return failure(ErrorCode::kConflict, fmt::format("approval `{}` cannot become {} any more", approval.id,
                                                   task::call_state_name(state)));
}

Result<void> SqliteStore::forget_call(std::string_view id) {
  const std::lock_guard lock(mutex_);
  TRY(statements_->forget_call->bind(1, id).run());
  return {};
}

// What of one that fails was written before is harmless alone: more is reserved, a label is there.
Result<void> SqliteStore::write_one(const task::Write& write) {
  for (const auto& [task, labels] : write.labels) {
    for (const auto& label : labels) TRY(write_label(task, label));
  }
  for (const auto& reservation : write.reservations) TRY(write_reservation(reservation));
  if (!write.lapsed.empty()) TRY(statements_->forget_call->bind(1, write.lapsed).run());
  if (!write.call) return {};
  const auto& [approval, state] = *write.call;
  return state == task::CallState::kPending ? write_call(approval) : write_call_state(approval, state);
}

std::vector<Result<void>> SqliteStore::write(std::span<const task::Write* const> writes) {
  std::vector<Result<void>> results(writes.size());
  const auto all_fail = [&](const Error& error) {
    std::ranges::fill(results, std::unexpected(error));
    return std::move(results);
  };
  const std::lock_guard lock(mutex_);
  auto transaction = Transaction::begin(database_);
  if (!transaction) return all_fail(transaction.error());
  for (std::size_t i = 0; i < writes.size(); ++i) {
    results[i] = write_one(*writes[i]);
    if (results[i]) continue;
    const auto code = results[i].error().code;
    // After another failure the transaction may be over already.
    if (code != ErrorCode::kNotFound && code != ErrorCode::kConflict) return all_fail(results[i].error());
  }
  if (const auto done = transaction->commit(); !done) return all_fail(done.error());
  return results;
}

Result<void> SqliteStore::forget_calls(Instant before) {
  const std::lock_guard lock(mutex_);
  TRY(statements_->forget_calls->bind(1, unix_millis(before)).run());
  return {};
}

Result<void> SqliteStore::load_entities(const std::function<Result<void>(std::string_view record)>& each) {
  const std::lock_guard lock(mutex_);
  return entity_rows_->load(each);
}

Result<void> SqliteStore::save_entities(std::span<const facts::StoredEntity> entities) {
  const std::lock_guard lock(mutex_);
  auto transaction = TRY(Transaction::begin(database_));
  TRY(entity_rows_->save(entities));
  return transaction.commit();
}

Result<std::vector<facts::StoredEntity>> SqliteStore::entities_after(std::string_view type,
                                                                     std::string_view id, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  return entity_rows_->after(type, id, limit);
}

Result<void> SqliteStore::save(const token::Revocation& revocation) {
  const std::lock_guard lock(mutex_);
  TRY(statements_->save_revocation->bind(1, revocation.jti)
          .bind(2, unix_millis(revocation.expires_at))
          .run());
  return {};
}

// Until it changes nothing more; whoever has something urgent to save comes in between.
template <class Part>
Result<void> SqliteStore::in_parts(Part part) {
  for (std::int64_t changed = 1; changed > 0;) {
    const std::lock_guard lock(mutex_);
    changed = TRY(part());
  }
  return {};
}

Result<void> SqliteStore::forget_revocations(Instant expired_by) {
  return in_parts([&] { return statements_->forget_revocations->bind(1, unix_millis(expired_by)).run(); });
}

Result<std::vector<token::Revocation>> SqliteStore::load() {
  const std::lock_guard lock(mutex_);
  std::vector<token::Revocation> revocations;
  TRY(statements_->load_revocations->for_each_row([&](const Statement& row) -> Result<void> {
    revocations.push_back({std::string(row.text(0)), Instant(Duration(row.number(1)))});
    return {};
  }));
  return revocations;
}

Result<void> SqliteStore::forget_used(Instant until) {
  TRY(in_parts([&] { return statements_->forget_used->bind(1, unix_millis(until)).run(); }));
  const std::lock_guard lock(mutex_);
  used_identifiers_ = TRY(database_.number("SELECT count(*) FROM used_identifiers"));
  return {};
}

Result<bool> SqliteStore::first_use(std::string_view scope, std::string_view identifier, Instant until,
                                    Instant now) {
  // Hashed, so that a row has one size whatever the sender chose; the length keeps scope and identifier
  // apart.
  const auto digest = crypto::sha256(fmt::format("{}:{}{}", scope.size(), scope, identifier));
  const std::lock_guard lock(mutex_);
  if (used_identifiers_ >= options_.max_used_identifiers) {
    static Notice notice;
    if (const auto times = notice.due())
      say_limit(fmt::format("{} used assertions are remembered, clients with new ones get 503 ({} times)",
                            used_identifiers_, *times));
    return failure(ErrorCode::kLimit, "replay guard: too many identifiers to remember");
  }
  auto& statement = statements_->use->bind(1, codec::base64url_encode(crypto::as_bytes(digest)))
                        .bind(2, unix_millis(until))
                        .bind(3, unix_millis(now));
  if (TRY(statement.run()) == 0) return false;
  ++used_identifiers_;
  return true;
}

Result<std::optional<audit::Head>> SqliteStore::load_head() {
  const std::lock_guard lock(mutex_);
  std::optional<audit::Head> head;
  TRY(statements_->load_head->for_each_row([&](const Statement& row) -> Result<void> {
    head = audit::head_from_text(fmt::format("{}:{}", row.number(0), row.text(1)));
    if (!head)
      return failure(ErrorCode::kCorrupt,
                     fmt::format("{}: the noted head of the audit log is malformed", database_.name()));
    return {};
  }));
  if (!head && !database_.made_now()) head.emplace();
  return head;
}

Result<void> SqliteStore::save_head(const audit::Head& head) {
  const std::lock_guard lock(mutex_);
  auto& statement = statements_->save_head->bind(1, static_cast<std::int64_t>(head.seq));
  const auto saved = statement.bind(2, head.hash).run();
  can_note_ = saved || saved.error().code == ErrorCode::kUnavailable;
  TRY(saved);
  return {};
}

Result<std::vector<token::StoredKey>> SqliteStore::load_keys() {
  const std::lock_guard lock(mutex_);
  std::vector<token::StoredKey> keys;
  TRY(statements_->load_keys->for_each_row([&](const Statement& row) -> Result<void> {
    const auto state = token::key_state_from_name(row.text(2));
    if (!state)
      return failure(ErrorCode::kCorrupt, fmt::format("{}: signing key `{}`: there is no state `{}`",
                                                      database_.name(), row.text(0), row.text(2)));
    keys.push_back({std::string(row.text(0)), std::string(row.text(1)), *state,
                    Instant(Duration(row.number(3))), Instant(Duration(row.number(4)))});
    return {};
  }));
  return keys;
}

// Freed bytes are overwritten, and the log, which has the pages as they were, is cut.
Result<void> SqliteStore::save_keys(std::span<const token::StoredKey> keys) {
  const std::lock_guard lock(mutex_);
  TRY(database_.execute("PRAGMA secure_delete=ON"));
  auto written = write_keys(keys);
  if (written) written = database_.execute("PRAGMA wal_checkpoint(TRUNCATE)");
  TRY(database_.execute("PRAGMA secure_delete=OFF"));
  return written;
}

Result<void> SqliteStore::keep_issuer_prefixes(const IssuerPrefixes& now) {
  const std::lock_guard lock(mutex_);
  return store::keep_issuer_prefixes(database_, now);
}

Result<void> SqliteStore::write_keys(std::span<const token::StoredKey> keys) {
  auto transaction = TRY(Transaction::begin(database_));
  TRY(statements_->delete_keys->run());
  auto position = static_cast<std::int64_t>(keys.size());
  for (const auto& key : keys) {
    auto& row = statements_->save_key->bind(1, position--).bind(2, key.kid).bind(3, key.text);
    TRY(row.bind(4, token::key_state_name(key.state))
            .bind(5, unix_millis(key.since))
            .bind(6, unix_millis(key.until))
            .run());
  }
  return transaction.commit();
}

}  // namespace writ::store
