#include "gateway/forwarded_headers.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace writ::gateway {
namespace {

using ::testing::ElementsAre;

// docs/gateway.md lists the same.
constexpr std::string_view kNames[] = {
    "Api-Key",
    "Authorization",
    "Client-Cert",
    "Client-Cert-Chain",
    "CF-Connecting-IP",
    "Cookie",
    "DPoP",
    "Fastly-Client-IP",
    "Forwarded",
    "From",
    "Proxy",
    "Remote-Groups",
    "Remote-User",
    "Request-Id",
    "True-Client-IP",
    "Via",
    "X-Api-Key",
    "X-Client-Cert",
    "X-Client-Id",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Groups",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-Real-IP",
    "X-Remote-User",
    "X-Request-Id",
    "X-Rewrite-URL",
    "X-User",
    "X-Client-DN",
    "X-Client-Verify",
    "X-Forwarded",
};
// What begins so is dropped, whatever follows.
constexpr std::string_view kUnderPrefixes[] = {
    "Writ-Context",
    "Writ-",
    "X-Writ-Anything",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Client-Cert",
    "X-Auth-Request-Email",
    "X-Authenticated-User",
    "X-User-Id",
    "X-SSL-Client-S-DN",
    "X-Amzn-Oidc-Identity",
    "X-Tenant",
    "X-Tenant-Id",
    "X-Goog-Authenticated-User-Email",
    "X-MS-Client-Principal",
    "X-MS-Client-Principal-Name",
    "X-Envoy-Original-Path",
    "X-Consumer-Username",
    "X-Original-Host",
    "X-Original-Method",
    "X-Original-URI",
    "X-Original-URL",
    "X-WebAuth-User",
    "CF-Access-Authenticated-User-Email",
    "SSL-Client-Subject-DN",
};
constexpr std::string_view kHopByHop[] = {
    "Connection",          "Content-Length",   "Keep-Alive", "Proxy-Authenticate",
    "Proxy-Authorization", "Proxy-Connection", "TE",         "Trailer",
    "Transfer-Encoding",   "Upgrade",
};
constexpr std::string_view kPass[] = {
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Cache-Control",
    "Content-Encoding",
    "Content-Type",
    "If-Match",
    "If-None-Match",
    "Range",
    "User-Agent",
    "Origin",
    "Referer",
    "Date",
    "Idempotency-Key",
    "Prefer",
    "Traceparent",
    "Tracestate",
    "X-Custom",
    "X-Users",
    "Writ",
    "X-Forward",
    "Xuser",
    "Author",
    "Authorization-Details",
    "X-Client",
    "X-Client-Version",
    "X-Original",
};

std::string upper(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return text;
}
std::string lower(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return text;
}
std::string with(std::string_view name, char sign) {
  std::string text(name);
  std::ranges::replace(text, '-', sign);
  return text;
}
// Every way to write a name that a server somewhere takes for the same.
std::vector<std::string> spellings(std::string_view name) {
  return {std::string(name),      upper(name),    lower(name), with(name, '_'),
          upper(with(name, '_')), with(name, '.')};
}

http::Request request_with(http::Headers headers) {
  http::Request request;
  request.method = "GET";
  request.path = "/";
  request.peer_ip = "192.0.2.7";
  request.headers = std::move(headers);
  return request;
}

// Does a field of this name, with a value nobody else uses, come through?
bool passes(std::string_view name) {
  const auto sent = upstream_headers(request_with({{name, "spoofed"}}), "https");
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (sent[i].value == "spoofed") return true;
  }
  return false;
}
bool answer_passes(std::string_view name) {
  const auto sent = answer_headers({{name, "from-upstream"}}, "r-1");
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (sent[i].value == "from-upstream") return true;
  }
  return false;
}

TEST(ForwardedHeaders, WhatNamesTheCallerIsDroppedInEverySpelling) {
  for (const auto name : kNames) {
    for (const auto& spelling : spellings(name)) {
      EXPECT_TRUE(is_identity_header(spelling)) << spelling;
      EXPECT_FALSE(passes(spelling)) << spelling;
    }
  }
}

TEST(ForwardedHeaders, WhatBeginsAsAnIdentityHeaderIsDroppedInEverySpelling) {
  for (const auto name : kUnderPrefixes) {
    for (const auto& spelling : spellings(name)) {
      EXPECT_TRUE(is_identity_header(spelling)) << spelling;
      EXPECT_FALSE(passes(spelling)) << spelling;
    }
  }
}

TEST(ForwardedHeaders, ALongNameDoesNotHideItsPrefix) {
  const std::string tail(1000, 'a');
  EXPECT_FALSE(passes("X-Forwarded-" + tail));
  EXPECT_FALSE(passes("x_writ_" + tail));
  EXPECT_TRUE(passes("X-Custom-" + tail));
  // As long as what is compared, and longer by one.
  EXPECT_TRUE(passes(std::string(48, 'a')));
  EXPECT_TRUE(passes(std::string(49, 'a')));
  EXPECT_TRUE(passes("cookie" + tail));
}

