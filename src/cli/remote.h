// A Writ server as the commands see it: its address, and how this command authenticates.
//
// A command takes an access token (--token-file, or the environment variable WRIT_TOKEN), or gets one by
// client_credentials with a client's secret or key. Secrets come from files, never from arguments, which
// other users of the machine can read. One thread; blocking.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "codec/json.h"
#include "http/client.h"
#include "http/response.h"

namespace writ::cli {

struct RemoteOptions {
  std::string server = "http://127.0.0.1:8180";
  std::string token_file;
  std::string client;
  std::string secret_file;
  std::string key_file;
};

// Adds --server, which it returns, --token-file, --client (or what it is called instead), --secret-file and
// --key-file.
Option& add_remote_options(Command& command, RemoteOptions& options, const char* client = "--client");

using FormFields = std::vector<std::pair<std::string, std::string>>;

class Remote {
 public:
  static Result<Remote> open(RemoteOptions options);
  Remote(Remote&&) noexcept;
  ~Remote();

  // The token endpoint, with this client's credentials. The answer may be a refusal.
  Result<http::Response> post_token(FormFields fields);
  // A call of Writ's own API with this command's token; the path is not encoded yet. The answer may be a
  // refusal.
  Result<http::Response> call(std::string method, std::string path,
                              const std::optional<codec::Json>& body = std::nullopt,
                              const FormFields& query = {});
  // JSON lines, of which the answer is small.
  Result<http::Response> post_lines(std::string path, std::string lines);

 private:
  struct Connection;
  Remote(RemoteOptions options, std::unique_ptr<Connection> connection);
  Result<std::expected<std::string, http::Response>> token();
  Result<http::Response> send(http::Outbound request, std::string body);
  Result<void> authenticate(http::Outbound& request, FormFields& fields);

  RemoteOptions options_;
  std::unique_ptr<Connection> connection_;
};

// Prints the answer: on 2xx its JSON (or `text` made of it) and kYes; a refusal to standard error and kNo,
// what is broken kBroken.
int report(const Result<http::Response>& answer, bool json, std::string (*text)(const codec::Json&));

// Of an answer of the token endpoint.
std::string token_text(const codec::Json& answer);

// What the commands over /v1 have in common.
struct ApiOptions {
  RemoteOptions remote;
  bool json = false;
  // Of a list: how many, and what an answer gave as `next`.
  std::optional<std::int64_t> limit;
  std::string after;
};
// A command with the options of a remote one, and --json.
Command& add_api_command(Command& group, const char* name, const char* help, ApiOptions& options);
// The same for a list that comes in pieces: --limit and --after.
Command& add_list_command(Command& group, const char* name, const char* help, ApiOptions& options);
// Calls, and reports the answer.
int call_api(const ApiOptions& options, std::string method, std::string path,
             std::string (*text)(const codec::Json&), const std::optional<codec::Json>& body = std::nullopt,
             const FormFields& query = {});

}  // namespace writ::cli
