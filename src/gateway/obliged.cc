#include "gateway/obliged.h"

#include <array>
#include <fmt/format.h>

#include "decision/obligations.h"
#include "gateway/forwarded_headers.h"
#include "gateway/one_reading.h"
#include "gateway/open_streams.h"
#include "gateway/proxy_answers.h"
#include "gateway/refusal.h"
#include "gateway/refusal_form.h"
#include "gateway/send_body.h"
#include "http/deadline.h"

namespace writ::gateway {
namespace {

http::Response unmet_answer(std::string_view request_id) {
  const auto denial = decision::obligation_unmet();
  return refusal_response({denial.reason, denial.message, {}, {}, {}}, request_id);
}

// RFC 9110 §9.2.1.
bool only_reads(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

// What the API gets of the conditions. Of a request that reads, none: 304 and 412 would tell whether a copy
// that the caller has is right. What changes something must not be done without its conditions, and `*` asks
// only whether anything is there. False: there is another one.
bool take_conditions(http::Headers& headers, std::string_view method) {
  http::Headers kept;
  if (!only_reads(method)) {
    for (const auto* name : {"If-Match", "If-None-Match"}) {
      const auto value = headers.find(name);
      if (!value) continue;
      if (*value != "*") return false;
      kept.add(name, "*");
    }
    for (const auto* name : {"If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range"})
      if (headers.contains(name)) return false;
  }
  ask_for_whole(headers);
  for (std::size_t i = 0; i < kept.size(); ++i) headers.add(kept[i].name, kept[i].value);
  return true;
}

class Obliged : public std::enable_shared_from_this<Obliged> {
 public:
  Obliged(const ObligedParts& parts, ObligedRequest request, std::shared_ptr<void> keeps)
      : keeps_(std::move(keeps)), parts_(parts), asked_(std::move(request)) {}

  void begin() {
    const auto& request = exchange().request();
    if (!take_conditions(asked_.headers, request.method))
      return unmet("the request has a condition that the answer would tell of, and changes something");
    auto target = request.encoded_path;
    if (!request.query.empty()) target.append("?").append(request.query);
    const bool has_body = exchange().has_body();
    const auto& read = asked_.body;
    call_ = http::UpstreamCall::open(parts_.client, asked_.route->to(),
                                     {.method = request.method,
                                      .target = std::move(target),
                                      .headers = std::move(asked_.headers),
                                      .has_body = has_body,
                                      .content_length = read ? std::optional<std::uint64_t>(read->size())
                                                        : has_body ? exchange().content_length()
                                                                   : std::nullopt,
                                      .party = asked_.party,
                                      .timeouts = timeouts_of(*asked_.route)});
    if (has_body)
      send_body(
          {exchange(), call_, asked_.body, over_, [self = shared_from_this()] { self->caller_left(); }});
    read_whole_answer(
        parts_.loops, exchange().loop(), call_,
        {parts_.max_answer_bytes, parts_.deadline, WholeAnswerLimits::From::kHead},
        [self = shared_from_this()](const http::InboundHead& head) { return self->why_not(head); },
        [self = shared_from_this()](auto answer) { self->on_answer(std::move(answer)); });
    if (const auto& whole = asked_.route->timeouts().whole; whole && !over_) end_after(*whole);
  }

 private:
  http::Exchange& exchange() noexcept { return asked_.exchange; }

  void end_after(std::chrono::milliseconds whole) {
    whole_ = http::Deadline(parts_.loops, exchange().loop(), whole, [this] {
      if (over_) return;
      const auto self = shared_from_this();
      const http::CallError error{http::CallError::Kind::kTimeout, "its route allows no more time"};
      on_answer(std::unexpected(UnreadAnswer{error.message, error}));
    });
  }

  // The rest goes on elsewhere too, and the deadline is the loop's.
  void end_deadline() {
    over_ = true;
    whole_ = {};
  }

  void caller_left() {
    end_deadline();
    call_ = {};
    const http::Exchange dropped = std::move(exchange());
  }

  std::string why_not(const http::InboundHead& head) {
    parts_.forwarded.fetch_add(1, std::memory_order_relaxed);
    if (head.status == 206 || head.status == 304)
      return fmt::format("the API answered {}, which was not asked for", head.status);
    if (head.has_body && head.content_length != 0 && !is_json(head.headers))
      return "the API's answer is not JSON in UTF-8, as it is and whole";
    return {};
  }

  void on_answer(std::expected<WholeAnswer, UnreadAnswer> answer) {
    end_deadline();
    call_ = {};
    if (!answer) {
      if (answer.error().trouble) return fail(*answer.error().trouble);
      return unmet(std::move(answer.error().why));
    }
    answer_ = *std::move(answer);
    if (answer_.body.size() <= kMaxParsedOnLoopBytes) return cut();
    const auto source = http::Source::of(http::Address::parse(exchange().request().peer_ip)).number;
    http::Task task = [self = shared_from_this()] { self->cut(); };
    http::Task refused = [self = shared_from_this()] {
      self->unmet("too many long answers are read at the moment");
    };
    if (!parts_.workers.post(source, false, task, refused)) refused();
  }

  // The API was not asked, or what it said is not known; nothing of that is in what is told.
  void fail(const http::CallError& error) {
    parts_.failures.fetch_add(1, std::memory_order_relaxed);
    say_trouble(error);
    respond_refused(trouble_answer(error.kind, asked_.id));
  }

  void cut() {
    if (!answer_.body.empty()) {
      auto left = codec::cut_json(answer_.body, *asked_.obligations, {.max_bytes = answer_.body.size()});
      if (!left) return unmet("the API's answer: " + left.error().message);
      answer_.body = *std::move(left);
    }
    record({}, [](Obliged& self) { self.respond(); });
  }

  void unmet(std::string why) {
    record(why, [](Obliged& self) { self.respond_refused(unmet_answer(self.asked_.id)); });
  }

  void record(std::string_view why, void (*then)(Obliged&)) {
    parts_.enforcer.record_fulfilment(
        {asked_.id, asked_.client, asked_.resource, *asked_.obligations, why},
        [self = shared_from_this(), then](bool recorded) {
          self->on_loop([self, then, recorded] {
            recorded ? then(*self) : self->respond_refused(audit_unavailable(self->asked_.id));
          });
        });
  }

  void on_loop(http::Task work) {
    if (parts_.loops.current() == exchange().loop()) return work();
    parts_.loops.post(exchange().loop(), std::move(work));
  }

  void respond() {
    auto headers = cut_answer_headers(answer_.head.headers, asked_.id);
    mark(headers);
    const auto status = answer_.head.status;
    if (exchange().request().method != "HEAD")
      return exchange().respond(
          {.status = status, .headers = std::move(headers), .body = std::move(answer_.body)});
    exchange().start({.status = status, .headers = std::move(headers), .content_length = {}});
    exchange().finish();
  }

  void respond_refused(http::Response response) {
    mark(response.headers);
    exchange().respond(in_form(form_asked_for(exchange()), std::move(response)));
  }

  void mark(http::Headers& headers) {
    if (const auto& cors = asked_.route->cors(); cors != nullptr)
      cors->mark(headers, exchange().request().headers);
  }

  const std::shared_ptr<void> keeps_;
  const ObligedParts parts_;
  ObligedRequest asked_;
  http::UpstreamCall call_;
  WholeAnswer answer_{};
  http::Deadline whole_;
  bool over_ = false;  // the answer is there, or never will be
};

}  // namespace

void forward_obliged(const ObligedParts& parts, ObligedRequest request, std::shared_ptr<void> keeps) {
  std::make_shared<Obliged>(parts, std::move(request), std::move(keeps))->begin();
}

}  // namespace writ::gateway
