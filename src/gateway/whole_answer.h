// WholeAnswer: an API's answer that is read whole before any of it goes out, up to a size and within a time.
// For what is decided on it (gateway/on_response.h), and for what is cut (gateway/obliged.h).
//
// Loop thread only.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "http/client.h"
#include "http/loops.h"
#include "http/upstream_call.h"

namespace writ::gateway {

// What is longer is parsed by a worker, and not on a loop.
inline constexpr std::size_t kMaxParsedOnLoopBytes = 64 * 1024;

struct WholeAnswer {
  http::InboundHead head;
  std::string body;
};

// Why there is none.
struct UnreadAnswer {
  std::string why;
  std::optional<http::CallError> trouble = {};  // with the API; nothing: it answered, and that is of no use
};

struct WholeAnswerLimits {
  enum class From : std::uint8_t { kCall, kHead };
  std::size_t max_bytes;
  std::chrono::milliseconds deadline;  // to the answer's last byte, however alive it is
  From from = From::kCall;
};

// Why an answer with that head is of no use; empty: its body is read.
using HeadCheck = std::move_only_function<std::string(const http::InboundHead&)>;
using WholeAnswerDone = std::move_only_function<void(std::expected<WholeAnswer, UnreadAnswer>&&)>;

// Calls back once, unless the call is dropped before. `done` keeps alive what the call lives in.
void read_whole_answer(http::Loops& loops, std::size_t loop, http::UpstreamCall& call,
                       WholeAnswerLimits limits, HeadCheck check, WholeAnswerDone done);

}  // namespace writ::gateway
