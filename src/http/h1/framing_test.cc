#include "http/h1/framing.h"

#include <gtest/gtest.h>
#include <memory>

#include "http/h1/body_reader.h"
#include "http/testing/beast_head.h"

namespace writ::http::framing_test {
namespace {

using namespace std::string_view_literals;

constexpr HeadLimits kLimits{.max_head_bytes = 1024, .max_headers = 10, .max_target_bytes = 200};

int request_status(std::string_view head) {
  // An exact-size buffer: a read past its end is an address error.
  const std::unique_ptr<char[]> exact(new char[head.size()]);
  std::copy(head.begin(), head.end(), exact.get());
  const std::string_view bytes(exact.get(), head.size());
  const auto length = find_head_end(bytes, 0, kLimits);
  if (!length) return length.error().status;
  if (*length == 0) return 0;
  Headers headers;
  const auto read = read_request_head(bytes.substr(0, *length), kLimits, headers);
  if (!read) return read.error().status;
  EXPECT_TRUE(testing::beast_agrees<true>(bytes.substr(0, *length), read->framing, headers)) << head;
  return 200;
}

struct Case {
  std::string_view name;
  std::string_view head;
  int status;  // 200: accepted, 0: more is needed
};

TEST(RequestFraming, RefusesWhatReadersTakeDifferently) {
  const std::string host = "Host: a\r\n";
  const Case cases[] = {
      {"plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200},
      {"header without value", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", 200},
      {"value with high bytes", "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\r\n\r\n", 200},
      {"ipv6 host", "GET / HTTP/1.1\r\nHost: [::1]:8180\r\n\r\n", 200},
      {"unfinished", "GET / HTTP/1.1\r\nHost: a\r\n", 0},
      {"unfinished line end", "GET / HTTP/1.1\r\nHost: a\r", 0},

      {"bare LF ends the head", "GET / HTTP/1.1\nHost: a\n\n", 400},
      {"bare LF in a header", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
      {"bare CR in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", 400},
      {"bare CR before CRLF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400},
      {"NUL in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n"sv, 400},
      {"control character in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400},
      {"folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400},
      {"folded first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"tab before the colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", 400},
      {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400},
      {"no header name", "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", 400},

      {"no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400},
      {"no headers at all", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"two equal hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
      {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"host with user information", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"host with a bad port", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400},
      {"list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},

      {"content-length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 200},
      {"chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", 200},
      {"two equal content-lengths",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
      {"conflicting content-lengths",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
      {"content-length list", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400},
      {"content-length with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400},
      {"negative content-length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400},
      {"hexadecimal content-length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", 400},
      {"empty content-length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
      {"huge content-length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
       400},
      {"content-length and transfer-encoding",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"transfer-encoding and content-length",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
      {"two transfer-encodings",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"gzip, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"gzip with a parameter, chunked",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip;q=\"1\" ,\tchunked\r\n\r\n", 501},
      {"chunked, gzip", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400},
      {"chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400},
      {"chunked and nothing", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n", 400},
      {"nothing and chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n", 400},
      {"no coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400},
      {"chunked with a parameter", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n",
       400},
      {"gzip alone", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
      {"identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400},
      {"disguised chunked",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
       "chunked\r\n\r\n",
       400},
      {"quoted chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 400},

      {"connection with empty elements", "GET / HTTP/1.1\r\nHost: a\r\nConnection: ,close, ,\r\n\r\n", 200},
      {"empty connection", "GET / HTTP/1.1\r\nHost: a\r\nConnection:\r\n\r\n", 200},
      {"connection that is not a list of tokens", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close x\r\n\r\n",
       400},
      {"quoted connection", "GET / HTTP/1.1\r\nHost: a\r\nConnection: \"close\"\r\n\r\n", 400},
      {"proxy-connection that is not a list of tokens",
       "GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close;x\r\n\r\n", 400},

      {"expect", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", 200},
      {"other expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n", 417},

      {"two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"space at the end of the request line", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"tab in the request line", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no version", "GET /\r\nHost: a\r\n\r\n", 400},
      {"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"method is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", 200},
      {"HTTP/1.0 without a host", "GET / HTTP/1.0\r\n\r\n", 200},
      {"HTTP/1.0 with two hosts", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"HTTP/1.0 with an empty host", "GET / HTTP/1.0\r\nHost:\r\n\r\n", 400},
      {"HTTP/1.0 with chunks", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"HTTP/1.0 that offers an upgrade",
       "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 200},
      {"HTTP/0.9", "GET /\r\n\r\n", 400},
      // Whether one is taken is for the server: server_web_socket_test.cc.
      {"WebSocket", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n", 200},
      {"WebSocket with a body",
       "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\n",
       400},
      {"WebSocket by POST", "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
       400},
      {"upgrade to HTTP/2", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200},
      {"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501},
      {"TLS handshake", "\x16\x03\x01\x02", 400},
      {"leading space", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
  };
  for (const Case& c : cases) EXPECT_EQ(request_status(c.head), c.status) << c.name;
}

TEST(RequestFraming, MoreHeadersThanTheLimitAreRefused) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 9; ++i) head += "X: y\r\n";
  EXPECT_EQ(request_status(head + "\r\n"), 200);
  EXPECT_EQ(request_status(head + "X: y\r\n\r\n"), 431);
}

TEST(RequestFraming, AHeadLargerThanTheLimitIsRefused) {
  const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  const std::string fits = begin + std::string(1024 - begin.size() - 4, 'x') + "\r\n\r\n";
  EXPECT_EQ(request_status(fits), 200);
  EXPECT_EQ(request_status(begin + std::string(1025 - begin.size() - 4, 'x') + "\r\n\r\n"), 431);
  EXPECT_EQ(request_status(begin + std::string(2000, 'x')), 431);
}

TEST(RequestFraming, ATargetLongerThanTheLimitIsRefused) {
  const std::string path = "/" + std::string(199, 'x');
  EXPECT_EQ(request_status("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
  EXPECT_EQ(request_status("GET " + path + "x HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
  EXPECT_EQ(request_status("GET /" + std::string(5000, 'x')), 414);
}

TEST(RequestFraming, EveryPrefixOfAGoodHeadNeedsMore) {
  const std::string_view head = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size)
    EXPECT_EQ(request_status(head.substr(0, size)), 0) << size;
}

TEST(RequestFraming, HttpOneZeroPersistsWhereItAsksForItAndExpectsNothing) {
  const auto framing = [](std::string_view fields) {
    const std::string head = "GET / HTTP/1.0\r\n" + std::string(fields) + "\r\n";
    Headers headers;
    return read_request_head(head, kLimits, headers).value().framing;
  };
  EXPECT_TRUE(framing("").http10);
  EXPECT_FALSE(framing("").keep_alive);
  EXPECT_TRUE(framing("Connection: Keep-Alive\r\n").keep_alive);
  EXPECT_FALSE(framing("Connection: keep-alive, close\r\n").keep_alive);
  EXPECT_FALSE(framing("Expect: 100-continue\r\nContent-Length: 1\r\n").expect_continue);
}

TEST(RequestFraming, TellsHowTheBodyIsFramed) {
  const std::string_view head =
      "PUT /x HTTP/1.1\r\nHost: A:1\r\nContent-Length: 12\r\nConnection: foo, Close\r\nExpect: "
      "100-Continue\r\n\r\n";
  Headers headers;
  const auto read = read_request_head(head, kLimits, headers);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->method, "PUT");
  EXPECT_EQ(read->target, "/x");
  EXPECT_EQ(read->host, "A:1");
  EXPECT_EQ(read->framing.content_length, 12u);
  EXPECT_FALSE(read->framing.chunked);
  EXPECT_FALSE(read->framing.keep_alive);
  EXPECT_TRUE(read->framing.expect_continue);
}

TEST(RequestFraming, GivesTheFieldsAsTheyCameWithoutTheSpaceAroundThem) {
  Headers headers;
  ASSERT_TRUE(
      read_request_head("GET / HTTP/1.1\r\nHost:a\r\nX-A: \t b c \t\r\nx-a:\r\n\r\n", kLimits, headers));
  ASSERT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers[0].name, "Host");
  EXPECT_EQ(headers[0].value, "a");
  EXPECT_EQ(headers[1].name, "X-A");
  EXPECT_EQ(headers[1].value, "b c");
  EXPECT_EQ(headers[2].name, "x-a");
  EXPECT_EQ(headers[2].value, "");
}

int response_status(std::string_view head) {
  Headers headers;
  const auto read = read_response_head(head, kLimits, headers);
  if (!read) return -1;
  EXPECT_TRUE(testing::beast_agrees<false>(head, read->framing, headers)) << head;
  return read->status;
}

TEST(ResponseFraming, IsAsStrictAsThatOfRequests) {
  EXPECT_EQ(response_status("HTTP/1.1 200 OK\r\n\r\n"), 200);
  EXPECT_EQ(response_status("HTTP/1.1 204\r\n\r\n"), 204);
  EXPECT_EQ(response_status("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n"), 200);
  EXPECT_EQ(response_status("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), -1);
  EXPECT_EQ(response_status("HTTP/1.1 99 Low\r\n\r\n"), -1);
  EXPECT_EQ(response_status("HTTP/1.1 700 High\r\n\r\n"), -1);
  EXPECT_EQ(response_status("HTTP/1.1 2x0 OK\r\n\r\n"), -1);
  EXPECT_EQ(response_status("HTTP/2.0 200 OK\r\n\r\n"), -1);
  EXPECT_EQ(response_status("ICY 200 OK\r\n\r\n"), -1);
  EXPECT_EQ(response_status("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), -1);
  EXPECT_EQ(response_status("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            -1);
  EXPECT_EQ(response_status("HTTP/1.1 200 OK\r\nX : y\r\n\r\n"), -1);
  EXPECT_EQ(response_status("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n"), -1);
}

// The whole body, or "malformed" or "more".
std::string chunked_body(std::string_view body, std::size_t step) {
  Framing framing;
  framing.chunked = true;
  BodyReader reader(framing);
  std::string whole;
  std::string pending;
  while (true) {
    const std::string_view next = body.substr(0, step);
    body.remove_prefix(next.size());
    pending += next;
    for (bool more = true; more;) {
      const auto progress = reader.read(pending);
      whole += progress.piece;
      pending.erase(0, progress.used);
      if (progress.step == BodyReader::Step::kEnd) return whole;
      if (progress.step == BodyReader::Step::kMalformed) return "malformed";
      more = progress.step == BodyReader::Step::kPiece;
    }
    if (body.empty()) return "more";
  }
}

TEST(ChunkedBody, IsReadStrictlyHoweverItArrives) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"5\r\nhello\r\n0\r\n\r\n", "hello"},
      {"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"},
      {"00005\r\nhello\r\n0\r\n\r\n", "hello"},
      {"5;a=b;c=\"d\"\r\nhello\r\n0\r\n\r\n", "hello"},
      {"5\r\nhello\r\n0\r\nX-Late: admin\r\n\r\n", "hello"},
      {"0\r\n\r\n", ""},
      {"5\r\nhello\r\n", "more"},
      {"5\nhello\n0\n\n\r\n\r\n", "malformed"},
      {"5\r\nhelloX0\r\n\r\n", "malformed"},
      {"5\r\nhello\n0\r\n\r\n", "malformed"},
      {"-5\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"0x5\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5 ;a\r\nhello\r\n0\r\n\r\n", "hello"},
      {"5;a;b=c\t; d = \"e;\\\"=\\\\\" ;f\r\nhello\r\n0;g=h\r\n\r\n", "hello"},
      {"5;a=\"\"\r\nhello\r\n0\r\n\r\n", "hello"},
      {"5;\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5; \r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;bad[=x\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;a=\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;=b\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;a b\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;a \r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;a=b c\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;a=b;\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;;a\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;a=\"b\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;a=b\"c\"\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"0;\r\n\r\n", "malformed"},
      {"5 \r\nhello\r\n0\r\n\r\n", "malformed"},
      {"\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"ffffffffffffffff1\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;\nx\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", "malformed"},
      {"5\r\nhello\r\n0\r\nX Y: z\r\n\r\n", "malformed"},
  };
  for (const auto& [body, expected] : cases) {
    for (const std::size_t step : {1, 2, 3, 7, 1000})
      EXPECT_EQ(chunked_body(body, step), expected) << body << " by " << step;
  }
}

TEST(ChunkedBody, EndlessTrailersAreRefused) {
  std::string trailers;
  for (int i = 0; i < 1000; ++i) trailers += "X-Late: admin\r\n";
  EXPECT_EQ(chunked_body("0\r\n" + trailers + "\r\n", 1000), "malformed");
}

TEST(ChunkedBody, AnEndlessExtensionIsRefused) {
  EXPECT_EQ(chunked_body("5;" + std::string(9000, 'a') + "\r\nhello\r\n0\r\n\r\n", 1000), "malformed");
}

}  // namespace
}  // namespace writ::http::framing_test
