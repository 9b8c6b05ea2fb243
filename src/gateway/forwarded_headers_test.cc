#include "gateway/forwarded_headers.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "codec/ascii.h"
#include "gateway/left_out.h"

namespace writ::gateway::forwarded_headers_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Fate = ForwardedHeaders::Fate;

// docs/gateway.md lists the same.
constexpr std::string_view kForwarded[] = {
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Cache-Control",
    "Content-Digest",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-MD5",
    "Content-Range",
    "Content-Type",
    "Digest",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Origin",
    "Pragma",
    "Prefer",
    "Range",
    "Repr-Digest",
    "Traceparent",
    "Tracestate",
    "User-Agent",
    "Want-Content-Digest",
    "Want-Repr-Digest",
};
constexpr std::string_view kOnce[] = {
    "Content-Location",  "Content-MD5",         "Content-Range", "Content-Type", "Idempotency-Key",
    "If-Modified-Since", "If-Unmodified-Since", "If-Range",      "Origin",       "Range",
};
// A caller's word for who calls, credentials, other methods and paths; whatever an API asks for.
constexpr std::string_view kNever[] = {
    "Access-Token",
    "Api-Key",
    "Authorization",
    "CF-Access-Authenticated-User-Email",
    "CF-Connecting-IP",
    "Client-Cert",
    "Client-Cert-Chain",
    "DPoP",
    "Early-Data",
    "Expect",
    "Fastly-Client-IP",
    "Forwarded",
    "From",
    "Host",
    "Private-Token",
    "Proxy",
    "Proxy-User",
    "Remote-Groups",
    "Remote-User",
    "Request-Id",
    "SSL-Client-Subject-DN",
    "True-Client-IP",
    "Via",
    "Writ-",
    "Writ-Approval",
    "Writ-Task",
    "Writ-Context",
    "X-Access-Token",
    "X-Amzn-Oidc-Identity",
    "X-Api-Key",
    "X-Auth-Request-Email",
    "X-Authenticated-User",
    "X-Authorization",
    "X-Client-Cert",
    "X-Client-DN",
    "X-Client-Id",
    "X-Client-IP",
    "X-Client-Verify",
    "X-Cluster-Client-IP",
    "X-Consumer-Username",
    "X-Envoy-Original-Path",
    "X-Forwarded",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Goog-Authenticated-User-Email",
    "X-Goog-IAP-JWT-Assertion",
    "X-Groups",
    "X-Hasura-Role",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-MS-Client-Principal",
    "X-MS-Client-Principal-Name",
    "X-Original-Host",
    "X-Original-Method",
    "X-Original-URI",
    "X-Original-URL",
    "X-Real-IP",
    "X-Remote-Addr",
    "X-Remote-User",
    "X-Request-Id",
    "X-Rewrite-URL",
    "X-SSL-Client-S-DN",
    "X-Tenant",
    "X-Tenant-Id",
    "X-User",
    "X-User-Id",
    "X-UserId",
    "X-Userinfo",
    "X-Username",
    "X-WebAuth-User",
    "X-Writ-Anything",
};
constexpr std::string_view kHopByHop[] = {
    "Connection",
    "Content-Length",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "HTTP2-Settings",
};
// What nobody thought of.
constexpr std::string_view kUnnamed[] = {"X-Custom",
                                         "X-Scope-OrgID",
                                         "Cookie",
                                         "baggage",
                                         "Referer",
                                         "Date",
                                         "X",
                                         "Accept-",
                                         "Accep",
                                         "AcceptX",
                                         "Max-Forwards",
                                         "X-Correlation-Id",
                                         "Signature",
                                         "Content-Disposition"};

std::string upper(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return text;
}
std::string with(std::string_view name, char sign) {
  std::string text(name);
  std::ranges::replace(text, '-', sign);
  return text;
}
// Every way to write a name that is the same to HTTP.
std::vector<std::string> cases(std::string_view name) {
  return {std::string(name), upper(name), codec::lowered(name)};
}
// Every way to write a name that a server somewhere takes for the same.
std::vector<std::string> spellings(std::string_view name) {
  auto all = cases(name);
  for (const char sign : {'_', '.', '~'}) all.push_back(upper(with(name, sign)));
  return all;
}

