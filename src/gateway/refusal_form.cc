#include "gateway/refusal_form.h"

#include <array>
#include <fmt/format.h>
#include <string>
#include <string_view>

#include "codec/ascii.h"
#include "codec/json.h"
#include "report/html.h"

namespace writ::gateway {
namespace {

using codec::Json;

// Strangers are refused on a loop, and longer lists are not worth its time. Browsers send about 200 bytes.
constexpr std::size_t kMostRead = 1024;

// RFC 9110 §12.4.2, in thousandths. What is not a weight counts as none: the form is then not asked for.
int weight_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  if (text.size() > 1 && text[1] != '.') return 0;
  int weight = (text[0] - '0') * 1000, place = 100;
  for (const char digit : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (digit < '0' || digit > '9') return 0;
    weight += (digit - '0') * place;
    place /= 10;
  }
  return weight > 1000 ? 0 : weight;
}

// How much a type is liked, and how exactly it is named: `*/*` 1, `text/*` 2, `text/html` 3.
struct Liked {
  int weight = 0, exact = 0;
};

void like(Liked& liked, std::string_view range, std::string_view type, int weight) {
  const auto major = type.substr(0, type.find('/') + 1);
  const bool of_major = range.size() == major.size() + 1 && range.starts_with(major) && range.back() == '*';
  const int exact = range == type ? 3 : of_major ? 2 : range == "*/*" ? 1 : 0;
  if (exact > liked.exact || (exact == liked.exact && exact > 0 && weight > liked.weight))
    liked = {weight, exact};
}

const std::string& text_of(const Json& body, std::string_view name) {
  static const std::string none;
  const auto* text = body.find_string(name);
  return text != nullptr ? *text : none;
}

std::string title_of(int status) {
  switch (status) {
    case 401:
      return "You have to sign in";
    case 403:
      return "You may not do this";
    case 404:
      return "There is nothing here";
    case 429:
      return "Too many requests";
    default:
      return std::string(http::status_phrase(status));
  }
}

std::string problem_of(const Json& body, int status) {
  const auto& reason = text_of(body, body.find("reason") != nullptr ? "reason" : "error");
  auto problem = Json::object();
  problem.set("type", "urn:writ:problem:" + reason);
  problem.set("title", std::string(http::status_phrase(status)));
  problem.set("status", status);
  problem.set("detail", text_of(body, "message"));
  for (const auto& [name, value] : *body.if_object()) problem.set(name, value);
  return problem.dump();
}

// The status that a client of gRPC takes the HTTP status for, where it is told no other.
int grpc_status_of(int status) {
  switch (status) {
    case 400:
      return 13;  // INTERNAL
    case 401:
      return 16;  // UNAUTHENTICATED
    case 403:
      return 7;  // PERMISSION_DENIED
    case 404:
    case 405:
      return 12;  // UNIMPLEMENTED
    case 429:
    case 502:
    case 503:
    case 504:
      return 14;  // UNAVAILABLE
    default:
      return 2;  // UNKNOWN
  }
}

// Percent-encoded but for what stands for itself, as gRPC has it.
std::string grpc_message(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const unsigned char byte : text.substr(0, kMostRead)) {
    if (byte >= 0x20 && byte < 0x7f && byte != '%') {
      encoded += static_cast<char>(byte);
    } else {
      encoded += '%';
      encoded += kDigits[byte >> 4];
      encoded += kDigits[byte & 15];
    }
  }
  return encoded;
}

void say_in_grpc(http::Headers& headers, int status, std::string_view reason, std::string_view message) {
  headers.add("grpc-status", std::to_string(status));
  headers.add("grpc-message", grpc_message(fmt::format("{}: {}", reason, message)));
  if (!reason.empty()) headers.add("writ-reason", reason);
}

// What is not JSON has a status all the same.
http::Response grpc_of(const http::Response& response) {
  auto headers = response.headers;
  headers.set("Content-Type", "application/grpc");
  const auto status = grpc_status_of(response.status);
  const auto body = codec::parse_json(response.body);
  if (body && body->is_object()) {
    const auto& reason = text_of(*body, body->find("reason") != nullptr ? "reason" : "error");
    say_in_grpc(headers, status, reason, text_of(*body, "message"));
  } else {
    headers.add("grpc-status", std::to_string(status));
  }
  return {.status = 200, .headers = std::move(headers), .body = {}};
}

