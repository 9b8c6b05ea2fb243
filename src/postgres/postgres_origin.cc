#include "postgres/postgres_origin.h"

#include <fmt/format.h>
#include <fstream>
#include <libpq-fe.h>
#include <sys/stat.h>

#include "codec/utf8.h"
#include "crypto/hash.h"
#include "postgres/value.h"

namespace writ::postgres {
namespace {

using codec::Json;
using std::chrono::steady_clock;

constexpr std::size_t kMaxPasswordBytes = 1024;
constexpr std::chrono::minutes kMaxAge{5};  // so that a role, a name and a certificate are looked at again
constexpr std::uint32_t kFirstOwnType = 10'000;

// The moment and the file of a password: another one is another connection.
struct FileState {
  ino_t file = 0;
  std::int64_t seconds = 0, nanoseconds = 0;
  friend bool operator==(const FileState&, const FileState&) = default;
};

FileState state_of(const std::filesystem::path& path) {
  struct stat info {};
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return {};
  return {info.st_ino, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

// PostgreSQL's texts end at the first NUL, so that `o-1\0x` would be asked about as `o-1`.
Result<void> check_text(std::string_view text, std::string_view what) {
  if (text.find('\0') != text.npos || !codec::valid_utf8(text))
    return invalid(fmt::format("the {} is not a text that PostgreSQL can have", what));
  return {};
}

}  // namespace

// A connection with its statement.
class PostgresOrigin::Session {
 public:
  static Result<SessionPtr> open(const PostgresOriginSettings& settings, std::string_view password,
                                 const StopSignal& stop, Deadline deadline) {
    auto made = std::make_unique<Session>(settings);
    made->connection_ = TRY(ReadSession::open(settings.server, password, stop, deadline));
    TRY(made->prepare(deadline));
    return made;
  }
  explicit Session(const PostgresOriginSettings& settings)
      : settings_(settings), password_(state_of(settings.server.password_file)) {}

  bool is_current() const {
    return connection_->usable() && steady_clock::now() - began_ < kMaxAge &&
           state_of(settings_.server.password_file) == password_;
  }
  bool usable() const { return connection_->usable(); }
  bool lost() const { return connection_->lost(); }

  Result<std::optional<Json>> ask(const sources::SourceQuery& asked, Deadline deadline) {
    std::vector<std::string> parameters{asked.id};
    if (settings_.statement.has_tenant) parameters.push_back(*asked.tenant);
    const auto row = TRY(connection_->ask(parameters, deadline));
    if (row == nullptr) return std::nullopt;
    // Collations and types find rows whose id only resembles the one that was asked for.
    if (text_at(row.get(), id_) != asked.id)
      return invalid(fmt::format("the column `{}` is not the id that was asked for", settings_.id));
    auto said = Json::object();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const auto& [attribute, name] = settings_.attributes[i];
      const auto& column = columns_[i];
      if (PQgetisnull(row.get(), 0, column.number) != 0) {
        said.set(attribute, Json());
        continue;
      }
      auto value = value_of(column.type, text_at(row.get(), column));
      if (!value) return invalid(fmt::format("the column `{}` {}", name, value.error().message));
      said.set(attribute, *std::move(value));
    }
    return said;
  }

 private:
  struct Column {
    int number = 0;
    ColumnType type{};
  };

  static std::string_view text_at(const pg_result* row, const Column& column) {
    return {PQgetvalue(row, 0, column.number), static_cast<std::size_t>(PQgetlength(row, 0, column.number))};
  }

  Result<void> prepare(Deadline deadline) {
    const auto described = TRY(connection_->prepare(settings_.statement.text, deadline));
    id_ = TRY(column(described.get(), settings_.id, deadline));
    const auto kind = id_.type.kind;
    if (id_.type.is_array || (kind != ColumnKind::kText && kind != ColumnKind::kInteger))
      return invalid(
          fmt::format("the column `{}` is neither a text nor an integer, so it is not an id", settings_.id));
    for (const auto& [attribute, name] : settings_.attributes)
      columns_.push_back(TRY(column(described.get(), name, deadline)));
    return {};
  }

  Result<Column> column(const pg_result* described, const std::string& name, Deadline deadline) {
    std::optional<int> found;
    for (int i = 0; i < PQnfields(described); ++i) {
      if (name != PQfname(described, i)) continue;
      if (found) return invalid(fmt::format("the statement gives two columns `{}`", name));
      found = i;
    }
    if (!found) return invalid(fmt::format("the statement gives no column `{}`", name));
    const auto number = static_cast<std::uint32_t>(PQftype(described, *found));
    if (const auto type = builtin_type(number)) return Column{*found, *type};
    const auto [type_name, is_enum] = TRY(type_of(number, deadline));
    if (is_enum) return Column{*found, {ColumnKind::kText}};
    return invalid(
        fmt::format("the column `{}` is of the type `{}`, which is not read as a fact; cast it, "
                    "for example to text, bigint, numeric, timestamptz or text[]",
                    name, type_name));
  }

  struct NamedType {
    std::string name;
    bool is_enum;
  };
  Result<NamedType> type_of(std::uint32_t number, Deadline deadline) {
    const std::vector<std::string> parameters{std::to_string(number)};
    const auto rows =
        TRY(connection_->rows("SELECT pg_catalog.format_type(oid, NULL), typtype "
                              "FROM pg_catalog.pg_type WHERE oid = $1",
                              parameters, 1, deadline));
    if (rows.empty()) return NamedType{std::to_string(number), false};
    const auto* row = rows.front().get();
    const bool is_enum = number >= kFirstOwnType && std::string_view(PQgetvalue(row, 0, 1)) == "e";
    return NamedType{PQgetvalue(row, 0, 0), is_enum};
  }

  const PostgresOriginSettings& settings_;
  const steady_clock::time_point began_ = steady_clock::now();
  const FileState password_;
  std::unique_ptr<ReadSession> connection_;
  Column id_;
  std::vector<Column> columns_;  // of the attributes
};

PostgresOrigin::PostgresOrigin(PostgresOriginSettings settings) : settings_(std::move(settings)) {}

PostgresOrigin::~PostgresOrigin() = default;

Result<std::shared_ptr<const Secret>> PostgresOrigin::password() {
  if (settings_.server.password != nullptr) return settings_.server.password;
  if (settings_.server.password_file.empty()) return std::make_shared<const Secret>(std::string());
  std::ifstream file(settings_.server.password_file, std::ios::binary);
  std::string text(kMaxPasswordBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty() || text.size() > kMaxPasswordBytes || text.find('\0') != text.npos)
    return failure(ErrorCode::kUnavailable,
                   fmt::format("its password, the file `{}`, cannot be read or is not one",
                               settings_.server.password_file.string()));
  const std::string now(crypto::as_bytes(crypto::sha256(text)));
  const std::lock_guard lock(turn_);
  if (now != digest_) {
    if (!digest_.empty()) generation_.fetch_add(1, std::memory_order_acq_rel);
    digest_ = now;
  }
  return std::make_shared<const Secret>(std::move(text));
}

PostgresOrigin::SessionPtr PostgresOrigin::take_idle() {
  for (;;) {
    SessionPtr session;  // what is too old is ended without the lock
    const std::lock_guard lock(turn_);
    if (idle_.empty()) return nullptr;
    session = std::move(idle_.back());
    idle_.pop_back();
    if (session->is_current()) return session;
  }
}

Result<PostgresOrigin::SessionPtr> PostgresOrigin::open(Deadline deadline) {
  if (stop_.stopped()) return failure(ErrorCode::kUnavailable, "Writ is stopping");
  const auto secret = TRY(password());
  return Session::open(settings_, secret->expose(), stop_, deadline);
}

void PostgresOrigin::give_back(SessionPtr session) {
  if (!session->usable()) return;
  const std::lock_guard lock(turn_);
  idle_.push_back(std::move(session));
}

Result<void> PostgresOrigin::check() {
  give_back(TRY(open(steady_clock::now() + settings_.server.timeout)));
  return {};
}

Result<std::optional<Json>> PostgresOrigin::ask(const sources::SourceQuery& asked) {
  TRY(check_text(asked.id, "id"));
  if (settings_.statement.has_tenant) {
    if (!asked.tenant) return invalid("the statement wants a tenant, and the request is of none");
    TRY(check_text(*asked.tenant, "tenant"));
  }
  const auto deadline = steady_clock::now() + settings_.server.timeout;
  if (auto session = take_idle()) {
    auto said = session->ask(asked, deadline);
    const bool again = !said && session->lost();
    give_back(std::move(session));
    if (!again) return said;
  }
  // The server may have started anew since: it is asked once more, and those that it ended are forgotten.
  auto opened = open(deadline);
  if (!opened && opened.error().code == ErrorCode::kConflict) opened.error().code = ErrorCode::kUnavailable;
  auto session = TRY(std::move(opened));
  auto said = session->ask(asked, deadline);
  give_back(std::move(session));
  return said;
}

}  // namespace writ::postgres
