#include "cli/remote.h"

#include <cstdlib>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/jwt.h"
#include "cli/output.h"
#include "codec/base64url.h"
#include "files/files.h"
#include "http/target.h"

namespace writ::cli {
namespace {

constexpr std::size_t kMaxSecretBytes = 16 * 1024;
constexpr std::size_t kMaxResponseBytes = std::size_t{64} << 20;  // policies are shown whole
constexpr std::string_view kTokenEnvironment = "WRIT_TOKEN";

Result<std::string> first_line(const std::string& file) {
  auto text = TRY(files::read_file(file, kMaxSecretBytes));
  text.resize(std::min(text.size(), text.find_first_of("\r\n")));
  if (text.empty()) return failure(ErrorCode::kInvalid, fmt::format("`{}` is empty", file));
  return text;
}

// application/x-www-form-urlencoded: unreserved characters stay, every other byte becomes %XX.
void append_form_encoded(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '.' || c == '_') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
}

std::string encode_form(const FormFields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    if (!out.empty()) out += '&';
    append_form_encoded(out, name);
    out += '=';
    append_form_encoded(out, value);
  }
  return out;
}

}  // namespace

struct Remote::Connection {
  explicit Connection(http::Origin to) : origin(std::move(to)) {}
  http::Origin origin;
  http::Loops loops{1};
  http::Client client{loops, {}};
};

Option& add_remote_options(Command& command, RemoteOptions& options, const char* client) {
  auto& server = command.option("--server", options.server, "Writ's address").shows_default();
  command.option("--token-file", options.token_file, "file with an access token (or set WRIT_TOKEN)");
  command.option(client, options.client, "get a token as this client");
  command.option("--secret-file", options.secret_file, "file with the client's secret");
  command.option("--key-file", options.key_file, "file with the client's private key (JWK)");
  return server;
}

Remote::Remote(RemoteOptions options, std::unique_ptr<Connection> connection)
    : options_(std::move(options)), connection_(std::move(connection)) {}
Remote::Remote(Remote&&) noexcept = default;
Remote::~Remote() = default;

Result<Remote> Remote::open(RemoteOptions options) {
  auto origin = TRY(http::parse_origin(options.server));
  return Remote(std::move(options), std::make_unique<Connection>(std::move(origin)));
}

Result<void> Remote::authenticate(http::Outbound& request, FormFields& fields) {
  if (options_.client.empty()) return failure(ErrorCode::kInvalid, "no client: give --client");
  if (!options_.key_file.empty()) {
    const auto key = TRY(read_private_key(options_.key_file));
    fields.emplace_back("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    fields.emplace_back("client_assertion", TRY(client_assertion(key, options_.client, options_.server)));
    return {};
  }
  if (options_.secret_file.empty())
    return failure(ErrorCode::kInvalid, "no credentials: give --secret-file or --key-file");
  // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
  std::string credentials;
  append_form_encoded(credentials, options_.client);
  credentials += ':';
  append_form_encoded(credentials, TRY(first_line(options_.secret_file)));
  request.headers.add("Authorization", "Basic " + codec::base64_encode(credentials));
  return {};
}

Result<http::Response> Remote::post_token(FormFields fields) {
  http::Outbound request{.method = "POST", .target = "/oauth2/token", .headers = {}};
  TRY(authenticate(request, fields));
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  return connection_->client.fetch(connection_->origin, std::move(request), encode_form(fields));
}

Result<std::expected<std::string, http::Response>> Remote::token() {
  if (!options_.token_file.empty()) return first_line(options_.token_file);
  if (options_.client.empty()) {
    const char* token = std::getenv(std::string(kTokenEnvironment).c_str());
    if (token != nullptr && *token != '\0') return std::string(token);
    return failure(ErrorCode::kInvalid, "no token: give --token-file, set WRIT_TOKEN, or give --client");
  }
  auto answer = TRY(post_token({{"grant_type", "client_credentials"}, {"resource", options_.server}}));
  if (answer.status != 200)
    return std::expected<std::string, http::Response>(std::unexpected(std::move(answer)));
  const auto json = TRY(codec::parse_json(answer.body));
  const auto* token = json.find_string("access_token");
  if (token == nullptr) return failure(ErrorCode::kInvalid, "the server's answer has no token");
  return *token;
}

Result<http::Response> Remote::call(std::string method, std::string path,
                                    const std::optional<codec::Json>& body, const FormFields& query) {
  http::Outbound request{.method = std::move(method), .target = http::encode_path(path), .headers = {}};
  if (!query.empty()) request.target += "?" + encode_form(query);
  if (body) request.headers.add("Content-Type", "application/json");
  return send(std::move(request), body ? body->dump() : "");
}

Result<http::Response> Remote::post_lines(std::string path, std::string lines) {
  http::Outbound request{.method = "POST", .target = http::encode_path(path), .headers = {}};
  request.headers.add("Content-Type", "application/x-ndjson");
  return send(std::move(request), std::move(lines));
}

Result<http::Response> Remote::send(http::Outbound request, std::string body) {
  const auto bearer = TRY(token());
  // A client that gets no token is refused just as well.
  if (!bearer) return bearer.error();
  request.headers.add("Authorization", "Bearer " + *bearer);
  return connection_->client.fetch(connection_->origin, std::move(request), std::move(body),
                                   kMaxResponseBytes);
}

std::string token_text(const codec::Json& answer) {
  return show(answer, "access_token");
}

int report(const Result<http::Response>& answer, bool json, std::string (*text)(const codec::Json&)) {
  if (!answer) return fail(answer.error());
  const auto body = answer->body.empty() ? Result<codec::Json>(nullptr)
                                         : codec::parse_json(answer->body, {.max_bytes = kMaxResponseBytes});
  if (!body) return fail(fmt::format("the server's answer is not JSON (status {})", answer->status));
  if (answer->status >= 200 && answer->status < 300) {
    if (json) {
      print_json(*body);
    } else {
      print_text(text(*body));
    }
    return kYes;
  }
  if (json) print_json(*body);
  const auto reason = show(*body, "reason").empty() ? show(*body, "error") : show(*body, "reason");
  const auto message =
      show(*body, "message").empty() ? show(*body, "error_description") : show(*body, "message");
  fail(fmt::format("{} ({}): {}", reason, answer->status, message));
  const bool refused = body->find("reason") != nullptr;
  return answer->status >= 500 || (answer->status == 400 && !refused) ? kBroken : kNo;
}

Command& add_api_command(Command& group, const char* name, const char* help, ApiOptions& options) {
  auto& command = group.add(name, help);
  add_remote_options(command, options.remote);
  command.flag("--json", options.json, "print JSON");
  return command;
}

Command& add_list_command(Command& group, const char* name, const char* help, ApiOptions& options) {
  auto& command = add_api_command(group, name, help, options);
  command.option("--limit", options.limit, "how many at most; the server has a limit of its own");
  command.option("--after", options.after, "go on where an answer ended: its `next`");
  return command;
}

int call_api(const ApiOptions& options, std::string method, std::string path,
             std::string (*text)(const codec::Json&), const std::optional<codec::Json>& body,
             const FormFields& query) {
  auto remote = Remote::open(options.remote);
  if (!remote) return fail(remote.error());
  auto asked = query;
  if (options.limit) asked.emplace_back("limit", std::to_string(*options.limit));
  if (!options.after.empty()) asked.emplace_back("after", options.after);
  return report(remote->call(std::move(method), std::move(path), body, asked), options.json, text);
}

}  // namespace writ::cli
