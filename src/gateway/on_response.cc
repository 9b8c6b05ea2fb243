#include "gateway/on_response.h"

#include <fmt/format.h>

#include "gateway/forwarded_headers.h"
#include "gateway/http_question.h"
#include "gateway/one_reading.h"
#include "gateway/refusal.h"
#include "gateway/refusal_form.h"
#include "gateway/whole_answer.h"
#include "http/upstream_call.h"

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

class OnResponse : public std::enable_shared_from_this<OnResponse> {
 public:
  OnResponse(const OnResponseParts& parts, OnResponseRequest request, std::shared_ptr<void> keeps)
      : keeps_(std::move(keeps)),
        parts_(parts),
        exchange_(std::move(request.exchange)),
        in_force_(std::move(request.in_force)),
        route_(*request.route),
        values_(std::move(request.values)),
        resource_id_(std::move(request.resource_id)),
        reader_(*route_.answer()) {}

  void begin() {
    const auto& request = exchange_.request();
    // The API would read it, and decide by it what it answers.
    if (exchange_.has_body())
      return respond(
          error_answer(400, "invalid_request", "this request takes no body", enforce::RequestId::next()));
    amounts_ = route_.amounts(request, values_, {});
    facts_ = route_.find_facts(request, values_, {});
    const enforce::Question question{.point = "gateway",
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
                                     .public_origin = parts_.public_origin,
                                     .awaited = reader_.awaited(),
                                     .fulfils = true,
                                     .in_force = in_force_};
    parts_.enforcer.ask(question, [self = shared_from_this()](enforce::AskedOutcome outcome) {
      self->on_loop([self, outcome = std::make_shared<enforce::AskedOutcome>(std::move(outcome))] {
        if (*outcome) return self->ask_api(std::move(**outcome));
        self->respond(response_of(outcome->error()));
      });
    });
  }

 private:
  void respond(http::Response response) {
    if (route_.cors() != nullptr) route_.cors()->mark(response.headers, exchange_.request().headers);
    exchange_.respond(in_form(form_asked_for(exchange_), std::move(response)));
  }

  void on_loop(http::Task work) {
    if (parts_.loops.current() == exchange_.loop()) return work();
    parts_.loops.post(exchange_.loop(), std::move(work));
  }

  // What answers HEAD is asked for as GET: without a body nothing could be read.
  void ask_api(enforce::ApiAsked asked) {
    const auto& request = exchange_.request();
    asked_.emplace(std::move(asked));
    const auto& parties = asked_->parties();
    id_ = parties.request_id();
    auto path = route_.upstream().path_prefix;
    path += request.encoded_path;
    const auto header = parts_.context_headers[exchange_.loop()].sign(
        parties, {.action = {route_.action().type, route_.action().id},
                  .resource = {route_.resource_type(), resource_id_},
                  .method = "GET",
                  .path = path,
                  .asked = true});
    if (!header) return conclude_unread("the context header can't be signed");
    auto headers = route_.forwarded().upstream(request, parts_.proto, route_.api(), parts_.left_out);
    ask_for_whole(headers);
    headers.add(kContextHeader, *header);
    headers.add(kRequestIdHeader, *id_);
    auto target = request.encoded_path;
    if (!request.query.empty()) target.append("?").append(request.query);
    const auto& claims = parties.token().claims();
    call_ = http::UpstreamCall::open(
        parts_.client, route_.to(),
        {.method = "GET",
         .target = std::move(target),
         .headers = std::move(headers),
         .party = {std::hash<std::string>()(claims.client_id), std::hash<std::string>()(claims.subject)}});
    read_whole_answer(
        parts_.loops, exchange_.loop(), call_, {parts_.limits.max_answer_bytes, parts_.limits.deadline},
        [self = shared_from_this()](const http::InboundHead& head) { return self->why_not(head); },
        [self = shared_from_this()](auto answer) { self->on_answer(std::move(answer)); });
  }

  std::string why_not(const http::InboundHead& head) {
    parts_.forwarded.fetch_add(1, std::memory_order_relaxed);
    if (head.status != 200) return fmt::format("its status is {}", head.status);
    if (!is_json(head.headers)) return "it is not JSON in UTF-8, as it is and whole";
    return {};
  }

  void on_answer(std::expected<WholeAnswer, UnreadAnswer> answer) {
    call_ = {};
    if (!answer) {
      if (answer.error().trouble) on_failure(*answer.error().trouble);
      return conclude_unread(std::move(answer.error().why));
    }
    head_ = std::move(answer->head);
    body_ = std::move(answer->body);
    conclude();
  }