http::Request request_with(http::Headers headers) {
  http::Request request;
  request.method = "GET";
  request.path = request.encoded_path = "/";
  request.peer_ip = "192.0.2.7";
  request.headers = std::move(headers);
  return request;
}

http::Headers upstream_headers(const http::Request& request, std::string_view proto = "http",
                               const ForwardedHeaders& by = *ForwardedHeaders::standard()) {
  LeftOut left_out({});
  return by.upstream(request, proto, "invoices", left_out);
}

// Does a field of this name, with a value nobody else uses, come through?
bool passes(std::string_view name, const ForwardedHeaders& by = *ForwardedHeaders::standard()) {
  const auto sent = upstream_headers(request_with({{name, "spoofed"}}), "https", by);
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

TEST(ForwardedHeaders, WhatDescribesAndNegotiatesTheContentPasses) {
  for (const auto name : kForwarded) {
    for (const auto& spelling : cases(name)) EXPECT_TRUE(passes(spelling)) << spelling;
  }
}

TEST(ForwardedHeaders, WhatNobodyNamedDoesNotPass) {
  for (const auto name : kUnnamed) {
    for (const auto& spelling : spellings(name)) EXPECT_FALSE(passes(spelling)) << spelling;
  }
  EXPECT_FALSE(passes(std::string(1000, 'a')));
  EXPECT_FALSE(passes("Content-Type" + std::string(1000, 'a')));
}

TEST(ForwardedHeaders, WhoCallsIsSaidByNoCaller) {
  for (const auto name : kNever) {
    for (const auto& spelling : spellings(name)) EXPECT_FALSE(passes(spelling)) << spelling;
  }
}

// CGI makes one variable of both, and the API would act on the one that nobody decided on.
TEST(ForwardedHeaders, ANameThatSomeServerReadsAsAForwardedOneDoesNotPass) {
  for (const auto name : kForwarded) {
    if (name.find('-') == name.npos) continue;
    for (const char sign : {'_', '.', '~', '+', '!'}) EXPECT_FALSE(passes(with(name, sign))) << name << sign;
  }
}

// ---- what an API adds ----

TEST(ForwardedHeaders, AnApiAddsWhatItReads) {
  const auto own =
      ForwardedHeaders::with({"X-Custom", "cookie", "Baggage", "X-User-Agent", "Accept"}).value();
  for (const auto* name :
       {"X-Custom", "x-CUSTOM", "Cookie", "baggage", "x-user-agent", "Accept", "Content-Type"})
    EXPECT_TRUE(passes(name, own)) << name;
  for (const auto* name : {"X_Custom", "X-Custom2", "X-Other", "X-User", "X.Custom"})
    EXPECT_FALSE(passes(name, own)) << name;
}

TEST(ForwardedHeaders, ManyNamesAreEachFound) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kMaxForwardedNames; ++i)
    names.push_back("x-" + std::to_string(1000 + i) + "-x");
  const auto own = ForwardedHeaders::with(names).value();
  for (const auto& name : names) EXPECT_TRUE(passes(name, own)) << name;
  for (const auto name : kForwarded) EXPECT_TRUE(passes(name, own)) << name;
  EXPECT_FALSE(passes("x-2000-x", own));
  names.push_back("x-one-more");
  EXPECT_EQ(ForwardedHeaders::with(names).error().message, "there are more than 64 names");
}

TEST(ForwardedHeaders, NoApiAddsCredentialsIdentitiesOrWhatWritAnswersFor) {
  for (const auto name : kNever) {
    for (const auto& spelling : cases(name)) {
      const auto made = ForwardedHeaders::with({"X-Fine", spelling});
      ASSERT_FALSE(made) << spelling;
      EXPECT_THAT(made.error().message, HasSubstr("`" + spelling + "` cannot be forwarded")) << spelling;
    }
  }
  for (const auto name : kHopByHop) EXPECT_FALSE(ForwardedHeaders::with({std::string(name)})) << name;
}

