#include "gateway/proxy.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "base/notice.h"
#include "gateway/forwarded_headers.h"
#include "gateway/forwarding.h"
#include "gateway/http_question.h"
#include "gateway/left_out.h"
#include "gateway/obliged.h"
#include "gateway/on_response.h"
#include "gateway/proxy_answers.h"
#include "gateway/rate_gate.h"
#include "gateway/refusal.h"
#include "gateway/refusal_form.h"
#include "gateway/web_sockets.h"

namespace writ::gateway {
struct Proxy::Core {
  Core(ProxyOptions given, ProxyParts with)
      : options(std::move(given)),
        parts(with),
        left_out(options.tell),
        rates(options.proxies),
        streams(parts.loops, parts.recheck, parts.current) {}

  ProxyOptions options;
  ProxyParts parts;
  std::string_view proto;
  std::vector<ContextHeaders> context_headers;  // by loop
  LeftOut left_out;
  RateGate rates;
  OpenStreams streams;
  std::atomic<std::uint64_t> forwarded{0}, unrouted{0}, preflights{0}, malformed{0}, upstream_failures{0},
      broken_off{0};
  http::Workers workers{{.threads = 1, .max_queued = 64, .max_queued_per_source = 16}};

  ApiQuestionParts api_question() {
    return {.loops = parts.loops,
            .client = parts.client,
            .enforcer = parts.enforcer,
            .workers = workers,
            .left_out = left_out,
            .context_headers = context_headers,
            .proto = proto,
            .public_origin = options.public_origin,
            .limits = {options.max_read_body_bytes, options.answer_deadline},
            .forwarded = forwarded,
            .failures = upstream_failures};
  }
  ForwardingParts forwarding() {
    return {.loops = parts.loops,
            .client = parts.client,
            .streams = streams,
            .forwarded = forwarded,
            .failures = upstream_failures,
            .broken_off = broken_off};
  }
  ObligedParts obliged() {
    return {.loops = parts.loops,
            .client = parts.client,
            .enforcer = parts.enforcer,
            .workers = workers,
            .max_answer_bytes = options.max_read_body_bytes,
            .deadline = options.answer_deadline,
            .forwarded = forwarded,
            .failures = upstream_failures};
  }
};

// What of a request is needed again when its outcome is there.
struct Proxy::Forwarded {
  std::shared_ptr<Core> core;
  http::Exchange exchange;
  std::shared_ptr<const enforce::InForce> in_force = {};  // that `route` is of
  const Route* route = nullptr;
  std::vector<std::string_view> values = {};  // of the path; views into the request
  std::string resource_id = {};
  std::optional<std::string> body = {};  // if it is read before the decision
  std::vector<task::NamedAmount> amounts = {};
  std::unique_ptr<FoundFacts> facts = {};
  std::shared_ptr<const AnswerReader::Held> held = {};  // what the API said before
  bool unread = false;                                  // it would have been, but for the token
  std::optional<http::WebSocketOffer> offer = {};       // of an upgrade
  std::unique_ptr<http::Headers> shown = {};            // in place of the request's, to find the token in
  std::optional<enforce::Outcome> outcome = {};         // on its way to the exchange's loop

  using Owned = std::unique_ptr<Forwarded>;
  using Then = std::move_only_function<void(Owned)>;
  // All of it; what has more than `max` bytes is refused, with the reason why there is a limit.
  static void read_body(Owned forwarded, std::size_t max, std::string_view why, Then then);
  // Nobody is asked to approve more, so no more is kept for those who may not even be who they say.
  std::size_t max_approved_bytes() const {
    return std::min(core->options.max_read_body_bytes, task::kMaxCallBodyBytes);
  }
  // Answers itself, so that a page that may call can read it too.
  void respond(http::Response response) {
    if (route != nullptr && route->cors() != nullptr)
      route->cors()->mark(response.headers, exchange.request().headers);
    exchange.respond(in_form(form_asked_for(exchange), std::move(response)));
  }
  http::Response challenged(http::Response response) const {
    const auto& options = core->options;
    if (!options.issuers_of) return response;
    return with_metadata(std::move(response), options.public_origin, exchange.request().encoded_path);
  }
  // By what is in force. False: it was answered, because no route takes it.
  bool find_route(std::shared_ptr<const enforce::InForce> now);
  void malformed_answer(std::string_view code, std::string_view message);
  // The API might find something else in it than what was decided on.
  bool unreadable() const { return !unread && facts != nullptr && !facts->unreadable.empty(); }
  void unreadable_answer() { malformed_answer("invalid_request", facts->unreadable); }
  static void read_if_known(Owned forwarded, bool may_wait);
  // What was in force when the request came may not be any more: its body took a while. As find_route().
  bool catch_up();
  static void ask(Owned forwarded);
  static void ask_api_first(Owned forwarded);
  static void ask_public(Owned forwarded);
  std::optional<std::string_view> read_so_far() const;
  enforce::Question question();
  // On a worker when the body is long: a loop does not parse it.
  static void ask_apart(Owned forwarded);
  static void offer_approval(Owned forwarded, std::shared_ptr<const enforce::Offer> offer);
  // Runs it on the exchange's loop. Work that captures nothing needs no memory for that.
  template <class Work>
  static void on_loop(Owned forwarded, Work work);