std::string page_of(const Json& body, int status) {
  using report::element;
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> shown{{{"reason", "Reason"},
                                                                                {"error", "Error"},
                                                                                {"party", "Refused for"},
                                                                                {"path", "Missing fact"},
                                                                                {"approval", "Approval"},
                                                                                {"request_id", "Request"}}};
  report::Markup facts;
  for (const auto& [name, label] : shown) {
    const auto& text = text_of(body, name);
    if (!text.empty()) facts += element("dt", label) + element("dd", element("code", text));
  }
  auto content = element("p", text_of(body, "message")) + element("dl", facts);
  content += element(
      "p",
      "Tell the number of the request to those who run this API, if you think that it should be permitted.");
  return report::page(title_of(status), content);
}

}  // namespace

RefusalForm form_asked_for(const http::Headers& request) {
  Liked json, problem, page;
  std::size_t left = kMostRead;
  for (std::size_t i = 0; i < request.size(); ++i) {
    if (codec::lowered(request[i].name) != "accept") continue;
    std::string_view rest = request[i].value;
    left -= std::min(left, rest.size());
    if (left == 0) return RefusalForm::kJson;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      auto range = rest.substr(0, comma);
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
      int weight = 1000;
      const auto semicolon = range.find(';');
      for (auto parameters = semicolon == std::string_view::npos ? std::string_view()
                                                                 : range.substr(semicolon + 1);
           !parameters.empty();) {
        const auto end = parameters.find(';');
        const auto parameter = codec::lowered(codec::trimmed(parameters.substr(0, end)));
        if (parameter.starts_with("q=")) weight = weight_of(std::string_view(parameter).substr(2));
        parameters = end == std::string_view::npos ? std::string_view() : parameters.substr(end + 1);
      }
      const auto type = codec::lowered(codec::trimmed(range.substr(0, semicolon)));
      like(json, type, "application/json", weight);
      like(problem, type, "application/problem+json", weight);
      like(page, type, "text/html", weight);
    }
  }
  // By a name of its own, so that `*/*` of a program stays JSON.
  const int best_other = std::max(json.weight, problem.exact == 3 ? problem.weight : 0);
  if (page.exact == 3 && page.weight > best_other) return RefusalForm::kPage;
  return problem.exact == 3 && problem.weight > json.weight ? RefusalForm::kProblem : RefusalForm::kJson;
}

bool is_grpc(const http::Headers& headers) {
  constexpr std::string_view kType = "application/grpc";
  const auto type = headers.find("Content-Type").value_or("");
  return http::equal_ignoring_case(type.substr(0, kType.size()), kType) &&
         (type.size() == kType.size() || type[kType.size()] == '+' || type[kType.size()] == ';');
}

http::Headers grpc_end(std::string_view reason, std::string_view message) {
  const bool late = reason == "idle_timeout" || reason == "whole_timeout";
  http::Headers headers{{"Content-Type", "application/grpc"}};
  // DEADLINE_EXCEEDED, UNAVAILABLE, PERMISSION_DENIED
  say_in_grpc(headers, late ? 4 : reason == "server_stopping" ? 14 : 7, reason, message);
  return headers;
}

RefusalForm form_asked_for(const http::Exchange& exchange) {
  const auto& headers = exchange.request().headers;
  return exchange.carries_trailers() && is_grpc(headers) ? RefusalForm::kGrpc : form_asked_for(headers);
}

http::Response in_form(RefusalForm form, http::Response response) noexcept try {
  if (form == RefusalForm::kGrpc && response.status >= 400) return grpc_of(response);
  if (form == RefusalForm::kJson || response.status < 400 ||
      response.headers.find("Content-Type") != "application/json")
    return response;
  const auto body = codec::parse_json(response.body);
  if (!body || !body->is_object() || body->find_string("error") == nullptr) return response;
  auto headers = response.headers;
  auto text =
      form == RefusalForm::kPage ? page_of(*body, response.status) : problem_of(*body, response.status);
  if (form == RefusalForm::kPage) {
    headers.set("Content-Type", "text/html; charset=utf-8");
    headers.set("Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    headers.set("X-Content-Type-Options", "nosniff");
  } else {
    headers.set("Content-Type", "application/problem+json");
  }
  headers.add("Vary", "Accept");
  return {.status = response.status, .headers = std::move(headers), .body = std::move(text)};
} catch (const std::exception&) {
  return response;
}

}  // namespace writ::gateway