TEST(ForwardedHeaders, NoApiAddsANameThatEndsAsOneOfACredentialOrAnIdentity) {
  for (const auto* name : {"X-Grafana-User",
                           "X-Scope-OrgID",
                           "X-Vault-Token",
                           "X-Api-Token",
                           "X-Id-Token",
                           "X-Amz-Security-Token",
                           "Job-Token",
                           "X-Jwt",
                           "X-Secret",
                           "X-Client-Secret",
                           "Password",
                           "Ocp-Apim-Subscription-Key",
                           "X-Functions-Key",
                           "X-Roles",
                           "X-App-Role",
                           "X-Principal",
                           "X-Kubernetes-User",
                           "Sudo",
                           "X-Sudo",
                           "Impersonate-User",
                           "Impersonate-Group",
                           "X-Impersonate-Id",
                           "X-Act-As",
                           "X-On-Behalf-Of",
                           "X-Login-Username"})
    EXPECT_FALSE(ForwardedHeaders::with({name})) << name;
  for (const auto* name : {"X-CSRF-Token", "X-XSRF-TOKEN", "X-Continuation-Token", "Next-Token", "Ce-Subject",
                           "X-Superuser", "X-Tokens", "X-Sort-Key", "X-Monkey", "X-User-Agent"})
    EXPECT_TRUE(ForwardedHeaders::with({name})) << name;
}

TEST(ForwardedHeaders, NoApiAddsANameThatSomeServerReadsAsAnother) {
  for (const auto* name :
       {"", "X_Custom", "Content_Type", "X.Custom", "X Custom", "X-Custom:", "X-Cust\xc3\xb6m"}) {
    const auto made = ForwardedHeaders::with({name});
    ASSERT_FALSE(made) << name;
    EXPECT_THAT(made.error().message, HasSubstr("1 to 64 letters, digits and `-`")) << name;
  }
  EXPECT_TRUE(ForwardedHeaders::with({std::string(64, 'a')}));
  EXPECT_FALSE(ForwardedHeaders::with({std::string(65, 'a')}));
}

// ---- what is left out ----

TEST(ForwardedHeaders, WhatIsLeftOutIsCountedAndToldOnce) {
  std::vector<std::string> told;
  LeftOut left_out([&](const std::string& line) { told.push_back(line); });
  const auto& standard = *ForwardedHeaders::standard();
  const auto request = request_with({{"X-Custom", "1"},
                                     {"x-custom", "2"},
                                     {"Authorization", "Bearer t"},
                                     {"Host", "a"},
                                     {"Connection", "close"},
                                     {"Accept", "*/*"}});
  standard.upstream(request, "http", "invoices", left_out);
  standard.upstream(request, "http", "invoices", left_out);
  EXPECT_EQ(left_out.count(), 4u);
  EXPECT_THAT(told,
              ElementsAre("the header field `X-Custom` of a request to API `invoices` was not forwarded; if "
                          "the API reads it, name it in `forward_headers`"));
  standard.upstream(request, "http", "notes", left_out);
  EXPECT_EQ(told.size(), 2u);
}

TEST(LeftOut, ToldNamesAreCutAndMoveNoTerminal) {
  std::vector<std::string> told;
  LeftOut left_out([&](const std::string& line) { told.push_back(line); });
  left_out.saw("a", "X-\x1b[31m\n\xff");
  left_out.saw("a", std::string(65, 'n'));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_THAT(told[0], HasSubstr("`X-?[31m??`"));
  EXPECT_THAT(told[1], HasSubstr("`" + std::string(64, 'n') + "...`"));
}

TEST(LeftOut, NamesThatAreToldHaveALimit) {
  std::size_t told = 0;
  LeftOut left_out([&](const std::string&) { ++told; });
  for (int i = 0; i < 1000; ++i) left_out.saw("a", "X-" + std::to_string(i));
  EXPECT_EQ(left_out.count(), 1000u);
  EXPECT_EQ(told, LeftOut::kMaxNames + 1);  // the last line says that there are more
}

// ---- what could be read in two ways ----

std::string ambiguity(http::Headers headers, const ForwardedHeaders& by = *ForwardedHeaders::standard()) {
  return by.ambiguity(headers).value_or("none");
}

