#include "http/exchange.h"

#include <chrono>
#include <new>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/require.h"
#include "http/exchange_side.h"

namespace writ::http {
namespace {
constexpr int kAbandonAttempts = 1000;
constexpr std::chrono::milliseconds kAbandonPause{1};
}  // namespace

Exchange::Exchange(std::shared_ptr<internal::ExchangeSide> side) : side_(std::move(side)) {}

Exchange& Exchange::operator=(Exchange&& other) noexcept {
  if (this != &other) {
    abandon();
    side_ = std::move(other.side_);
  }
  return *this;
}

// To say so takes memory on another thread than the loop's. Without any for so long, the connection could
// never be answered nor closed, and the process ends on purpose.
void Exchange::abandon() noexcept {
  const auto side = leave();
  if (side == nullptr) return;
  for (int attempt = 0; attempt < kAbandonAttempts; ++attempt) {
    try {
      return side->abandoned();
    } catch (const std::bad_alloc&) {
      std::this_thread::sleep_for(kAbandonPause);
    }
  }
  WRIT_CHECK(!"memory to tell that a request is abandoned");
}

std::shared_ptr<internal::ExchangeSide> Exchange::leave() noexcept {
  if (side_ != nullptr) side_->kept_ = nullptr;
  return std::exchange(side_, nullptr);
}

const Request& Exchange::request() const noexcept {
  return side_->request_;
}

std::size_t Exchange::loop() const noexcept {
  return side_->loop_;
}

bool Exchange::has_body() const noexcept {
  return side_->framing_.has_body();
}

std::optional<std::uint64_t> Exchange::content_length() const noexcept {
  return side_->framing_.chunked ? std::nullopt : std::optional(side_->framing_.content_length.value_or(0));
}

bool Exchange::carries_trailers() const noexcept {
  return side_->carries_trailers_;
}

const Headers& Exchange::trailers() const noexcept {
  return side_->trailers_;
}

bool Exchange::body_at_hand() const noexcept {
  return !side_->framing_.has_body() || side_->body_at_hand();
}

bool Exchange::answered() const noexcept {
  return side_ == nullptr || side_->answered_;
}

void Exchange::add_to_answer(std::string_view name, std::string_view value) {
  WRIT_REQUIRE(side_ != nullptr);
  side_->added_.add(name, value);
}

void Exchange::keep(std::shared_ptr<void> kept) {
  WRIT_REQUIRE(side_ != nullptr);
  side_->kept_ = std::move(kept);
}

void Exchange::keep_body() {
  WRIT_REQUIRE(side_ != nullptr);
  side_->keep_body();
}

void Exchange::read_body(BodyCallback callback) {
  WRIT_REQUIRE(side_ != nullptr);
  side_->read_body(std::move(callback));
}

void Exchange::read_whole_body(Exchange exchange, std::uint64_t max_body_bytes,
                               std::move_only_function<void(Exchange)> callback, BodyOf whose) {
  WRIT_REQUIRE(exchange.side_ != nullptr);
  const auto side = std::exchange(exchange.side_, nullptr);
  side->read_whole_body(max_body_bytes, whose, std::move(callback));
}

void Exchange::respond(Response response) {
  WRIT_REQUIRE(side_ != nullptr);
  // When this fails for want of memory, the exchange is there still, and answers 500 as it goes.
  add_to(response.headers);
  side_->kept_ = nullptr;
  side_->respond(std::move(response));
  side_ = nullptr;
}

void Exchange::start(ResponseHead head) {
  WRIT_REQUIRE(side_ != nullptr);
  add_to(head.headers);
  side_->start(std::move(head));
}

void Exchange::add_to(Headers& headers) const {
  const auto& added = side_->added_;
  for (std::size_t i = 0; i < added.size(); ++i) headers.add(added[i].name, added[i].value);
}

void Exchange::write(std::string_view bytes, DoneCallback callback) {
  WRIT_REQUIRE(side_ != nullptr);
  side_->write(bytes, std::move(callback));
}

void Exchange::finish(Headers trailers) {
  WRIT_REQUIRE(side_ != nullptr);
  leave()->finish(std::move(trailers));
}

void Exchange::let_last() {
  WRIT_REQUIRE(side_ != nullptr);
  side_->let_last();
}

void Exchange::abort() {
  WRIT_REQUIRE(side_ != nullptr);
  leave()->abort();
}

}  // namespace writ::http
