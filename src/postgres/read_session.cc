#include "postgres/read_session.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/blocking.h"
#include "base/require.h"
#include "http/source.h"

namespace writ::postgres {
namespace {

using std::chrono::steady_clock;

constexpr auto kPrepared = "writ";

// What the role may do beyond reading. Column privileges are privileges; the catalogue is everybody's.
constexpr auto kRoleCheck = R"(
  SELECT pg_catalog.current_setting('transaction_read_only'),
         r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication,
         (SELECT c.oid::pg_catalog.regclass::pg_catalog.text
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('r', 'p', 'v', 'f')
             AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
             AND (pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE')
                  OR pg_catalog.has_table_privilege(c.oid, 'DELETE, TRUNCATE'))
           LIMIT 1)
    FROM pg_catalog.pg_roles r
   WHERE r.rolname = CURRENT_USER)";

std::string trimmed(std::string_view text) {
  std::string line(text.substr(0, text.find('\n')));
  for (const std::string_view prefix : {"ERROR:  ", "FATAL:  "})
    if (line.starts_with(prefix)) line.erase(0, prefix.size());
  return line;
}

// PostgreSQL 15, appendix A. The statement, or what it was asked with, is at fault, and not the moment.
bool is_of_statement(std::string_view state) {
  constexpr std::array<std::string_view, 7> kClasses{"0A", "21", "22", "25", "2F", "42", "P0"};
  return std::ranges::any_of(kClasses, [&](std::string_view begin) { return state.starts_with(begin); });
}

// A plan that was made before the table changed, and a statement that a pooler has forgotten.
bool is_of_session(std::string_view state) {
  return state == "26000" || state == "0A000" || state.starts_with("08") || state.starts_with("57P");
}

}  // namespace

bool is_this_machine(std::string_view host) {
  if (host.starts_with('/') || host == "localhost") return true;
  const auto address = http::Address::parse(host);
  return address && address->is_loopback();
}

StopSignal::StopSignal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  WRIT_REQUIRE(event_ >= 0);
}

StopSignal::~StopSignal() {
  ::close(event_);
}