// RFC 9110 §7.6.1.
TEST(ForwardedHeaders, ConnectionCannotTakeAwayWhatIsForTheUpstream) {
  for (const auto name : kForwarded) {
    for (const auto& spelling : cases(name)) {
      for (const auto& value :
           {spelling, "close, " + spelling, "keep-alive ,\t" + spelling + " , x", "," + spelling})
        EXPECT_EQ(ambiguity({{"Connection", value}}),
                  "`Connection` names `" + spelling + "`, which is for all that the request reaches")
            << value;
    }
  }
  EXPECT_NE(ambiguity({{"Connection", "close"}, {"connection", "content-type"}}), "none");
  for (const auto* name :
       {"Authorization", "DPoP", "Host", "Writ-Approval", "Writ-Task", "Content-Length", "Expect"})
    EXPECT_NE(ambiguity({{"Connection", name}}), "none") << name;
  const auto own = ForwardedHeaders::with({"X-Custom"}).value();
  EXPECT_NE(ambiguity({{"Connection", "x-custom"}}, own), "none");
  EXPECT_EQ(ambiguity({{"Connection", "x-custom"}}), "none");
}

TEST(ForwardedHeaders, ConnectionMayNameWhatIsOfItAndWhatIsNotForwarded) {
  for (const auto* value : {"", ",", " , ", "close", "keep-alive", "Upgrade, HTTP2-Settings", "TE", "Trailer",
                            "X-Unknown, X-Forwarded-For", "Content_Type", "Transfer-Encoding"})
    EXPECT_EQ(ambiguity({{"Connection", value}, {"Content-Type", "a/b"}}), "none") << value;
}

TEST(ForwardedHeaders, AFieldThatStandsOnceCannotStandTwice) {
  for (const auto name : kOnce) {
    EXPECT_EQ(ambiguity({{name, "a"}, {"Accept", "b"}, {codec::lowered(name), "a"}}),
              "`" + codec::lowered(name) + "` is given twice");
    EXPECT_EQ(ambiguity({{name, "a"}}), "none");
  }
  EXPECT_EQ(ambiguity({{"Accept", "a"}, {"Accept", "b"}, {"If-Match", "a"}, {"If-Match", "b"}}), "none");
  const auto own = ForwardedHeaders::with({"Cookie"}).value();
  EXPECT_EQ(ambiguity({{"Cookie", "a"}, {"Cookie", "b"}}, own), "`Cookie` is given twice");
  http::Headers all;
  for (const auto name : kForwarded) all.add(name, "1");
  EXPECT_EQ(ambiguity(all), "none");
}

// ---- what people approve ----

TEST(ForwardedHeaders, WhatSaysWhatIsToBeDoneIsPartOfAnApprovedCall) {
  const auto own = ForwardedHeaders::with({"X-Amount", "Baggage"}).value();
  const auto text = [&](http::Headers headers) {
    std::string made;
    own.append_to(made, headers);
    return made;
  };
  const auto plain = text({{"Content-Type", "a"}});
  for (const auto* name : {"X-Amount", "Prefer", "If-Match", "Range", "Content-Encoding", "Idempotency-Key"})
    EXPECT_NE(text({{"Content-Type", "a"}, {name, "1"}}), plain) << name;
  for (const auto* name : {"X-Other", "Accept", "Accept-Encoding", "User-Agent", "Traceparent", "Baggage"})
    EXPECT_EQ(text({{"Content-Type", "a"}, {name, "1"}}), plain) << name;
  EXPECT_EQ(text({{"X-Amount", "1"}, {"Prefer", "p"}}), text({{"prefer", "p"}, {"x-amount", "1"}}));
  EXPECT_NE(text({{"X-Amount", "1"}, {"X-Amount", "2"}}), text({{"X-Amount", "2"}, {"X-Amount", "1"}}));
  EXPECT_NE(text({{"X-Amount", "12"}}), text({{"X-Amount", "1"}, {"X-Amount", "2"}}));
}

// ---- of the connection ----

