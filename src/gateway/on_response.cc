#include "gateway/on_response.h"

#include <fmt/format.h>

#include "base/recycled.h"
#include "gateway/asking.h"
#include "gateway/forwarded_headers.h"
#include "gateway/http_question.h"
#include "gateway/refusal.h"
#include "gateway/refusal_form.h"

namespace writ::gateway {
namespace {

// Of a list, fields may tell of what was taken out of it: counts, links, digests.
http::Headers fields_of_list(const http::Headers& received, std::string_view request_id) {
  http::Headers headers;
  for (const auto* name : {"Content-Type", "Content-Language"})
    if (const auto value = received.find(name)) headers.add(name, *value);
  headers.add(kRequestIdHeader, request_id);
  return headers;
}

class OnResponse final : public Asking {
 public:
  OnResponse(const ApiQuestionParts& parts, OnResponseRequest request, std::shared_ptr<void> keeps)
      : Asking(parts, *request.route->answer(), std::move(keeps)),
        exchange_(std::move(request.exchange)),
        in_force_(std::move(request.in_force)),
        route_(*request.route),
        values_(std::move(request.values)),
        resource_id_(std::move(request.resource_id)) {}

  void begin() {
    const auto& request = exchange_.request();
    // The API would read it, and decide by it what it answers.
    if (exchange_.has_body())
      return respond(
          error_answer(400, "invalid_request", "this request takes no body", enforce::RequestId::next()));
    amounts_ = route_.amounts(request, values_, std::string_view());
    facts_ = route_.find_facts(request, values_, std::string_view());
    enforce::Question question{.point = "gateway",
                               .sent = sent_in(request),
                               .credentials = credentials_in(request),
                               .api = route_.api(),
                               .action = {route_.action().type, route_.action().id},
                               .resource = {route_.resource_type(), resource_id_},
                               .attributes = route_.facts(values_, facts_.get()),
                               .amounts = amounts_,
                               .labels = route_.labels(),
                               .input = Route::input(facts_.get()),
                               .notes = notes_of(facts_.get()),
                               .approval = approval_in(request, route_.forwarded(), std::string_view()),
                               .public_origin = parts().public_origin,
                               .awaited = reader().awaited(),
                               .fulfils = true,
                               .in_force = in_force_};
    const ApiQuestion asked{.request = request,
                            .loop = exchange_.loop(),
                            .route = route_,
                            .values = values_,
                            .resource_id = resource_id_,
                            .facts = facts_.get(),
                            .encoded_path = request.encoded_path,
                            .query = request.query,
                            .is_request_itself = true};
    ask(asked, std::move(question));
  }

 private:
  void respond(http::Response response) {
    if (route_.cors() != nullptr) route_.cors()->mark(response.headers, exchange_.request().headers);
    // What passes has the API's own form.
    if (response.status >= 400) response = in_form(form_asked_for(exchange_), std::move(response));
    exchange_.respond(std::move(response));
  }

  void decided(ApiOutcome&& outcome) override {
    if (!outcome) {
      if (const auto* refused = std::get_if<enforce::Refused>(&outcome.error()))
        return respond(response_of(*refused));
      return respond(std::get<http::Response>(std::move(outcome).error()));
    }
    const auto obligations = outcome->permit.obligations();
    auto body = std::move(outcome->read).take_body(reader());
    if (obligations != nullptr) {
      auto left = codec::cut_json(body, *obligations, {.max_bytes = body.size()});
      if (!left) return respond(refused_by_answer(outcome->permit.request_id()));
      body = *std::move(left);
    }
    http::Response response{
        .status = 200,
        .headers = fields(outcome->head.headers, outcome->permit.request_id(), obligations != nullptr),
        .body = std::move(body)};
    response.headers.remove_all({"Expires", "Pragma", "Age", "Accept-Ranges", "Cache-Control"});
    response.headers.add("Cache-Control", "no-store");
    respond(std::move(response));
  }

  http::Headers fields(const http::Headers& received, std::string_view request_id, bool is_cut) const {
    if (reader().is_list()) return fields_of_list(received, request_id);
    return is_cut ? cut_answer_headers(received, request_id) : answer_headers(received, request_id);
  }

  http::Exchange exchange_;
  const std::shared_ptr<const enforce::InForce> in_force_;
  const Route& route_;
  const std::vector<std::string_view> values_;
  const std::string resource_id_;
  std::vector<task::NamedAmount> amounts_;
  std::unique_ptr<FoundFacts> facts_;
};

}  // namespace

void decide_on_response(const ApiQuestionParts& parts, OnResponseRequest request,
                        std::shared_ptr<void> keeps) {
  std::allocate_shared<OnResponse>(Recycled<OnResponse>(), parts, std::move(request), std::move(keeps))
      ->begin();
}

}  // namespace writ::gateway
