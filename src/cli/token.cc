// writ token: get a token, exchange one, sign one as the example's identity provider does, look into one.
#include <fmt/format.h>
#include <iostream>

#include "cli/commands.h"
#include "cli/jwt.h"
#include "cli/output.h"
#include "cli/remote.h"
#include "cli/token_for.h"
#include "files/files.h"
#include "jose/jws.h"

namespace writ::cli {
namespace {

struct TokenOptions {
  RemoteOptions remote;
  std::string audience;
  std::string purpose;
  std::string task;
  std::string subject_file;
  std::string subject_type = "urn:ietf:params:oauth:token-type:jwt";
  std::string key_file;
  std::string client;
  std::vector<std::string> claims;
  std::string typ = "JWT";
  std::int64_t lifetime_seconds = 300;
  std::string token_file;
  bool json = false;
};

Result<http::Response> request_token(const TokenOptions& options, FormFields fields) {
  auto remote = TRY(Remote::open(options.remote));
  if (!options.audience.empty()) fields.emplace_back("resource", options.audience);
  if (!options.purpose.empty()) fields.emplace_back("purpose", options.purpose);
  if (!options.task.empty()) fields.emplace_back("task", options.task);
  return remote.post_token(std::move(fields));
}

int get(const TokenOptions& options) {
  return report(request_token(options, {{"grant_type", "client_credentials"}}), options.json, token_text);
}

Result<std::string> read_token(const std::string& file) {
  auto text = TRY(files::read_file(file, 64 * 1024));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

int exchange(const TokenOptions& options) {
  auto subject = read_token(options.subject_file);
  if (!subject) return fail(subject.error());
  return report(request_token(options, {{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                                        {"subject_token", std::move(*subject)},
                                        {"subject_token_type", options.subject_type}}),
                options.json, token_text);
}

// name=value, where the value is JSON when it reads as a number, a boolean, a list or an object.
Result<codec::Json> claims_of(const std::vector<std::string>& texts) {
  auto claims = codec::Json::object();
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == text.npos)
      return failure(ErrorCode::kInvalid, fmt::format("claim `{}` is not name=value", text));
    if (claims.find(text.substr(0, equals)) != nullptr)
      return failure(ErrorCode::kInvalid, fmt::format("claim `{}` is given twice", text.substr(0, equals)));
    const auto value = text.substr(equals + 1);
    const auto json = codec::parse_json(value);
    claims.set(text.substr(0, equals), json ? *json : codec::Json(value));
  }
  return claims;
}

int print_token(const Result<std::string>& token) {
  if (!token) return fail(token.error());
  print_exact(*token);
  return kYes;
}

int sign(const TokenOptions& options) {
  const auto key = read_private_key(options.key_file);
  if (!key) return fail(key.error());
  auto claims = claims_of(options.claims);
  if (!claims) return fail(claims.error());
  return print_token(sign_claims(*key, std::move(*claims), options.lifetime_seconds, options.typ));
}

int assertion(const TokenOptions& options) {
  const auto key = read_private_key(options.key_file);
  if (!key) return fail(key.error());
  return print_token(client_assertion(*key, options.client, options.audience));
}

int decode(const TokenOptions& options) {
  auto text = read_token(options.token_file);
  if (!text) return fail(text.error());
  const auto jws = jose::parse_jws(*text, jose::Signers::kOthers);
  if (!jws) return fail(fmt::format("`{}` has no token: {}", options.token_file, jws.error().message));
  const auto claims = jose::parse_claims(jws->unverified_payload());
  if (!claims) return fail(fmt::format("`{}` has no token: {}", options.token_file, claims.error().message));
  print_json(codec::Json::object({{"verified", false}, {"header", jws->header()}, {"claims", *claims}}));
  return kYes;
}

void add_request_options(Command& command, TokenOptions& options) {
  add_remote_options(command, options.remote);
  command.option("--audience", options.audience, "the API the token is for").required();
  command.option("--purpose", options.purpose, "what the token is for");
  command.option("--task", options.task, "the task it belongs to");
  command.flag("--json", options.json, "print the whole answer as JSON");
}

}  // namespace

void add_token(Command& program) {
  auto options = std::make_shared<TokenOptions>();
  auto& token = program.add("token", "get, exchange, sign and read tokens");

  auto& get_command = token.add("get", "get a token for a client (client_credentials)");
  add_request_options(get_command, *options);
  get_command.runs([options] { return get(*options); });

  auto& exchange_command = token.add("exchange", "exchange a user's token for an API's (RFC 8693)");
  add_request_options(exchange_command, *options);
  exchange_command.option("--subject-token-file", options->subject_file, "file with the user's token")
      .required();
  exchange_command.option("--subject-token-type", options->subject_type, "the type of the user's token")
      .shows_default();
  exchange_command.runs([options] { return exchange(*options); });

  add_token_for(token);

  auto& sign_command = token.add("sign", "sign claims with a private key, as an identity provider does");
  sign_command.option("--key-file", options->key_file, "the private key (JWK)").required();
  sign_command.option("--claim", options->claims, "name=value; repeat for more");
  sign_command.option("--lifetime", options->lifetime_seconds, "seconds until `exp`").shows_default();
  sign_command.option("--typ", options->typ, "the header's `typ`").shows_default();
  sign_command.runs([options] { return sign(*options); });

  auto& assertion_command = token.add("assertion", "sign a client assertion (private_key_jwt)");
  assertion_command.option("--key-file", options->key_file, "the client's private key (JWK)").required();
  assertion_command.option("--client", options->client, "the client's id").required();
  assertion_command.option("--audience", options->audience, "Writ's issuer URL").required();
  assertion_command.runs([options] { return assertion(*options); });

  auto& decode_command = token.add("decode", "print a token's header and claims; verifies nothing");
  decode_command.option("file", options->token_file, "file with the token").required();
  decode_command.runs([options] { return decode(*options); });
}

}  // namespace writ::cli
