#include "http/client.h"

#include <array>
#include <charconv>
#include <fmt/format.h>
#include <future>
#include <utility>

#include "base/blocking.h"
#include "base/check.h"
#include "base/require.h"
#include "http/h1/client_connection.h"
#include "http/h2/client_call.h"
#include "http/h2/client_session.h"
#include "http/target.h"

namespace writ::http {

Result<Origin> parse_origin(std::string_view url) {
  const auto invalid = [&](std::string_view why) {
    return failure(ErrorCode::kInvalid, fmt::format("`{}` is not an upstream: {}", url, why));
  };
  constexpr std::string_view kPlain = "http://", kSecure = "https://";
  const bool secure = url.starts_with(kSecure);
  if (!secure && !url.starts_with(kPlain)) return invalid("expected `http://host[:port][/prefix]`, or https");
  std::string_view rest = url.substr(secure ? kSecure.size() : kPlain.size());
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view authority = rest.substr(0, slash);
  std::string_view prefix = rest.substr(slash);
  if (!is_valid_host(authority)) return invalid("the host is not valid");
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (!prefix.empty()) {
    if (prefix.ends_with('/')) return invalid("its path has an empty segment");
    const auto parsed = parse_target(prefix);
    if (!parsed) return invalid(parsed.error().message);
    if (!parsed->query.empty() || prefix.find('?') != std::string_view::npos)
      return invalid("it has a query");
    if (encode_path(parsed->path) != prefix) return invalid("write the prefix in its canonical encoding");
  }
  const std::uint16_t usual = secure ? 443 : 80;
  Origin origin{.host = {},
                .port = usual,
                .path_prefix = std::string(prefix),
                .authority = std::string(authority),
                .tls = nullptr,
                .pool = {}};
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const std::string_view port = authority.substr(colon + 1);
    std::from_chars(port.data(), port.data() + port.size(), origin.port);
    if (origin.port == 0) return invalid("port 0 cannot be connected to");
    if (origin.port == usual) origin.authority = authority.substr(0, colon);
  }
  origin.host = authority.substr(0, colon);
  if (origin.host.starts_with('[')) origin.host = origin.host.substr(1, origin.host.size() - 2);
  origin.pool = origin.authority;
  return secure ? with_tls(std::move(origin), TlsClient::system()) : std::move(origin);
}

// A connection is as good as its certificate was for the one who looked at it.
Origin with_tls(Origin origin, std::shared_ptr<const TlsClient> tls) {
  WRIT_CHECK(tls != nullptr);
  origin.pool = fmt::format("https://{} {}", origin.authority, tls->number());
  origin.tls = std::move(tls);
  return origin;
}

// ---- Call ----

Call::Call(std::shared_ptr<internal::CallSide> side) : side_(std::move(side)) {}

Call& Call::operator=(Call&& other) noexcept {
  if (this != &other) {
    drop();
    side_ = std::move(other.side_);
  }
  return *this;
}

Call::~Call() {
  drop();
}

void Call::drop() noexcept {
  if (const auto side = std::exchange(side_, nullptr)) side->drop();
}

void Call::write_body(std::string_view bytes, Done callback) {
  WRIT_REQUIRE(side_ != nullptr);
  side_->write_body(bytes, std::move(callback));
}

void Call::finish_body(Done callback, Headers trailers) {
  WRIT_REQUIRE(side_ != nullptr);
  side_->finish_body(std::move(callback), std::move(trailers));
}

void Call::read_head(HeadDone callback) {
  WRIT_REQUIRE(side_ != nullptr);
  side_->read_head(std::move(callback));
}

void Call::read_body(PieceDone callback) {
  WRIT_REQUIRE(side_ != nullptr);
  side_->read_body(std::move(callback));
}

Headers Call::take_trailers() {
  WRIT_REQUIRE(side_ != nullptr);
  return side_->take_trailers();
}

Outbound Call::take_back() {
  WRIT_REQUIRE(side_ != nullptr);
  return side_->take_back();
}

// ---- Client ----

Client::Client(Loops& loops, ClientOptions options) : core_(std::make_shared<ClientCore>(loops, options)) {}

