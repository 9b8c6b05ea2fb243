#include "http/h2/request_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/testing/http2_peer.h"

namespace writ::http::request_fields_test {
namespace {

using testing::Fields;
using testing::get_fields;
using testing::post_fields;

constexpr HeadLimits kLimits{.max_head_bytes = 4096, .max_headers = 20, .max_target_bytes = 200};
constexpr int kGood = 200, kMalformed = -1;

struct Read {
  int status;  // of the answer; or kGood, or kMalformed
  Request request;
  Framing framing;
};

Read read(const Fields& fields, bool ended = true) {
  Read read{.status = kGood, .request = {}, .framing = {}};
  RequestFields reader(kLimits, read.request);
  for (const auto& [name, value] : fields) reader.add(name, value);
  const auto framing = reader.finish(ended);
  if (!framing) {
    read.status = framing.error().malformed ? kMalformed : framing.error().refusal.status;
  } else {
    read.framing = *framing;
  }
  return read;
}

TEST(RequestFields, MakeTheRequestThatHttp1Makes) {
  const auto all = read({{":method", "GET"},
                         {":authority", "API.example:81"},
                         {":scheme", "https"},
                         {":path", "/a%2Db?x=%20"},
                         {"accept", "*/*"},
                         {"te", "trailers"}});
  ASSERT_EQ(all.status, kGood);
  const auto& request = all.request;
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/a%2Db?x=%20");
  EXPECT_EQ(request.path, "/a-b");
  EXPECT_EQ(request.encoded_path, "/a-b");
  EXPECT_EQ(request.query, "x=%20");
  EXPECT_EQ(request.host, "api.example:81");
  EXPECT_EQ(request.headers[0].name, "host");
  EXPECT_EQ(request.headers.find("host"), "API.example:81");
  EXPECT_EQ(request.headers.find("accept"), "*/*");
  EXPECT_FALSE(all.framing.has_body());
}

TEST(RequestFields, TheHostMayStandInEitherPlaceButIsOne) {
  const Fields without{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}};
  const auto with = [&](const Fields& more) {
    auto fields = without;
    fields.insert(fields.end(), more.begin(), more.end());
    return read(fields);
  };
  EXPECT_EQ(with({{"host", "B"}}).request.host, "b");
  EXPECT_EQ(with({{":authority", ""}, {"host", "b"}}).request.host, "b");
  const auto both = with({{":authority", "b"}, {"x", "1"}, {"host", "B"}});
  EXPECT_EQ(both.status, kGood);
  EXPECT_EQ(both.request.headers.count("host"), 1u);
  EXPECT_EQ(with({}).status, 400);
  EXPECT_EQ(with({{":authority", ""}}).status, 400);
  EXPECT_EQ(with({{":authority", "b"}, {"host", "c"}}).status, kMalformed);
  EXPECT_EQ(with({{"host", "b"}, {"host", "b"}}).status, kMalformed);
  EXPECT_EQ(with({{":authority", "b"}, {"host", "b"}, {"host", "b"}}).status, kMalformed);
  EXPECT_EQ(with({{":authority", "user@b"}}).status, 400);
  EXPECT_EQ(with({{":authority", "b/c"}}).status, 400);
  EXPECT_EQ(with({{":authority", "b\r\nx: y"}}).status, kMalformed);
}

TEST(RequestFields, PseudoFieldsAreExactAndFirst) {
  const std::pair<std::string, std::string> method{":method", "GET"}, scheme{":scheme", "http"},
      path{":path", "/"}, host{":authority", "a"};
  const std::pair<Fields, int> cases[] = {
      {{method, scheme, path, host}, kGood},
      {{scheme, path, host}, kMalformed},
      {{method, path, host}, kMalformed},
      {{method, scheme, host}, kMalformed},
      {{method, method, scheme, path, host}, kMalformed},
      {{method, scheme, scheme, path, host}, kMalformed},
      {{method, scheme, path, path, host}, kMalformed},
      {{method, scheme, path, host, host}, kMalformed},
      {{method, scheme, path, {"accept", "*/*"}, host}, kMalformed},
      {{method, scheme, path, host, {":status", "200"}}, kMalformed},
      {{method, scheme, path, host, {":protocol", "websocket"}}, kMalformed},
      {{method, scheme, path, host, {":", "x"}}, kMalformed},
      {{{":method", "CONNECT"}, host}, 501},
      {{{":method", "G ET"}, scheme, path, host}, kMalformed},
      {{{":method", ""}, scheme, path, host}, kMalformed},
      {{{":method", "GET / HTTP/1.1\r\n"}, scheme, path, host}, kMalformed},
      {{{":method", std::string(33, 'G')}, scheme, path, host}, kMalformed},
      {{method, {":scheme", "ftp"}, path, host}, kMalformed},
      {{method, {":scheme", "http://b/?"}, path, host}, kMalformed},
  };
  for (const auto& [fields, status] : cases)
    EXPECT_EQ(read(fields).status, status) << &fields - &cases[0].first;
}

TEST(RequestFields, ThePathIsWhatHttp1TakesAndNeverEndsARequestLine) {
  const std::pair<std::string, int> cases[] = {
      {"/a", kGood},
      {"", kMalformed},
      {"/a b", kMalformed},
      {"/a HTTP/1.1\r\nX: y", kMalformed},
      {std::string("/a\0b", 4), kMalformed},
      {"/a\tb", kMalformed},
      {"a", 400},
      {"http://b/a", 400},
      {"*", 400},
      {"//a", 400},
      {"/../a", 400},
      {"/a%2fb", 400},
      {"/a;b", 400},
      {"/a#b", 400},
      {"/\xff", 400},
      {"/" + std::string(300, 'a'), 414},
  };
  for (const auto& [path, status] : cases) {
    auto fields = get_fields(path);
    EXPECT_EQ(read(fields).status, status) << path;
  }
  auto fields = get_fields("*");
  fields[0].second = "OPTIONS";
  EXPECT_EQ(read(fields).status, 501);
}

TEST(RequestFields, WhatFramesARequestOfHttp1IsMalformed) {
  const std::pair<Fields, int> cases[] = {
      {{{"connection", "close"}}, kMalformed},
      {{{"keep-alive", "1"}}, kMalformed},
      {{{"proxy-connection", "close"}}, kMalformed},
      {{{"transfer-encoding", "chunked"}}, kMalformed},
      {{{"upgrade", "h2c"}}, kMalformed},
      {{{"te", "gzip"}}, kMalformed},
      {{{"te", "trailers, deflate"}}, kMalformed},
      {{{"content-length", "3"}, {"content-length", "3"}}, kMalformed},
      {{{"content-length", "3, 3"}}, kMalformed},
      {{{"content-length", "+3"}}, kMalformed},
      {{{"content-length", "0x3"}}, kMalformed},
      {{{"content-length", ""}}, kMalformed},
      {{{"X-Capital", "1"}}, kMalformed},
      {{{"Transfer-Encoding", "chunked"}}, kMalformed},
      {{{"x y", "1"}}, kMalformed},
      {{{"x:", "1"}}, kMalformed},
      {{{"x\r\ny", "1"}}, kMalformed},
      {{{"", "1"}}, kMalformed},
      {{{"x", "1\r\ny: 2"}}, kMalformed},
      {{{"x", "1\n"}}, kMalformed},
      {{{"x", std::string("1\0", 2)}}, kMalformed},
      {{{"x", " 1"}}, kMalformed},
      {{{"x", "1\t"}}, kMalformed},
      {{{"x", ""}}, kGood},
      {{{"x", "a b\tc"}}, kGood},
      {{{"expect", "100-continue"}}, kGood},
      {{{"expect", "magic"}}, 417},
  };
  for (const auto& [more, status] : cases)
    EXPECT_EQ(read(post_fields("/", more), false).status, status) << more[0].first << ": " << more[0].second;
}

TEST(RequestFields, ABodyIsFramedByItsLengthOrItsEnd) {
  EXPECT_FALSE(read(post_fields("/")).framing.has_body());
  EXPECT_EQ(read(post_fields("/", {{"content-length", "3"}})).status, kMalformed);
  EXPECT_EQ(read(post_fields("/", {{"content-length", "0"}})).status, kGood);
  const auto counted = read(post_fields("/", {{"content-length", "3"}}), false);
  EXPECT_EQ(counted.framing.content_length, 3u);
  EXPECT_FALSE(counted.framing.chunked);
  EXPECT_TRUE(read(post_fields("/"), false).framing.chunked);
}

// HTTP/1 reads a blank at an end away: what is decided on is what the API reads.
TEST(RequestFields, AnEmptyCookieCrumbLeavesNoBlankAtTheEnd) {
  const auto request =
      read(get_fields("/",
                      {{"cookie", ""}, {"cookie", "a=1"}, {"cookie", ""}, {"cookie", "b=2"}, {"cookie", ""}}))
          .request;
  EXPECT_EQ(request.headers.find("cookie"), "a=1; b=2");
  EXPECT_FALSE(read(get_fields("/", {{"cookie", ""}})).request.headers.find("cookie"));
}

TEST(RequestFields, CookieCrumbsAreOneFieldAgain) {
  const auto request = read(get_fields("/", {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}})).request;
  EXPECT_EQ(request.headers.count("cookie"), 1u);
  EXPECT_EQ(request.headers.find("cookie"), "a=1; b=2");
}