TEST(ForwardedHeaders, WhatIsOfOneConnectionIsDroppedInBothDirections) {
  for (const auto name : kHopByHop) {
    for (const auto& spelling : cases(name)) {
      EXPECT_TRUE(is_hop_by_hop(spelling)) << spelling;
      EXPECT_FALSE(passes(spelling)) << spelling;
      EXPECT_FALSE(answer_passes(spelling)) << spelling;
    }
  }
}

TEST(ForwardedHeaders, RepeatedFieldsKeepTheirOrder) {
  const auto own = ForwardedHeaders::with({"X-B"}).value();
  const auto sent = upstream_headers(
      request_with({{"Accept", "a"}, {"X-B", "1"}, {"accept", "b"}, {"X-B", "2"}}), "http", own);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < 4; ++i)
    all.push_back(std::string(sent[i].name) + "=" + std::string(sent[i].value));
  EXPECT_THAT(all, ElementsAre("Accept=a", "X-B=1", "accept=b", "X-B=2"));
}

TEST(ForwardedHeaders, WhatTheAnswersConnectionListsGoesNoFurther) {
  const auto sent = answer_headers({{"Connection", "X-One, close"}, {"X-One", "1"}, {"X-Two", "2"}}, "r-1");
  EXPECT_FALSE(sent.contains("X-One"));
  EXPECT_FALSE(sent.contains("Connection"));
  EXPECT_EQ(sent.find("X-Two"), "2");
}

TEST(ForwardedHeaders, ConnectionCannotTakeAwayWhatWritSays) {
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
  EXPECT_FALSE(upstream_headers(request_with({})).contains("X-Forwarded-Host"));
}

TEST(ForwardedHeaders, TheAnswersRequestIdIsOurs) {
  const auto sent = answer_headers({{"x-request-id", "theirs"}, {"X-Request-Id", "theirs too"}}, "r-1");
  EXPECT_EQ(sent.count("X-Request-Id"), 1u);
  EXPECT_EQ(sent.find("X-Request-Id"), "r-1");
}

// The table is about what callers say to upstreams. What an upstream says to a caller is its own.
TEST(ForwardedHeaders, AnAnswerMaySetCookiesAndAskForCredentials) {
  for (const auto* name : {"Set-Cookie", "WWW-Authenticate", "Location", "Via", "X-Custom", "X-User"})
    EXPECT_TRUE(answer_passes(name)) << name;
}

// They came after the decision: none may look like a field that it was made on.
TEST(ForwardedHeaders, OfTrailersAnApiGetsOnlyWhatItHasNamedItself) {
  const auto list = ForwardedHeaders::with({"X-Checksum", "Cookie"}).value();
  const auto passed = list.upstream_trailers({{"x-checksum", "7"},
                                              {"X-Other", "1"},
                                              {"content-type", "text/plain"},
                                              {"if-match", "a"},
                                              {"authorization", "Bearer x"},
                                              {"writ-context", "x"},
                                              {"x-forwarded-for", "192.0.2.1"},
                                              {"cookie", "a=1"},
                                              {"te", "trailers"},
                                              {"host", "a"}});
  ASSERT_EQ(passed.size(), 1u);
  EXPECT_EQ(passed.find("X-Checksum"), "7");
  EXPECT_TRUE(ForwardedHeaders::standard()->upstream_trailers({{"x-checksum", "7"}}).empty());
}

TEST(ForwardedHeaders, TrailersOfAnAnswerSayNothingOfHowItIsRead) {
  const auto passed = answer_trailers({{"grpc-status", "0"},
                                       {"grpc-message", "ok"},
                                       {"x-mine", "1"},
                                       {"content-digest", "sha-256=:x:"},
                                       {"content-type", "text/html"},
                                       {"content-length", "7"},
                                       {"set-cookie", "a=1"},
                                       {"access-control-allow-origin", "*"},
                                       {"cache-control", "public"},
                                       {"location", "/"},
                                       {"www-authenticate", "Basic"},
                                       {"transfer-encoding", "chunked"},
                                       {"X-Request-Id", "other"}});
  EXPECT_EQ(passed.size(), 4u);
  for (const auto* name : {"grpc-status", "grpc-message", "x-mine", "content-digest"})
    EXPECT_TRUE(passed.contains(name)) << name;
}

}  // namespace
}  // namespace writ::gateway::forwarded_headers_test