Client::~Client() {
  for (std::size_t loop = 0; loop < core_->loops.size(); ++loop) {
    core_->loops.run(loop, [&] {
      ClientLoop& mine = core_->per_loop[loop];
      const auto calls = std::exchange(mine.calls, {});
      for (auto* call : calls) call->fail(CallError::Kind::kBroken, "the client is shutting down");
      // A pool is gone with the last of its connections.
      std::vector<std::shared_ptr<ClientConnection>> idle;
      std::vector<std::shared_ptr<Http2ClientSession>> sessions;
      for (const auto& [name, pool] : mine.pools) {
        idle.insert(idle.end(), pool.idle.begin(), pool.idle.end());
        sessions.insert(sessions.end(), pool.sessions.begin(), pool.sessions.end());
      }
      for (const auto& connection : idle) connection->close();
      for (const auto& session : sessions) session->leave();
    });
  }
}

Call Client::open(const Origin& origin, Outbound request) {
  const std::size_t loop = core_->loops.current();
  WRIT_CHECK(loop != Loops::none);
  std::shared_ptr<internal::CallSide> side;
  if (!request.web_socket && Http2ClientSession::takes_calls(*core_, loop, origin)) {
    side = std::make_shared<Http2Call>(core_, loop, origin, std::move(request));
  } else {
    side = std::make_shared<CallState>(core_, loop, origin, std::move(request));
  }
  side->begin();
  return Call(std::move(side));
}

Call Client::refuse(const Origin& origin, Outbound request, CallError error) {
  const std::size_t loop = core_->loops.current();
  WRIT_CHECK(loop != Loops::none);
  auto state = std::make_shared<CallState>(core_, loop, origin, std::move(request));
  state->fail(error.kind, std::move(error.message));
  return Call(std::move(state));
}

ClientStats Client::stats() const noexcept {
  return {.connections_opened = core_->opened.load(std::memory_order_relaxed),
          .connections_reused = core_->reused.load(std::memory_order_relaxed),
          .retries = core_->retries.load(std::memory_order_relaxed),
          .over_share = core_->over_share.load(std::memory_order_relaxed)};
}

namespace {

// The state of one fetch(); it holds itself until it has an answer.
struct Fetch : std::enable_shared_from_this<Fetch> {
  std::string body;
  std::size_t max_body_bytes;
  Call call;
  Response response{.status = 0, .headers = {}, .body = {}};
  std::promise<Result<Response>> result;
  bool finished = false;

  void fail(const CallError& error) { finish(failure(ErrorCode::kUnavailable, error.message)); }
  void finish(Result<Response> value) {
    if (std::exchange(finished, true)) return;
    call = Call();
    result.set_value(std::move(value));
  }

  void begin(bool has_body) {
    if (has_body) {
      call.write_body(body, [self = shared_from_this()](CallResult<void> sent) {
        if (sent && !self->finished) self->call.finish_body([](const CallResult<void>&) {});
      });
    }
    call.read_head([self = shared_from_this()](CallResult<InboundHead> head) {
      if (!head) return self->fail(head.error());
      self->response.status = head->status;
      self->response.headers = std::move(head->headers);
      self->read_on();
    });
  }

  void read_on() {
    call.read_body([self = shared_from_this()](CallResult<std::string_view> piece) {
      if (!piece) return self->fail(piece.error());
      if (piece->empty()) return self->finish(std::move(self->response));
      self->response.body.append(*piece);
      if (self->response.body.size() > self->max_body_bytes) {
        return self->finish(failure(ErrorCode::kLimit,
                                    fmt::format("the answer is larger than {} bytes", self->max_body_bytes)));
      }
      self->read_on();
    });
  }
};

}  // namespace

Result<Response> Client::fetch(const Origin& origin, Outbound request, std::string body,
                               std::size_t max_body_bytes) {
  WRIT_CHECK(core_->loops.current() == Loops::none);
  may_block("an upstream");
  request.has_body = !body.empty();
  request.content_length = body.size();
  auto fetch = std::make_shared<Fetch>();
  fetch->body = std::move(body);
  fetch->max_body_bytes = max_body_bytes;
  auto result = fetch->result.get_future();
  core_->loops.post(0, [this, fetch = std::move(fetch), origin, request = std::move(request)]() mutable {
    const bool has_body = request.has_body;
    fetch->call = open(origin, std::move(request));
    fetch->begin(has_body);
  });
  return result.get();
}

}  // namespace writ::http