TEST(RequestFields, AHeadHasLimits) {
  EXPECT_EQ(read(get_fields("/", {{"x", std::string(3000, 'x')}})).status, kGood);
  EXPECT_EQ(read(get_fields("/", {{"x", std::string(5000, 'x')}})).status, 431);
  Fields many, crumbs;
  for (int i = 0; i < 21; ++i) {
    many.emplace_back("x", "");
    crumbs.emplace_back("cookie", "a");
  }
  EXPECT_EQ(read(get_fields("/", many)).status, 431);
  EXPECT_EQ(read(get_fields("/", crumbs)).status, 431);
  // Each field counts as RFC 9113 §6.5.2 says, also an empty one.
  Request request;
  RequestFields reader({.max_head_bytes = 320, .max_headers = 1000, .max_target_bytes = 200}, request);
  for (const auto& [name, value] : get_fields("/")) reader.add(name, value);
  for (int i = 0; i < 10; ++i) reader.add("x", "");
  EXPECT_EQ(reader.finish(true).error().refusal.status, 431);
}

TEST(RequestFields, TrailersAreCheckedToo) {
  EXPECT_TRUE(is_trailer_field("x", "1"));
  for (const char* name : {":path", "X", "connection", "transfer-encoding", "a b", ""})
    EXPECT_FALSE(is_trailer_field(name, "1")) << name;
  EXPECT_FALSE(is_trailer_field("x", "1\r\n"));
}