  void on_failure(const http::CallError& error) {
    parts_.failures.fetch_add(1, std::memory_order_relaxed);
    using Kind = http::CallError::Kind;
    // It was not asked, and nothing is told of what it has.
    if (error.kind == Kind::kUnreachable)
      unreached_ =
          error_answer(502, "upstream_unreachable", "the API behind this gateway can't be reached", *id_);
    if (error.kind == Kind::kOverloaded)
      unreached_ = error_answer(503, "overloaded",
                                "too many requests to the API behind this gateway are under way", *id_);
  }

  void conclude_unread(std::string why) {
    read_.emplace();
    read_->answer.unreadable = "the API's answer cannot be read: " + std::move(why);
    decide();
  }

  void conclude() {
    read_.emplace();
    if (body_.size() <= kMaxParsedOnLoopBytes) return parse();
    const auto source = http::Source::of(http::Address::parse(exchange_.request().peer_ip)).number;
    http::Task task = [self = shared_from_this()] { self->parse(); };
    http::Task refused = [self = shared_from_this()] {
      self->on_loop([self] { self->conclude_unread("too many long answers are read at the moment"); });
    };
    if (!parts_.workers.post(source, false, task, refused)) refused();
  }

  void parse() {
    *read_ = reader_.read(std::move(body_), route_.resource_type(), resource_id_,
                          route_.facts(values_, facts_.get()));
    read_->answer.action = {route_.element_action().type, route_.element_action().id};
    read_->answer.element_type = route_.element_type();
    decide();
  }

  void decide() {
    parts_.enforcer.answer(*std::move(asked_), read_->answer, [self = shared_from_this()](auto outcome) {
      if (outcome) self->obligations_ = outcome->obligations();
      self->on_loop([self, permitted = outcome.has_value(),
                     recorded = outcome || outcome.error().kind == enforce::Refused::Kind::kDecided] {
        self->go_on(permitted, recorded);
      });
    });
  }

  void go_on(bool permitted, bool recorded) {
    if (!recorded) return respond(audit_unavailable(*id_));
    if (!permitted) return respond(unreached_ ? *std::move(unreached_) : refused_by_answer(*id_));
    auto body = std::move(*read_).take_body(reader_);
    if (obligations_ != nullptr) {
      auto left = codec::cut_json(body, *obligations_, {.max_bytes = body.size()});
      if (!left) return respond(refused_by_answer(*id_));
      body = *std::move(left);
    }
    http::Response response{.status = 200, .headers = fields(), .body = std::move(body)};
    for (const auto* name : {"Expires", "Pragma", "Age", "Accept-Ranges"}) response.headers.remove(name);
    response.headers.set("Cache-Control", "no-store");
    respond(std::move(response));
  }

  http::Headers fields() const {
    if (reader_.is_list()) return fields_of_list(head_.headers, *id_);
    return obligations_ != nullptr ? cut_answer_headers(head_.headers, *id_)
                                   : answer_headers(head_.headers, *id_);
  }

  const std::shared_ptr<void> keeps_;
  const OnResponseParts parts_;
  http::Exchange exchange_;
  const std::shared_ptr<const enforce::InForce> in_force_;
  const Route& route_;
  const std::vector<std::string_view> values_;
  const std::string resource_id_;
  const AnswerReader& reader_;
  std::vector<task::NamedAmount> amounts_;
  std::unique_ptr<FoundFacts> facts_;
  std::optional<enforce::RequestId> id_;
  std::optional<enforce::ApiAsked> asked_;
  http::UpstreamCall call_;
  http::InboundHead head_{};
  std::string body_;
  std::optional<AnswerReader::Read> read_;
  std::shared_ptr<const codec::JsonCut> obligations_;  // of the permit; null: nothing is left out
  std::optional<http::Response> unreached_;
};

}  // namespace

http::Response refused_by_answer(std::string_view request_id) {
  return refusal_response({Reason::kPolicyNoPermit, "no policy permits this request", {}, {}, {}},
                          request_id);
}

void decide_on_response(const OnResponseParts& parts, OnResponseRequest request,
                        std::shared_ptr<void> keeps) {
  // Not make_shared: the deadline's timer would keep its place after it is gone.
  std::shared_ptr<OnResponse>(new OnResponse(parts, std::move(request), std::move(keeps)))->begin();
}

}  // namespace writ::gateway
