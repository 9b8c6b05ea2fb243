// A request that the API's own answer decides: the API is asked for the resource, all of its answer is read,
// and the enforcer decides with what stands in there.
//
//   Enforcer::ask → GET to the API → AnswerReader → Enforcer::answer
//
// So decides where that answer goes out (gateway/on_response.h), and what changes a resource, which is read
// before (gateway/proxy.h). After the API was asked, every refusal looks the same: whatever it answered,
// whether nothing was there, it refused by itself, what it sent cannot be read, or a policy says no. Only
// that it cannot be reached is told, which says nothing of the resource.
//
// Thread-safe; each request stays on its exchange's loop.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "enforce/enforcer.h"
#include "gateway/answer_reader.h"
#include "gateway/context_header.h"
#include "gateway/left_out.h"
#include "gateway/routes.h"
#include "http/client.h"
#include "http/loops.h"
#include "http/workers.h"

namespace writ::gateway {

struct ApiAnswerLimits {
  std::size_t max_bytes;
  std::chrono::milliseconds deadline;  // from the question to the answer's last byte
};

// What it works with, of the proxy. All outlives it.
struct ApiQuestionParts {
  http::Loops& loops;
  http::Client& client;
  enforce::Enforcer& enforcer;
  http::Workers& workers;
  LeftOut& left_out;
  std::vector<ContextHeaders>& context_headers;  // by loop
  std::string_view proto, public_origin;
  ApiAnswerLimits limits;
  std::atomic<std::uint64_t>& forwarded;
  std::atomic<std::uint64_t>& failures;  // of the API
};

// Who asks, and for what. Borrowed until it is decided.
struct ApiQuestion {
  const http::Request& request;
  std::size_t loop;  // of its exchange
  const Route& route;
  const std::vector<std::string_view>& values;  // of the path
  const std::string& resource_id;
  const FoundFacts* facts;  // or null
  // What the API is asked for, in the encoding that was sent. With what the request says of a body and of how
  // it is to be answered left out, where that is about another request.
  std::string_view encoded_path, query = {};
  bool is_request_itself = false;
};

struct ApiDecided {
  enforce::Permit permit;
  http::InboundHead head;  // of the answer
  AnswerReader::Read read;
};
// Refused before the API was asked, or what the caller is answered after that.
using ApiRefused = std::variant<enforce::Refused, http::Response>;
using ApiOutcome = std::expected<ApiDecided, ApiRefused>;

// `question` awaits the route's attributes. Calls back once, on the loop. `done` keeps alive what is
// borrowed, `keeps` what the parts are of.
void ask_api(const ApiQuestionParts& parts, const ApiQuestion& asked, enforce::Question question,
             std::move_only_function<void(ApiOutcome&&)> done, std::shared_ptr<void> keeps);

// After the API was asked; always the same but for the id.
http::Response refused_by_answer(std::string_view request_id);

}  // namespace writ::gateway
