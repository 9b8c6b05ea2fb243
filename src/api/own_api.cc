#include "api/own_api.h"

#include "api/problem.h"
#include "gateway/http_question.h"
#include "gateway/refusal.h"
#include "http/headers.h"

namespace writ::api {
namespace {

// RFC 9110 §8.3.1: the media type, without its parameters.
bool is_json(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ')) content_type.remove_suffix(1);
  return http::equal_ignoring_case(content_type, "application/json");
}

}  // namespace

control::Caller caller_of(const http::Request& request) {
  return {gateway::sent_in(request), gateway::credentials_in(request)};
}

http::Response response_of(const control::Failure& failure) {
  return failure.visit(
      [](const Error& error) { return problem(error); },
      [](const enforce::Refused& refused) { return gateway::response_of(refused); },
      [](const task::NoRoom& full) { return too_many(full); },
      [](const control::NotRecorded& lost) { return gateway::audit_unavailable(lost.request_id); });
}

namespace {

void turn_away(const control::Authority& authority, http::Exchange exchange) {
  const auto caller = caller_of(exchange.request());
  // Good after all, a moment later: it may ask again.
  if (authority.token_of(caller)) return exchange.respond(http::overloaded_response());
  authority.turn_away(caller, [exchange = std::move(exchange)](const enforce::Outcome& outcome) mutable {
    exchange.respond(outcome ? http::overloaded_response() : gateway::response_of(outcome.error()));
  });
}

}  // namespace

void gate(const control::Authority& authority, http::Exchange exchange, http::Endpoints::Pass pass) {
  const auto caller = caller_of(exchange.request());
  if (authority.token_of(caller)) return pass(std::move(exchange), http::BodyOf::kKnown);
  const auto held = std::make_shared<http::Exchange>(std::move(exchange));
  std::move_only_function<void()> then = [&authority, held] { turn_away(authority, std::move(*held)); };
  // A provider may have a new key, or has to be asked about the token.
  if (!authority.wait_for_issuer(caller, then)) turn_away(authority, std::move(*held));
}

namespace {

Answer<void> check_media_type(const http::Request& request) {
  const auto type = request.headers.find("Content-Type");
  if (type && is_json(*type)) return {};
  return std::unexpected(
      http::error_response(415, "unsupported_media_type", "the body must be `application/json`"));
}

}  // namespace

Answer<codec::Json> read_json(const http::Request& request) {
  TRY(check_media_type(request));
  auto json = codec::parse_json(request.body);
  if (!json) return std::unexpected(problem(json.error()));
  return *std::move(json);
}

Answer<const codec::JsonNode*> read_json(const http::Request& request, codec::JsonReader& reader,
                                         codec::JsonReader::LargeIntegers large) {
  TRY(check_media_type(request));
  const auto json = reader.read(request.body, {}, large);
  if (!json) return std::unexpected(problem(json.error()));
  return *json;
}

http::Response answer_json(int status, const codec::Json& json) {
  auto response = http::json_response(status, json.dump());
  response.headers.set("Cache-Control", "no-store");
  return response;
}

Result<void> add_read(http::Endpoints& to, std::string_view path, http::Workers& readers,
                      http::Endpoints::Function function) {
  const auto read = std::make_shared<const http::Endpoints::Function>(std::move(function));
  return to.add_async("GET", path, [&readers, read](http::Exchange exchange, const http::PathValues& values) {
    http::hand_over(readers, std::move(exchange), [read, values](http::Exchange held) {
      auto response = (*read)(held.request(), values);
      held.respond(std::move(response));
    });
  });
}

}  // namespace writ::api