void StopSignal::stop() noexcept {
  const std::uint64_t one = 1;
  // It can fail only where it has been told so often that it is told.
  [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
}

bool StopSignal::stopped() const noexcept {
  pollfd event{event_, POLLIN, 0};
  return ::poll(&event, 1, 0) != 0;
}

void ResultFree::operator()(pg_result* result) const noexcept {
  PQclear(result);
}

ReadSession::~ReadSession() {
  PQfinish(session_);
}

// One line for each address that was tried.
std::string ReadSession::message() const {
  std::string text(PQerrorMessage(session_));
  while (text.ends_with('\n')) text.pop_back();
  for (auto at = text.find('\n'); at != text.npos; at = text.find('\n', at)) text.replace(at, 1, "; ");
  return text;
}

std::unexpected<Error> ReadSession::down(std::string why) {
  usable_ = false;
  const auto where =
      server_.host.starts_with('/') ? server_.host : fmt::format("{}:{}", server_.host, server_.port);
  return failure(ErrorCode::kUnavailable,
                 fmt::format("the database `{}` at `{}`: {}", server_.database, where, std::move(why)));
}

std::unexpected<Error> ReadSession::failed(const pg_result* result) {
  const char* code = result != nullptr ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
  const std::string_view state(code != nullptr ? code : "08000");
  lost_ = is_of_session(state) || PQstatus(session_) != CONNECTION_OK;
  const auto why = result != nullptr ? trimmed(PQresultErrorMessage(result)) : message();
  if (!is_of_statement(state)) return down(state == "57014" ? "no answer in time: " + why : why);
  // A caller's own id that is no number is no reason to connect again.
  usable_ = state.starts_with("22") && !lost_;
  return failure(ErrorCode::kInvalid, fmt::format("the statement: {}", why));
}

Result<std::unique_ptr<ReadSession>> ReadSession::open(const ServerSettings& server,
                                                       std::string_view password, const StopSignal& stop,
                                                       Deadline deadline) {
  may_block("a connection to PostgreSQL");
  auto made = std::unique_ptr<ReadSession>(new ReadSession(server, stop));
  TRY(made->connect(password, deadline));
  TRY(made->check_role(deadline));
  return made;
}

Result<void> ReadSession::connect(std::string_view password, Deadline deadline) {
  // These would lead elsewhere, and cannot be said to be empty.
  for (const char* name : {"PGHOSTADDR", "PGSERVICE"})
    if (std::getenv(name) != nullptr)
      return down(
          fmt::format("the environment has `{}`, which would lead elsewhere; start Writ without it", name));
  // An empty one would be taken from the environment.
  const std::string port = std::to_string(server_.port), secret(password.empty() ? "-" : password);
  const auto milliseconds = std::max<std::int64_t>(server_.timeout.count(), 1);
  const auto options = fmt::format(
      "-c default_transaction_read_only=on -c statement_timeout={0} -c lock_timeout={0} "
      "-c DateStyle=ISO -c TimeZone=UTC",
      milliseconds);
  // What is empty would be taken from the environment or the home folder; what is named here is not.
  constexpr auto kNone = "/nonexistent";
  const auto file = [](const std::filesystem::path& path) { return path.empty() ? kNone : path.c_str(); };
  const std::vector<std::pair<const char*, const char*>> parameters{
      {"host", server_.host.c_str()},
      {"port", port.c_str()},
      {"dbname", server_.database.c_str()},
      {"user", server_.user.c_str()},
      {"password", secret.c_str()},
      {"passfile", kNone},
      {"sslmode", server_.tls ? "verify-full" : "disable"},
      {"sslrootcert", file(server_.ca)},
      {"sslcert", file(server_.chain)},
      {"sslkey", file(server_.key)},
      {"sslcrl", kNone},
      {"sslcrldir", kNone},
      {"ssl_min_protocol_version", "TLSv1.2"},
      {"gssencmode", "disable"},
      {"target_session_attrs", "any"},
      {"client_encoding", "UTF8"},
      {"application_name", "writ"},
      {"options", options.c_str()},
  };
  std::vector<const char*> names, values;
  for (const auto& [name, value] : parameters) {
    names.push_back(name);
    values.push_back(value);
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  session_ = PQconnectStartParams(names.data(), values.data(), 0);
  if (session_ == nullptr) return down("there is no memory to connect");
  for (auto state = PGRES_POLLING_WRITING; PQstatus(session_) != CONNECTION_BAD;) {
    TRY(wait(state == PGRES_POLLING_WRITING, deadline));
    state = PQconnectPoll(session_);
    if (state == PGRES_POLLING_OK) break;
  }
  if (PQstatus(session_) != CONNECTION_OK) return down(message());
  PQsetnonblocking(session_, 1);
  return {};
}

Result<void> ReadSession::check_role(Deadline deadline) {
  const auto found = TRY(rows(kRoleCheck, {}, 1, deadline));
  if (found.empty()) return down("it does not say what the role may do");
  const auto* row = found.front().get();
  const auto refuse = [&](std::string_view why) {
    usable_ = false;
    return failure(ErrorCode::kConflict,
                   fmt::format("the role `{}` of the database `{}` {}; give Writ a role that may read what "
                               "the statement reads, and nothing else",
                               server_.user, server_.database, why));
  };
  if (std::string_view(PQgetvalue(row, 0, 0)) != "on") return refuse("has sessions that are not read-only");
  if (std::string_view(PQgetvalue(row, 0, 1)) != "f")
    return refuse("is a superuser, or may make roles or databases, or may replicate");
  if (PQgetisnull(row, 0, 2) == 0) return refuse(fmt::format("may write to `{}`", PQgetvalue(row, 0, 2)));
  return {};
}

Result<void> ReadSession::wait(bool for_writing, Deadline deadline) {
  const auto wanted = static_cast<short>(for_writing ? POLLIN | POLLOUT : POLLIN);
  std::array<pollfd, 2> events{pollfd{PQsocket(session_), wanted, 0}, pollfd{stop_.descriptor(), POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0) return down("no answer in time");
    const int ready =
        ::poll(events.data(), events.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready < 0 && errno != EINTR) return down("it cannot be waited for");
    if (events[1].revents != 0) return down("Writ is stopping");
    if (ready > 0) return {};
  }
}

Result<void> ReadSession::send(int sent, Deadline deadline) {
  lost_ = false;
  received_ = 0;
  if (sent == 0) {
    lost_ = true;
    return down(message());
  }
  for (int left = PQflush(session_); left != 0; left = PQflush(session_)) {
    if (left < 0) {
      lost_ = true;
      return down(message());
    }
    TRY(wait(true, deadline));
    if (PQconsumeInput(session_) == 0) return failed(nullptr);
  }
  return {};
}

// Null: there is no more.
Result<ResultPtr> ReadSession::next(Deadline deadline) {
  while (PQisBusy(session_) != 0) {
    TRY(wait(false, deadline));
    // libpq keeps a row, however long it is, until it is whole.
    int waiting = 0;
    if (::ioctl(PQsocket(session_), FIONREAD, &waiting) == 0) received_ += static_cast<std::size_t>(waiting);
    if (received_ > server_.max_answer_bytes) {
      usable_ = false;
      return failure(ErrorCode::kLimit,
                     fmt::format("the statement answers with more than {} bytes", server_.max_answer_bytes));
    }
    if (PQconsumeInput(session_) == 0) return failed(nullptr);
  }
  return ResultPtr(PQgetResult(session_));
}

// One past `most` ends the session, because more may come.
Result<std::vector<ResultPtr>> ReadSession::collect(std::size_t most, Deadline deadline) {
  std::vector<ResultPtr> rows;
  std::optional<Error> error;
  for (auto result = TRY(next(deadline)); result != nullptr; result = TRY(next(deadline))) {
    switch (PQresultStatus(result.get())) {
      case PGRES_SINGLE_TUPLE:
        if (rows.size() == most) {
          usable_ = false;
          return failure(ErrorCode::kInvalid, "the statement gives more than one row");
        }
        rows.push_back(std::move(result));
        break;
      case PGRES_TUPLES_OK:
      case PGRES_COMMAND_OK:
        break;
      default:
        if (!error) error = failed(result.get()).error();
    }
  }
  if (error) return std::unexpected(*std::move(error));
  return rows;
}

Result<ResultPtr> ReadSession::prepare(const std::string& text, Deadline deadline) {
  TRY(send(PQsendPrepare(session_, kPrepared, text.c_str(), 0, nullptr), deadline));
  TRY(collect(0, deadline));
  TRY(send(PQsendDescribePrepared(session_, kPrepared), deadline));
  ResultPtr described;
  for (auto result = TRY(next(deadline)); result != nullptr; result = TRY(next(deadline))) {
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return failed(result.get());
    described = std::move(result);
  }
  if (described == nullptr) return down("it does not describe the statement");
  return described;
}

Result<ResultPtr> ReadSession::ask(std::span<const std::string> parameters, Deadline deadline) {
  std::vector<const char*> values;
  for (const auto& value : parameters) values.push_back(value.c_str());
  TRY(send(PQsendQueryPrepared(session_, kPrepared, static_cast<int>(values.size()), values.data(), nullptr,
                               nullptr, 0),
           deadline));
  PQsetSingleRowMode(session_);
  auto rows = TRY(collect(1, deadline));
  return rows.empty() ? ResultPtr() : std::move(rows.front());
}

Result<std::vector<ResultPtr>> ReadSession::rows(const char* text, std::span<const std::string> parameters,
                                                 std::size_t most, Deadline deadline) {
  std::vector<const char*> values;
  for (const auto& value : parameters) values.push_back(value.c_str());
  TRY(send(PQsendQueryParams(session_, text, static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                             nullptr, 0),
           deadline));
  PQsetSingleRowMode(session_);
  return collect(most, deadline);
}

}  // namespace writ::postgres
