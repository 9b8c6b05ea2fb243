#include "http/call_side.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "base/notice.h"

namespace writ::http::internal {
namespace {

bool is_idempotent(std::string_view method) {
  static constexpr std::array<std::string_view, 6> kMethods = {"GET",   "HEAD", "OPTIONS",
                                                               "TRACE", "PUT",  "DELETE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

bool is_sendable_target(std::string_view target) {
  return target.starts_with('/') &&
         std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

CallSide::CallSide(std::shared_ptr<ClientCore> core, std::size_t loop, const Origin& origin, Outbound request)
    : core_(std::move(core)),
      loop_(loop),
      origin_(origin),
      request_(std::move(request)),
      length_left_(request_.content_length.value_or(0)),
      request_done_(!request_.has_body),
      shares_(core_->per_loop[loop].shares_of(origin)) {
  core_->per_loop[loop_].calls.insert(this);
}

CallSide::~CallSide() {
  give_share_back();
  core_->per_loop[loop_].calls.erase(this);
}

void CallSide::begin() {
  if (!is_token(request_.method) || !is_sendable_target(request_.target))
    return fail(CallError::Kind::kMalformed, "the request cannot be sent: method or target is not valid");
  if (!shares_.take(request_.party)) {
    core_->over_share.fetch_add(1, std::memory_order_relaxed);
    static Notice notice;
    if (const auto times = notice.due())
      say_limit(fmt::format("upstream {} has {} calls under way, a caller with many gets 503 ({} times)",
                            origin_.authority, shares_.taken(), *times));
    return fail(CallError::Kind::kOverloaded,
                fmt::format("upstream {} has {} connections already, or this caller its share of them",
                            origin_.authority, shares_.taken()));
  }
  has_share_ = true;
  find_connection();
}

bool CallSide::may_be_sent_twice() const noexcept {
  return !request_.has_body && is_idempotent(request_.method);
}

void CallSide::give_share_back() noexcept {
  if (std::exchange(has_share_, false)) shares_.give_back(request_.party);
}

void CallSide::take_over(CallSide& other) noexcept {
  has_share_ = std::exchange(other.has_share_, false);
}

void CallSide::tell_error() {
  if (write_callback_) post(write_callback_, CallResult<void>(std::unexpected(*error_)));
  if (head_callback_) post(head_callback_, CallResult<InboundHead>(std::unexpected(*error_)));
  if (body_callback_) post(body_callback_, CallResult<std::string_view>(std::unexpected(*error_)));
}

}  // namespace writ::http::internal