// RFC 8441 §4.
TEST(RequestFields, AnExtendedConnectIsTheGetThatAWebSocketBeginsWith) {
  const Fields connect{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "https"},
                       {":path", "/a?b"},      {":authority", "a"},        {"sec-websocket-version", "13"}};
  const auto word = [](Fields fields, bool web_sockets = true, bool ended = false) -> std::string {
    Request request;
    RequestFields reader(kLimits, request, web_sockets);
    for (const auto& [name, value] : fields) reader.add(name, value);
    const auto framing = reader.finish(ended);
    if (!framing)
      return framing.error().malformed ? "malformed" : std::to_string(framing.error().refusal.status);
    EXPECT_FALSE(framing->has_body());
    return request.method + " " + request.target + (framing->web_socket ? " websocket" : "");
  };
  const auto changed = [&](std::size_t at, const char* value) {
    auto fields = connect;
    fields[at].second = value;
    return fields;
  };
  const auto without = [&](std::size_t at) {
    auto fields = connect;
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(at));
    return fields;
  };
  EXPECT_EQ(word(connect), "GET /a?b websocket");
  EXPECT_EQ(word(connect, false), "malformed");
  EXPECT_EQ(word(connect, true, true), "malformed");
  EXPECT_EQ(word(changed(0, "GET")), "malformed");
  EXPECT_EQ(word(changed(1, "connect-udp")), "501");
  EXPECT_EQ(word(without(1)), "501");
  EXPECT_EQ(word(without(2)), "malformed");
  EXPECT_EQ(word(without(3)), "malformed");
  EXPECT_EQ(word(without(4)), "400");
  auto twice = connect;
  twice.insert(twice.begin(), {":protocol", "websocket"});
  EXPECT_EQ(word(twice), "malformed");
  auto counted = connect;
  counted.emplace_back("content-length", "0");
  EXPECT_EQ(word(counted), "malformed");
}

}  // namespace
}  // namespace writ::http::request_fields_test