TEST(ForwardedHeaders, WhatIsOfOneConnectionIsDroppedInBothDirections) {
  for (const auto name : kHopByHop) {
    for (const auto& spelling : spellings(name)) {
      EXPECT_TRUE(is_hop_by_hop(spelling)) << spelling;
      EXPECT_FALSE(passes(spelling)) << spelling;
      EXPECT_FALSE(answer_passes(spelling)) << spelling;
    }
  }
}

TEST(ForwardedHeaders, HostAndExpectAreAnsweredForElsewhere) {
  for (const auto* name : {"Host", "host", "HOST", "Expect", "expect"}) EXPECT_FALSE(passes(name)) << name;
}

TEST(ForwardedHeaders, OtherNamesPass) {
  for (const auto name : kPass) {
    for (const auto& spelling : {std::string(name), upper(name), lower(name)}) {
      EXPECT_FALSE(is_identity_header(spelling)) << spelling;
      EXPECT_FALSE(is_hop_by_hop(spelling)) << spelling;
      EXPECT_TRUE(passes(spelling)) << spelling;
      EXPECT_TRUE(answer_passes(spelling)) << spelling;
    }
  }
}

TEST(ForwardedHeaders, RepeatedFieldsKeepTheirOrder) {
  const auto sent =
      upstream_headers(request_with({{"Accept", "a"}, {"X-B", "1"}, {"accept", "b"}, {"X-B", "2"}}), "http");
  std::vector<std::string> all;
  for (std::size_t i = 0; i < 4; ++i)
    all.push_back(std::string(sent[i].name) + "=" + std::string(sent[i].value));
  EXPECT_THAT(all, ElementsAre("Accept=a", "X-B=1", "accept=b", "X-B=2"));
}

// RFC 9110 §7.6.1.
TEST(ForwardedHeaders, WhatConnectionListsGoesNoFurther) {
  const auto sent = upstream_headers(request_with({{"X-One", "1"},
                                                   {"Connection", "close, x-one"},
                                                   {"X-Two", "2"},
                                                   {"X-Three", "3"},
                                                   {"Connection", "X-TWO ,  keep-alive"}}),
                                     "http");
  EXPECT_FALSE(sent.contains("X-One"));
  EXPECT_FALSE(sent.contains("X-Two"));
  EXPECT_EQ(sent.find("X-Three"), "3");
}

TEST(ForwardedHeaders, WhatTheAnswersConnectionListsGoesNoFurther) {
  const auto sent = answer_headers({{"Connection", "X-One, close"}, {"X-One", "1"}, {"X-Two", "2"}}, "r-1");
  EXPECT_FALSE(sent.contains("X-One"));
  EXPECT_FALSE(sent.contains("Connection"));
  EXPECT_EQ(sent.find("X-Two"), "2");
}

TEST(ForwardedHeaders, ConnectionCannotTakeAwayWhatWeSay) {
  auto request = request_with({{"Connection", "X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto"}});
  request.host = "api.acme.example";
  const auto sent = upstream_headers(request, "https");
  EXPECT_EQ(sent.find("X-Forwarded-For"), "192.0.2.7");
  EXPECT_EQ(sent.find("X-Forwarded-Host"), "api.acme.example");
  EXPECT_EQ(sent.find("X-Forwarded-Proto"), "https");
}

TEST(ForwardedHeaders, XForwardedIsMadeByUsAlone) {
  auto request = request_with({{"X-Forwarded-For", "203.0.113.1"},
                               {"x-forwarded-for", "203.0.113.2"},
                               {"X_Forwarded_For", "203.0.113.3"},
                               {"X-Forwarded-Host", "evil.example"},
                               {"X-Forwarded-Proto", "https"},
                               {"Forwarded", "for=203.0.113.4"}});
  request.host = "api.acme.example";
  const auto sent = upstream_headers(request, "http");
  EXPECT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent.find("X-Forwarded-For"), "192.0.2.7");
  EXPECT_EQ(sent.find("X-Forwarded-Host"), "api.acme.example");
  EXPECT_EQ(sent.find("X-Forwarded-Proto"), "http");
}

TEST(ForwardedHeaders, WithoutAHostNoneIsForwarded) {
  EXPECT_FALSE(upstream_headers(request_with({}), "http").contains("X-Forwarded-Host"));
}

TEST(ForwardedHeaders, TheAnswersRequestIdIsOurs) {
  const auto sent = answer_headers({{"x-request-id", "theirs"}, {"X-Request-Id", "theirs too"}}, "r-1");
  EXPECT_EQ(sent.count("X-Request-Id"), 1u);
  EXPECT_EQ(sent.find("X-Request-Id"), "r-1");
}

// The table is about what callers say to upstreams. What an upstream says to a caller is its own.
TEST(ForwardedHeaders, AnAnswerMaySetCookiesAndAskForCredentials) {
  for (const auto* name : {"Set-Cookie", "WWW-Authenticate", "Location", "Via"})
    EXPECT_TRUE(answer_passes(name)) << name;
}

}  // namespace
}  // namespace writ::gateway
