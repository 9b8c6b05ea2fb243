#include <utility>

#include "base/check.h"
#include "http/exchange_side.h"
#include "http/server.h"

namespace writ::http {

Exchange::Exchange(std::shared_ptr<internal::ExchangeSide> side) : side_(std::move(side)) {}

Exchange::Exchange(Exchange&& other) noexcept = default;

Exchange& Exchange::operator=(Exchange&& other) noexcept {
  if (this != &other) {
    if (side_ != nullptr) side_->abandoned();
    side_ = std::move(other.side_);
  }
  return *this;
}

Exchange::~Exchange() {
  if (side_ != nullptr) side_->abandoned();
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

bool Exchange::answered() const noexcept {
  return side_ == nullptr || side_->answered_;
}

void Exchange::read_body(BodyCallback callback) {
  WRIT_CHECK(side_ != nullptr);
  side_->read_body(std::move(callback));
}

void Exchange::read_whole_body(Exchange exchange, std::uint64_t max_body_bytes,
                               std::move_only_function<void(Exchange)> callback) {
  WRIT_CHECK(exchange.side_ != nullptr);
  const auto side = std::exchange(exchange.side_, nullptr);
  side->read_whole_body(max_body_bytes, std::move(callback));
}

void Exchange::respond(Response response) {
  WRIT_CHECK(side_ != nullptr);
  const auto side = std::exchange(side_, nullptr);
  side->respond(std::move(response));
}

void Exchange::start(ResponseHead head) {
  WRIT_CHECK(side_ != nullptr);
  side_->start(std::move(head));
}

void Exchange::write(std::string_view bytes, DoneCallback callback) {
  WRIT_CHECK(side_ != nullptr);
  side_->write(bytes, std::move(callback));
}

void Exchange::finish() {
  WRIT_CHECK(side_ != nullptr);
  const auto side = std::exchange(side_, nullptr);
  side->finish();
}

void Exchange::abort() {
  WRIT_CHECK(side_ != nullptr);
  const auto side = std::exchange(side_, nullptr);
  side->abort();
}

}  // namespace writ::http
