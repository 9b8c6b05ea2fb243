// For tests of calls over HTTP/2: one call as a word, and the client that makes it.
#pragma once

#include <fmt/format.h>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/client.h"
#include "http/testing/http2_upstream.h"
#include "http/upstream.h"
#include "http/upstream_call.h"

namespace writ::http::testing {

inline constexpr std::uint32_t kNoErrorCode = 0, kProtocolErrorCode = 1, kRefusedStreamCode = 7,
                               kCancelCode = 8;
inline const Fields kOk{{":status", "200"}};

// One call, as its callbacks tell of it.
struct Calling : std::enable_shared_from_this<Calling> {
  UpstreamCall call;
  std::vector<std::string> pieces;  // of its body; more than one is written only when the one before is out
  Headers trailers;                 // of its body
  bool ends = true;                 // its body does
  std::size_t written = 0;
  std::string got;
  std::promise<std::string> result;
  bool over = false;

  void finish(std::string word) {
    if (std::exchange(over, true)) return;
    const auto trailing = call.take_trailers();
    for (std::size_t i = 0; i < trailing.size(); ++i)
      word += fmt::format(" {}={}", trailing[i].name, trailing[i].value);
    call = {};
    result.set_value(std::move(word));
  }
  void write_on() {
    if (over) return;
    const auto next = [self = shared_from_this()](const CallResult<void>& sent) {
      if (!self->over && sent && self->written++ < self->pieces.size()) self->write_on();
    };
    if (written < pieces.size()) return call.write_body(pieces[written], next);
    if (ends) call.finish_body([](const CallResult<void>&) {}, trailers);
  }
  void read_head() {
    call.read_head([self = shared_from_this()](CallResult<InboundHead> head) {
      if (!head) return self->finish(word(head.error()));
      self->got = fmt::format("{} ", head->status);
      self->read_on();
    });
  }
  void read_on() {
    call.read_body([self = shared_from_this()](CallResult<std::string_view> piece) {
      if (!piece) return self->finish(self->got + word(piece.error()));
      if (piece->empty()) return self->finish(self->got);
      self->got.append(*piece);
      self->read_on();
    });
  }
  static std::string word(const CallError& error) {
    static constexpr const char* kWords[] = {"unreachable", "timeout", "broken", "malformed", "overloaded"};
    return fmt::format("{}{}{}: {}", kWords[static_cast<int>(error.kind)], error.unsent ? " unsent" : "",
                       error.unanswered ? " unanswered" : "", error.message);
  }
};

class ClientHttp2Test : public ::testing::Test {
 protected:
  ~ClientHttp2Test() override {
    client_.reset();
    loops_.stop();
  }
  Client& client(ClientOptions options = {}) {
    if (!client_) client_ = std::make_unique<Client>(loops_, options);
    return *client_;
  }
  static std::shared_ptr<Upstream> at(const std::vector<std::uint16_t>& ports, bool http2 = true) {
    std::vector<std::string> urls;
    for (const auto port : ports) urls.push_back(fmt::format("http://127.0.0.1:{}/base", port));
    UpstreamOptions options{.tell = [](const std::string&) {}};
    options.http2 = http2;
    return Upstream::make("invoices", urls, std::move(options)).value();
  }
  static Outbound request_of(std::string method, std::size_t pieces) {
    return {.method = std::move(method),
            .target = "/a?b",
            .headers = {{"X-Sent", "this"}, {"Connection", "x"}, {"Host", "elsewhere"}},
            .has_body = pieces > 0};
  }
  std::future<std::string> begin(const std::shared_ptr<Upstream>& upstream, Outbound request,
                                 std::vector<std::string> pieces = {}, Headers trailers = {},
                                 bool ends = true) {
    auto calling = std::make_shared<Calling>();
    calling->pieces = std::move(pieces);
    calling->trailers = std::move(trailers);
    calling->ends = ends;
    auto& by = client();
    auto result = calling->result.get_future();
    loops_.post(0, [=, &by, request = std::move(request)]() mutable {
      const bool has_body = request.has_body;
      calling->call = UpstreamCall::open(by, *upstream, std::move(request));
      if (has_body) calling->write_on();
      calling->read_head();
    });
    return result;
  }
  std::string send(const std::shared_ptr<Upstream>& upstream, const std::string& method = "GET",
                   std::vector<std::string> pieces = {}) {
    const auto count = pieces.size();
    return begin(upstream, request_of(method, count), std::move(pieces)).get();
  }
  // What a GET comes to that is answered with these fields and this body.
  std::string answered(const Fields& fields, const std::string& body = {},
                       const std::string& method = "GET") {
    Http2Upstream peer([&](Http2Upstream::Connection& to) {
      const auto id = to.request().id;
      to.headers(id, fields, body.empty());
      if (!body.empty()) to.data(id, body, true);
      to.wait_for_end();
    });
    return send(at({peer.port()}), method);
  }

  Loops loops_{1};
  std::unique_ptr<Client> client_;
};

}  // namespace writ::http::testing