  // On the exchange's loop.
  static void take(Owned forwarded, enforce::Outcome outcome) {
    if (outcome || outcome.error().offer == nullptr || outcome.error().observed)
      return forwarded->go_on(std::move(outcome));
    auto offer = outcome.error().offer;
    // What people approve they have to see, and the call that is repeated has to be the same.
    if (!forwarded->exchange.has_body() || forwarded->body)
      return offer_approval(std::move(forwarded), std::move(offer));
    const auto max = forwarded->max_approved_bytes();
    read_body(std::move(forwarded), max, "people have to approve this call, and to see all of it",
              [offer = std::move(offer)](Owned read) mutable {
                offer_approval(std::move(read), std::move(offer));
              });
  }

  void go_on(enforce::Outcome outcome) {
    if (!outcome) {
      if (outcome.error().observed) return pass(outcome.error().request_id);
      return respond(challenged(response_of(outcome.error())));
    }
    // The token became good in between; what was decided on was not all of the request.
    if (unread && !route->observed())
      return respond(error_answer(503, "overloaded",
                                  "the token became valid only while the request was read; send it again",
                                  outcome->request_id()));
    if (unreadable()) return unreadable_answer();
    const auto& action = route->action();
    auto path = route->upstream().path_prefix;
    path += exchange.request().encoded_path;
    const auto header = core->context_headers[exchange.loop()].sign(
        *outcome, {.action = {action.type, action.id},
                   .resource = {route->resource_type(), resource_id},
                   .method = exchange.request().method,
                   .path = path});
    if (!header)
      return respond(
          error_answer(503, "indeterminate", "the context header can't be signed", outcome->request_id()));
    const auto& claims = outcome->token().claims();
    const http::Shares::Party of_token{std::hash<std::string>()(claims.client_id),
                                       std::hash<std::string>()(claims.subject)};
    forward(outcome->request_id(), of_token, *header, &outcome->token(), outcome->obligations());
  }

  // Of a route that is public, or an API that is only observed: nothing is said of whom it is for.
  void pass(const enforce::RequestId& id, const std::shared_ptr<const codec::JsonCut>& obligations = {}) {
    const auto source = http::Source::of(http::Address::parse(exchange.request().peer_ip)).number;
    forward(id, {static_cast<std::size_t>(source), 0}, {}, nullptr, obligations);
  }

  void forward(const enforce::RequestId& id, http::Shares::Party party, std::string_view context_header,
               const token::Verified* token, const std::shared_ptr<const codec::JsonCut>& obligations) {
    // Of an API that is only observed nothing is taken away.
    if (obligations != nullptr && !route->observed())
      return forward_obliged(core->obliged(),
                             {.in_force = in_force,
                              .route = route,
                              .id = id,
                              .client = token != nullptr ? token->claims().client_id : std::string(),
                              .resource = task::uid_text({route->resource_type(), resource_id}),
                              .body = std::move(body),
                              .headers = headers_for_api(id, context_header),
                              .party = party,
                              .obligations = obligations,
                              .exchange = std::move(exchange)},
                             core);
    StreamBasis basis{.routes = in_force->routes,
                      .route = route,
                      .request = &exchange.request(),
                      .values = std::move(values),
                      .resource_id = std::move(resource_id),
                      .amounts = std::move(amounts),
                      .facts = std::move(facts),
                      .held = std::move(held),
                      .approved = exchange.request().headers.contains(kApprovalHeader)};
    if (token != nullptr) basis.token = *token;
    if (offer) return upgrade(id, party, context_header, std::move(basis));
    auto headers = headers_for_api(id, context_header);
    forward_request(core->forwarding(),
                    {std::move(exchange), std::move(headers), std::move(body), party, id, std::move(basis)},
                    core);
  }

