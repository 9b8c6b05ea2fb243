#include "postgres/testing/real_server.h"

#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <random>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "base/check.h"

namespace writ::postgres::testing {
namespace {

namespace fs = std::filesystem;

constexpr auto kPrograms = "/usr/lib/postgresql/15/bin/";

// PostgreSQL refuses to run as root; Debian's package makes this user.
const passwd* other_user() {
  if (::geteuid() != 0) return nullptr;
  const auto* user = ::getpwnam("postgres");
  WRIT_CHECK(user != nullptr);
  return user;
}

// Below those that the system hands out, so that it is still free when the server starts anew.
std::uint16_t free_port() {
  std::random_device device;
  for (;;) {
    const auto port = std::uniform_int_distribution<std::uint16_t>(10'000, 20'000)(device);
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool is_free = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    if (is_free) return port;
  }
}

pid_t spawn(const std::vector<std::string>& words, const fs::path& output) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const auto* user = other_user();
  const uid_t uid = user != nullptr ? user->pw_uid : 0;
  const gid_t gid = user != nullptr ? user->pw_gid : 0;
  const pid_t child = ::fork();
  if (child != 0) return child;
  const int log = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  ::dup2(log, 1);
  ::dup2(log, 2);
  const bool dropped = user == nullptr || (::setgid(gid) == 0 && ::setuid(uid) == 0);
  if (dropped) ::execv(arguments.front(), arguments.data());
  ::_exit(127);
}

void give(const fs::path& path) {
  if (const auto* user = other_user()) WRIT_CHECK(::chown(path.c_str(), user->pw_uid, user->pw_gid) == 0);
}

void write(const fs::path& path, std::string_view text) {
  std::ofstream(path) << text;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  give(path);
}

using Session = std::unique_ptr<PGconn, decltype(&PQfinish)>;

Session connect_as_owner(const fs::path& folder, std::uint16_t port, const char* database) {
  const auto text = fmt::format("host={} port={} user=owner dbname={}", folder.string(), port, database);
  return {PQconnectdb(text.c_str()), &PQfinish};
}

}  // namespace

RealServer::RealServer(const http::TlsIdentity* identity) : port_(free_port()) {
  std::string name = "/tmp/writ-postgres-XXXXXX";
  WRIT_CHECK(::mkdtemp(name.data()) != nullptr);
  folder_ = name;
  give(folder_);
  const auto data = (folder_ / "data").string();
  run({std::string(kPrograms) + "initdb", "-D", data, "--no-sync", "--auth-local=trust",
       "--auth-host=scram-sha-256", "-U", "owner", "--no-locale", "-E", "UTF8", "--no-instructions"});
  if (identity != nullptr) {
    write(folder_ / "server.crt", identity->chain);
    write(folder_ / "server.key", identity->key->expose());
    std::ofstream(folder_ / "data" / "postgresql.conf", std::ios::app) << fmt::format(
        "ssl = on\nssl_cert_file = '{0}/server.crt'\nssl_key_file = '{0}/server.key'\n", folder_.string());
  }
  start();
  const auto session = connect_as_owner(folder_, port_, "postgres");
  PQclear(PQexec(session.get(), "CREATE DATABASE shop"));
}

RealServer::~RealServer() {
  stop();
  fs::remove_all(folder_);
}

void RealServer::run(const std::vector<std::string>& words) {
  int status = 0;
  WRIT_CHECK(::waitpid(spawn(words, folder_ / "log"), &status, 0) > 0);
  WRIT_CHECK(status == 0);
}

void RealServer::start() {
  server_ =
      spawn({std::string(kPrograms) + "postgres", "-D", (folder_ / "data").string(), "-k", folder_.string(),
             "-p", std::to_string(port_), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"},
            folder_ / "log");
  for (;;) {
    const auto session = connect_as_owner(folder_, port_, "postgres");
    if (PQstatus(session.get()) == CONNECTION_OK) return;
    WRIT_CHECK(::waitpid(server_, nullptr, WNOHANG) == 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

// At once: sessions are ended, and what is asked is ended with them.
void RealServer::stop() {
  if (server_ == 0) return;
  ::kill(server_, SIGINT);
  ::waitpid(server_, nullptr, 0);
  server_ = 0;
}

void RealServer::execute(std::string_view statements) {
  const auto session = connect_as_owner(folder_, port_, "shop");
  auto* result = PQexec(session.get(), std::string(statements).c_str());
  const auto status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    fmt::print(stderr, "{}\n", PQerrorMessage(session.get()));
  PQclear(result);
  WRIT_CHECK(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
}

std::string RealServer::value(std::string_view statement) {
  const auto session = connect_as_owner(folder_, port_, "shop");
  auto* result = PQexec(session.get(), std::string(statement).c_str());
  WRIT_CHECK(PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1);
  std::string value = PQgetvalue(result, 0, 0);
  PQclear(result);
  return value;
}

ServerSettings RealServer::reader() const {
  return {.host = "127.0.0.1",
          .port = port_,
          .database = "shop",
          .user = "reader",
          .password = std::make_shared<const Secret>("secret"),
          .tls = false,
          .timeout = std::chrono::seconds(30)};
}

}  // namespace writ::postgres::testing
