#include "authzen/echoed_ids.h"

#include "gateway/refusal.h"

namespace writ::authzen {
namespace {

constexpr std::string_view kFace = "/access/v1/";

}  // namespace

std::string_view given_id(const http::Request& request) noexcept {
  return request.headers.find(gateway::kRequestIdHeader).value_or(std::string_view());
}

void EchoedIds::handle(http::Exchange exchange) {
  const auto& request = exchange.request();
  // A copy: the answer may outlive the head.
  const std::string id(given_id(request));
  if (!id.empty() && request.path.starts_with(kFace)) exchange.add_to_answer(gateway::kRequestIdHeader, id);
  next_->handle(std::move(exchange));
}

}  // namespace writ::authzen