  http::Headers headers_for_api(const enforce::RequestId& id, std::string_view context_header) {
    auto headers = route->forwarded().upstream(exchange.request(), core->proto, route->api(), core->left_out);
    if (!context_header.empty()) headers.add(kContextHeader, context_header);
    headers.add(kRequestIdHeader, id);
    return headers;
  }

  void upgrade(const enforce::RequestId& id, http::Shares::Party party, std::string_view context_header,
               StreamBasis basis) {
    auto headers = headers_for_api(id, context_header);
    relay_web_socket(
        {core->parts.client, core->streams, core->forwarded, core->upstream_failures, core->broken_off,
         trouble_answer},
        {std::move(exchange), *std::move(offer), std::move(headers), party, id, std::move(basis)}, core);
  }
};

Proxy::Proxy(ProxyOptions options, ProxyParts parts)
    : core_(std::make_shared<Core>(std::move(options), parts)) {
  core_->proto = core_->options.public_origin.starts_with("https:") ? "https" : "http";
  for (std::size_t i = 0; i < parts.loops.size(); ++i)
    core_->context_headers.emplace_back(parts.keys, core_->options.issuer);
}

// Requests that are never finished hold the core longer, until the loops go.
Proxy::~Proxy() {
  core_->streams.let_go();
}

void Proxy::handle(http::Exchange exchange) {
  // The request lives in the exchange, which moves but keeps its address behind it.
  if (auto answer = preflight_answer(*core_->parts.current.read(), exchange.request())) {
    core_->preflights.fetch_add(1, std::memory_order_relaxed);
    return exchange.respond(*std::move(answer));
  }
  auto forwarded = std::make_unique<Forwarded>(core_, std::move(exchange));
  if (!forwarded->find_route(core_->parts.current.read())) return;
  if (auto over = core_->rates.refuse(forwarded->exchange, *forwarded->route, core_->parts.enforcer,
                                      forwarded->shown.get()))
    return forwarded->respond(*std::move(over));
  if (forwarded->route->is_public()) return Forwarded::ask_public(std::move(forwarded));
  if (forwarded->route->answer() != nullptr && !forwarded->route->reads_before())
    return decide_on_response(
        core_->api_question(),
        {std::move(forwarded->exchange), std::move(forwarded->in_force), forwarded->route,
         std::move(forwarded->values), std::move(forwarded->resource_id)},
        core_);
  const auto& request = forwarded->exchange.request();
  const bool by_route = forwarded->route->reads_body(request.headers);
  if ((!by_route && !request.headers.contains(kApprovalHeader)) || !forwarded->exchange.has_body())
    return Forwarded::ask(std::move(forwarded));
  Forwarded::read_if_known(std::move(forwarded), true);
}

// A stranger's body is not read: what is asked without it is refused for its token.
void Proxy::Forwarded::read_if_known(Owned forwarded, bool may_wait) {
  const auto& enforcer = forwarded->core->parts.enforcer;
  const auto& request = forwarded->exchange.request();
  const auto credentials = credentials_in(request, forwarded->shown.get());
  if (enforcer.recognises(credentials, request.peer_ip, forwarded->route->api())) {
    const auto max = forwarded->route->reads_body(request.headers)
                         ? forwarded->core->options.max_read_body_bytes
                         : forwarded->max_approved_bytes();
    return read_body(std::move(forwarded), max, "this request is read before it is decided on",
                     &Forwarded::ask_apart);
  }
  const auto api = forwarded->route->api();
  const auto held = std::make_shared<Owned>(std::move(forwarded));
  std::move_only_function<void()> then = [held] {
    on_loop(std::move(*held), [](Owned back) { read_if_known(std::move(back), false); });
  };
  // Its issuer may have a new key, or has to be asked.
  if (may_wait && enforcer.wait_for_issuer(credentials, request.peer_ip, api, then)) return;
  (*held)->unread = true;
  ask(std::move(*held));
}

bool Proxy::Forwarded::find_route(std::shared_ptr<const enforce::InForce> now) {
  in_force = std::move(now);
  resource_id.clear();
  const auto& request = exchange.request();
  const auto match = in_force->routes->match(request, values);
  route = match.route;
  if (route == nullptr) {
    if (auto document = resource_metadata(request, core->options.public_origin, *in_force->routes,
                                          *in_force->inventory, core->options.issuers_of)) {
      exchange.respond(*std::move(document));
      return false;
    }
    core->unrouted.fetch_add(1, std::memory_order_relaxed);
    if (auto redirect = slash_redirect(*in_force->routes, match, request))
      return exchange.respond(*std::move(redirect)), false;
    exchange.respond(in_form(form_asked_for(exchange), unrouted_answer(match.allow)));
    return false;
  }
  if (auto ambiguity = route->forwarded().ambiguity(request.headers)) {
    malformed_answer("malformed_request", *ambiguity);
    return false;
  }
  if (auto refusal = route->query_names().refusal(request.query)) {
    malformed_answer("invalid_request", *refusal);
    return false;
  }
  if (auto refused = refuse_upgrade(*route, request, core->options.public_origin, offer)) {
    core->malformed.fetch_add(1, std::memory_order_relaxed);
    respond(*std::move(refused));
    return false;
  }
  if (offer) {
    auto token = take_token(*offer, request);
    if (!token) return malformed_answer("malformed_request", token.error()), false;
    shown = *std::move(token);
  }
  route->resource_id().append(resource_id, values);
  return true;
}

void Proxy::Forwarded::malformed_answer(std::string_view code, std::string_view message) {
  core->malformed.fetch_add(1, std::memory_order_relaxed);
  respond(error_answer(400, code, message, enforce::RequestId::next()));
}

bool Proxy::Forwarded::catch_up() {
  auto now = core->parts.current.get();
  if (now->routes != in_force->routes) return find_route(std::move(now));
  in_force = std::move(now);
  return true;
}

void Proxy::Forwarded::read_body(Owned forwarded, std::size_t max, std::string_view why, Then then) {
  auto& exchange = forwarded->exchange;
  if (!forwarded->body) {
    forwarded->body.emplace();
    exchange.keep_body();
  }
  exchange.read_body([forwarded = std::move(forwarded), max, why,
                      then = std::move(then)](Result<std::string_view> piece) mutable {
    // The caller is gone, or the server has answered it.
    if (!piece) return;
    if (piece->empty()) return then(std::move(forwarded));
    if (piece->size() > max - forwarded->body->size())
      return forwarded->respond(error_answer(
          413, "body_too_large", fmt::format("{}: at most {} bytes", why, max), enforce::RequestId::next()));
    forwarded->body->append(*piece);
    read_body(std::move(forwarded), max, why, std::move(then));
  });
}

template <class Work>
void Proxy::Forwarded::on_loop(Owned forwarded, Work work) {
  auto& loops = forwarded->core->parts.loops;
  const auto loop = forwarded->exchange.loop();
  if (loops.current() == loop) return work(std::move(forwarded));
  loops.post(loop, [forwarded = std::move(forwarded), work = std::move(work)]() mutable {
    work(std::move(forwarded));
  });
}

void Proxy::Forwarded::offer_approval(Owned forwarded, std::shared_ptr<const enforce::Offer> offer) {
  auto& enforcer = forwarded->core->parts.enforcer;
  const std::string body = std::move(forwarded->body).value_or("");
  auto arguments = digest_of(forwarded->exchange.request(), forwarded->route->forwarded(), body);
  enforcer.offer_approval(
      *offer, std::move(arguments), body,
      [forwarded = std::move(forwarded)](const enforce::Refused& refused) mutable {
        on_loop(std::move(forwarded),
                [answer = response_of(refused)](Owned back) mutable { back->respond(std::move(answer)); });
      });
}

void Proxy::Forwarded::ask_apart(Owned forwarded) {
  if (forwarded->body->size() <= kMaxParsedOnLoopBytes) return ask(std::move(forwarded));
  auto& workers = forwarded->core->workers;
  const auto source = http::Source::of(http::Address::parse(forwarded->exchange.request().peer_ip)).number;
  auto held = std::make_shared<Owned>(std::move(forwarded));
  http::Task task = [held] { ask(std::move(*held)); };
  http::Task refused = [held] {
    on_loop(std::move(*held), [](Owned back) {
      back->respond(error_answer(503, "overloaded", "too many requests with long bodies are under way",
                                 enforce::RequestId::next()));
    });
  };
  if (workers.post(source, false, task, refused)) return;
  static Notice notice;
  if (const auto times = notice.due())
    say_limit(fmt::format("too many requests with long bodies wait to be decided on, more get 503 ({} times)",
                          *times));
  refused();
}

// It views what is forwarded.
// Of the body; null: nothing yet.
std::optional<std::string_view> Proxy::Forwarded::read_so_far() const {
  if (!exchange.has_body()) return std::string_view();
  if (body) return *body;
  return std::nullopt;
}

enforce::Question Proxy::Forwarded::question() {
  const auto& request = exchange.request();
  return {.point = "gateway",
          .sent = sent_in(request),
          .credentials = credentials_in(request, shown.get()),
          .api = route->api(),
          .action = {route->action().type, route->action().id},
          .resource = {route->resource_type(), resource_id},
          .attributes = route->facts(values, facts.get()),
          .amounts = amounts,
          .labels = route->labels(),
          .input = Route::input(facts.get()),
          .notes = notes_of(facts.get()),
          .approval = approval_in(request, route->forwarded(), read_so_far()),
          .public_origin = core->options.public_origin,
          .observed = route->observed(),
          .fulfils = !route->web_socket() && !route->stream(),
          .in_force = in_force};
}

void Proxy::Forwarded::ask(Owned forwarded) {
  if (forwarded->body && !forwarded->catch_up()) return;
  forwarded->amounts =
      forwarded->route->amounts(forwarded->exchange.request(), forwarded->values, forwarded->read_so_far());
  forwarded->facts = forwarded->route->find_facts(forwarded->exchange.request(), forwarded->values,
                                                  forwarded->read_so_far());
  // Of a caller whose token is known. Others are refused for their token, and on record.
  if (forwarded->body && forwarded->unreadable())
    return on_loop(std::move(forwarded), [](Owned back) { back->unreadable_answer(); });
  if (forwarded->route->reads_before()) return ask_api_first(std::move(forwarded));
  const auto question = forwarded->question();
  auto& enforcer = forwarded->core->parts.enforcer;
  // What is asked views what is forwarded, which the callback owns.
  enforcer.enforce(question, [forwarded = std::move(forwarded)](enforce::Outcome outcome) mutable {
    forwarded->outcome.emplace(std::move(outcome));
    on_loop(std::move(forwarded), [](Owned back) {
      auto told = *std::exchange(back->outcome, std::nullopt);
      take(std::move(back), std::move(told));
    });
  });
}

// What a request does to a resource is decided by what the API says of it now. The request itself reaches the
// API only then.
void Proxy::Forwarded::ask_api_first(Owned forwarded) {
  // It stays where it is: the callback owns it, and what is asked views it.
  auto& own = *forwarded;
  const auto& request = own.exchange.request();
  auto question = own.question();
  question.awaited = own.route->answer()->awaited();
  const ApiQuestion asked{.request = request,
                          .loop = own.exchange.loop(),
                          .route = *own.route,
                          .values = own.values,
                          .resource_id = own.resource_id,
                          .facts = own.facts.get(),
                          .encoded_path = own.route->read_path(request.encoded_path)};
  const auto parts = own.core->api_question();
  const auto core = own.core;
  auto done = [forwarded = std::move(forwarded)](ApiOutcome&& outcome) mutable {
    if (outcome) {
      forwarded->held = outcome->read.held();
      return take(std::move(forwarded), std::move(outcome->permit));
    }
    if (auto* refused = std::get_if<enforce::Refused>(&outcome.error()))
      return take(std::move(forwarded), std::unexpected(std::move(*refused)));
    forwarded->respond(std::get<http::Response>(std::move(outcome).error()));
  };
  ask_api(parts, asked, std::move(question), std::move(done), core);
}

void Proxy::Forwarded::ask_public(Owned forwarded) {
  forwarded->facts = forwarded->route->find_facts(forwarded->exchange.request(), forwarded->values,
                                                  forwarded->read_so_far());
  const auto question = forwarded->question();
  auto& enforcer = forwarded->core->parts.enforcer;
  enforcer.enforce_public(
      question, [forwarded = std::move(forwarded)](const enforce::PublicOutcome& outcome) mutable {
        on_loop(std::move(forwarded), [outcome](Owned back) {
          if (outcome) return back->pass(outcome->request_id(), outcome->obligations());
          const auto& refused = outcome.error();
          refused.observed ? back->pass(refused.request_id) : back->respond(response_of(refused));
        });
      });
}

void Proxy::stop_streams() {
  core_->streams.stop();
}

ProxyStats Proxy::stats() const noexcept {
  return {core_->forwarded.load(std::memory_order_relaxed),
          core_->unrouted.load(std::memory_order_relaxed),
          core_->preflights.load(std::memory_order_relaxed),
          core_->malformed.load(std::memory_order_relaxed),
          core_->upstream_failures.load(std::memory_order_relaxed),
          core_->broken_off.load(std::memory_order_relaxed),
          core_->left_out.count(),
          core_->rates.refused(),
          core_->workers.stats(),
          core_->streams.opened(),
          core_->streams.cut(),
          core_->streams.now_open()};
}

}  // namespace writ::gateway
