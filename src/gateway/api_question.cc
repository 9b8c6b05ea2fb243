#include "gateway/api_question.h"

#include <fmt/format.h>

#include "gateway/asking.h"
#include "gateway/forwarded_headers.h"
#include "gateway/http_question.h"
#include "gateway/one_reading.h"
#include "gateway/refusal.h"

namespace writ::gateway {
namespace {

// What a change says of itself, and not of the resource.
void leave_out_the_change(http::Headers& headers) {
  headers.remove_all({"Content-Type", "Content-Encoding", "Content-Language", "Content-Location",
                      "Content-Disposition", "Content-Range", "Content-MD5", "Content-Digest", "Repr-Digest",
                      "Digest", "Expect", "Prefer", "Idempotency-Key", "Last-Event-ID", "Accept"});
  headers.add("Accept", "application/json");
}

// For who has no object of its own to ask with.
class AskingFor final : public Asking {
 public:
  AskingFor(const ApiQuestionParts& parts, const AnswerReader& reader,
            std::move_only_function<void(ApiOutcome&&)> done, std::shared_ptr<void> keeps)
      : Asking(parts, reader, std::move(keeps)), done_(std::move(done)) {}
  using Asking::ask;

 private:
  // What is borrowed lives no longer than that.
  void decided(ApiOutcome&& outcome) override { std::exchange(done_, nullptr)(std::move(outcome)); }

  std::move_only_function<void(ApiOutcome&&)> done_;
};

}  // namespace

void Asking::ask(const ApiQuestion& about, enforce::Question question) {
  about_.emplace(about);
  question_.emplace(std::move(question));
  parts_.enforcer.ask(*question_, [self = shared_from_this()](enforce::AskedOutcome&& outcome) {
    if (outcome) {
      self->asked_.emplace(*std::move(outcome));
    } else {
      self->outcome_.emplace(std::unexpected(std::move(outcome).error()));
    }
    self->on_loop([self] {
      if (self->asked_) return self->ask_api();
      self->decided(std::unexpected(ApiRefused(std::move(*self->outcome_).error())));
    });
  });
}

void Asking::give(http::Response response) {
  decided(std::unexpected(ApiRefused(std::move(response))));
}

void Asking::on_loop(http::Task work) {
  if (parts_.loops.current() == about_->loop) return work();
  parts_.loops.post(about_->loop, std::move(work));
}

// What answers HEAD is asked for as GET: without a body nothing could be read.
void Asking::ask_api() {
  const auto& route = about_->route;
  const auto& parties = asked_->parties();
  id_ = parties.request_id();
  auto path = route.upstream().path_prefix;
  path += about_->encoded_path;
  const auto header = parts_.context_headers[about_->loop].sign(
      parties, {.action = {route.action().type, route.action().id},
                .resource = {route.resource_type(), about_->resource_id},
                .method = "GET",
                .path = path,
                .asked = true});
  if (!header) return conclude_unread("the context header can't be signed");
  auto headers = route.forwarded().upstream(about_->request, parts_.proto, route.api(), parts_.left_out);
  ask_for_whole(headers);
  if (!about_->is_request_itself) leave_out_the_change(headers);
  headers.add(kContextHeader, *header);
  headers.add(kRequestIdHeader, *id_);
  std::string target(about_->encoded_path);
  if (!about_->query.empty()) target.append("?").append(about_->query);
  const auto& claims = parties.token().claims();
  call_ = http::UpstreamCall::open(
      parts_.client, route.to(),
      {.method = "GET",
       .target = std::move(target),
       .headers = std::move(headers),
       .party = {std::hash<std::string>()(claims.client_id), std::hash<std::string>()(claims.subject)}});
  read_whole_answer(
      parts_.loops, about_->loop, call_, {parts_.limits.max_bytes, parts_.limits.deadline},
      [self = shared_from_this()](const http::InboundHead& head) { return self->why_not(head); },
      [self = shared_from_this()](auto&& answer) { self->on_answer(std::move(answer)); });
}

std::string Asking::why_not(const http::InboundHead& head) {
  parts_.forwarded.fetch_add(1, std::memory_order_relaxed);
  if (head.status != 200) return fmt::format("its status is {}", head.status);
  if (!is_json(head.headers)) return "it is not JSON in UTF-8, as it is and whole";
  return {};
}

void Asking::on_answer(std::expected<WholeAnswer, UnreadAnswer>&& answer) {
  call_ = {};
  if (!answer) {
    if (answer.error().trouble) on_failure(*answer.error().trouble);
    return conclude_unread(std::move(answer.error().why));
  }
  head_ = std::move(answer->head);
  body_ = std::move(answer->body);
  conclude();
}

void Asking::on_failure(const http::CallError& error) {
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

void Asking::conclude_unread(std::string why) {
  read_.emplace();
  read_->answer.unreadable = "the API's answer cannot be read: " + std::move(why);
  decide();
}

void Asking::conclude() {
  if (body_.size() <= kMaxParsedOnLoopBytes) return parse();
  const auto source = http::Source::of(http::Address::parse(about_->request.peer_ip)).number;
  http::Task task = [self = shared_from_this()] { self->parse(); };
  http::Task refused = [self = shared_from_this()] {
    self->on_loop([self] { self->conclude_unread("too many long answers are read at the moment"); });
  };
  if (!parts_.workers.post(source, false, task, refused)) refused();
}

void Asking::parse() {
  const auto& route = about_->route;
  read_.emplace(reader_.read(std::move(body_), route.resource_type(), about_->resource_id,
                             route.facts(about_->values, about_->facts)));
  read_->answer.action = {route.element_action().type, route.element_action().id};
  read_->answer.element_type = route.element_type();
  decide();
}

void Asking::decide() {
  parts_.enforcer.answer(*std::move(asked_), read_->answer,
                         [self = shared_from_this()](enforce::Outcome&& outcome) {
                           self->outcome_.emplace(std::move(outcome));
                           self->on_loop([self] { self->end(); });
                         });
}

void Asking::end() {
  auto& outcome = *outcome_;
  if (outcome)
    return decided(ApiOutcome(std::in_place, *std::move(outcome), std::move(head_), *std::move(read_)));
  if (outcome.error().kind != enforce::Refused::Kind::kDecided) return give(audit_unavailable(*id_));
  give(unreached_ ? *std::move(unreached_) : refused_by_answer(*id_));
}

http::Response refused_by_answer(std::string_view request_id) {
  return refusal_response({Reason::kPolicyNoPermit, "no policy permits this request", {}, {}, {}},
                          request_id);
}

void ask_api(const ApiQuestionParts& parts, const ApiQuestion& asked, enforce::Question question,
             std::move_only_function<void(ApiOutcome&&)> done, std::shared_ptr<void> keeps) {
  const auto& reader = *asked.route.answer();
  std::make_shared<AskingFor>(parts, reader, std::move(done), std::move(keeps))
      ->ask(asked, std::move(question));
}

}  // namespace writ::gateway
