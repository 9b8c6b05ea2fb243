#include "gateway/proxy.h"

#include <filesystem>
#include <fmt/format.h>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

#include "codec/base64url.h"
#include "crypto/hash.h"
#include "gateway/testing/gateway.h"
#include "jose/jws.h"

namespace writ::gateway::proxy_test {
namespace {

using ::testing::ElementsAre;
using testing::Gateway;
using ::testing::HasSubstr;
using testing::head;
using ::testing::IsEmpty;
using testing::RawClient;
using testing::ScriptedUpstream;
using testing::Upstream;
using testing::word;
using testing::World;
using namespace std::chrono_literals;

class ProxyTest : public ::testing::Test {
 protected:
  std::string get(std::string_view path = "/invoices/inv-1", std::string_view fields = {}) const {
    return head("GET " + std::string(path), token, fields);
  }
  // What the context header says, verified with the published keys.
  codec::Json context_of(const http::Request& request) const {
    const auto jws = jose::parse_jws(request.headers.find("Writ-Context").value()).value();
    const auto keys = world.tokens.ring->snapshot();
    const auto* key = keys->public_keys.find(jws.kid());
    return jose::parse_claims(jws.verify(*key).value()).value();
  }

  World world;
  std::string token = world.token();
};

std::string hash(std::string_view text) {
  return codec::base64url_encode(crypto::as_bytes(crypto::sha256(text)));
}

// ---- what reaches the upstream ----

TEST_F(ProxyTest, APermittedRequestReachesTheUpstreamAndItsAnswerTheCaller) {
  const Upstream upstream([](const http::Request&) {
    auto response = http::text_response(201, "made");
    response.headers.add("X-Upstream", "yes");
    response.headers.add("Set-Cookie", "a=1");
    response.headers.add("Set-Cookie", "b=2");
    return response;
  });
  const Gateway gateway(world, upstream.port());
  const auto answer = gateway.send(get("/invoices/inv-1?full=1&x=%2F", "Accept: text/plain\r\n"));
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "made");
  EXPECT_EQ(answer.headers.find("X-Upstream"), "yes");
  EXPECT_EQ(answer.headers.count("Set-Cookie"), 2u);
  ASSERT_EQ(upstream.seen().size(), 1u);
  const auto seen = upstream.seen().front();
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.target, "/invoices/inv-1?full=1&x=%2F");
  EXPECT_EQ(seen.host, "127.0.0.1:" + std::to_string(upstream.port()));
  EXPECT_EQ(seen.headers.find("Accept"), "text/plain");
  EXPECT_EQ(seen.headers.find("X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(seen.headers.find("X-Forwarded-Host"), "api.acme.example");
  EXPECT_EQ(seen.headers.find("X-Forwarded-Proto"), "http");
  EXPECT_EQ(gateway.stats().forwarded, 1u);
}

TEST_F(ProxyTest, TheUpstreamNeverGetsTheTokenOrASpoofedIdentity) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  EXPECT_EQ(gateway
                .send(get("/invoices/inv-1",
                          "Cookie: session=1\r\nX-User: root\r\nX_Forwarded_For: 203.0.113.1\r\n"
                          "X-Forwarded-For: 203.0.113.2\r\nWrit-Context: forged\r\nwrit_context: forged\r\n"
                          "X-Request-Id: forged\r\nX-HTTP-Method-Override: DELETE\r\nAccept: "
                          "a/b\r\nX-Username: root\r\nPrivate-Token: t\r\n"
                          "Connection: X-Listed\r\nX-Listed: 1\r\nUpgrade: websocket\r\n"))
                .status,
            200);
  const auto seen = upstream.seen().at(0);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < seen.headers.size(); ++i) names.emplace_back(seen.headers[i].name);
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("Host", "Accept", "X-Forwarded-For", "X-Forwarded-Host",
                                                     "X-Forwarded-Proto", "Writ-Context", "X-Request-Id"));
  EXPECT_EQ(seen.headers.find("X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(*context_of(seen).find_string("sub"), "nora");
}

// What people approve, or an amount is read by, nobody takes away on the way.
TEST_F(ProxyTest, FieldsThatTwoReadersReadInTwoWaysAreRefusedBeforeTheDecision) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  for (const auto* fields :
       {"Connection: close, Content-Type\r\nContent-Type: a/b\r\n", "Connection: content-encoding\r\n",
        "Connection: authorization\r\n", "Content-Type: a/b\r\nContent-Type: text/plain\r\n"})
    EXPECT_EQ(word(gateway.send(get("/invoices/inv-1", fields))), "400 malformed_request") << fields;
  EXPECT_EQ(
      gateway.send(get("/invoices/inv-1", "Connection: X-Listed, keep-alive\r\nX-Listed: 1\r\n")).status,
      200);
  EXPECT_EQ(gateway.stats().malformed, 4u);
  EXPECT_EQ(gateway.stats().fields_left_out, 1u);
  EXPECT_EQ(world.audit.size(), 1u);
  EXPECT_EQ(upstream.seen().size(), 1u);
}

TEST_F(ProxyTest, ACredentialOrAnotherMethodInTheQueryIsRefusedBeforeTheDecision) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  for (const auto* query : {"access_token=t", "a=1&api%5Fkey=k", "_method=DELETE", "a%00b"}) {
    const auto answer = gateway.send(get(fmt::format("/invoices/inv-1?{}", query)));
    EXPECT_EQ(word(answer), "400 invalid_request") << query;
    EXPECT_THAT(answer.body, HasSubstr("is not taken")) << query;
  }
  EXPECT_EQ(gateway.send(get("/invoices/inv-1?q=access_token")).status, 200);
  EXPECT_EQ(gateway.stats().malformed, 4u);
  EXPECT_EQ(world.audit.size(), 1u);
  EXPECT_EQ(upstream.seen().size(), 1u);
}

// One token, presented in one way.
TEST_F(ProxyTest, ASecondCredentialInTheHeadIsRefused) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port(), {.public_origin = std::string(testing::kOrigin)});
  const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  auto claims = world.claims();
  claims.key_thumbprint = key.public_jwk().thumbprint();
  const auto bound = world.token(claims);
  const auto dpop =
      world.bound_headers(key, bound, "GET", fmt::format("{}/invoices/inv-1", testing::kOrigin));
  const auto proof = fmt::format("DPoP: {}\r\n", *dpop.find("DPoP"));
  EXPECT_EQ(word(gateway.send(get("/invoices/inv-1", fmt::format("Authorization: Bearer {}\r\n", token)))),
            "401 invalid_token");
  EXPECT_EQ(
      word(gateway.send(get("/invoices/inv-1", fmt::format("Authorization: DPoP {}\r\n{}", bound, proof)))),
      "401 invalid_token");
  EXPECT_EQ(word(gateway.send(head("GET /invoices/inv-1", bound, proof))), "401 invalid_token");
  EXPECT_THAT(upstream.seen(), IsEmpty());
}

TEST_F(ProxyTest, RecordUpstreamAndCallerKnowTheRequestByOneId) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  const auto answer = gateway.send(get());
  const auto recorded = *world.audit.lines().at(0).find_string("request_id");
  EXPECT_EQ(answer.headers.find("X-Request-Id"), recorded);
  EXPECT_EQ(upstream.seen().at(0).headers.find("X-Request-Id"), recorded);
}

TEST_F(ProxyTest, WhatIsDecidedOnIsWhatIsForwarded) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  EXPECT_EQ(gateway.send(get("/%69nvoices/inv%20%2e%C3%A4~%7E")).status, 200);
  EXPECT_EQ(*world.audit.lines().at(0).find_string("resource"), "Billing::Invoice::\"inv .ä~~\"");
  const auto seen = upstream.seen().at(0);
  EXPECT_EQ(seen.target, "/invoices/inv%20.%C3%A4~~");
  EXPECT_EQ(seen.path, "/invoices/inv .ä~~");
  EXPECT_EQ(*context_of(seen).find_string("req"), hash("GET /invoices/inv%20.%C3%A4~~"));
}

// RFC 3986 §2.2: `%2B` and `+` are two things to whoever reads the path.
TEST_F(ProxyTest, ReservedCharactersReachTheUpstreamAsTheyWereSent) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  for (const auto* sent :
       {"a%2Bb", "a+b", "%26%3D%2C%40%3A%24%21%27%28%29%2A", "&=,@:$!'()*", "%3F%23%5B%5D", "50%25"}) {
    const auto path = fmt::format("/invoices/{}", sent);
    EXPECT_EQ(gateway.send(get(path + "?q=%2B+")).status, 200) << sent;
    const auto seen = upstream.seen().back();
    EXPECT_EQ(seen.target, path + "?q=%2B+");
    EXPECT_EQ(*context_of(seen).find_string("req"), hash("GET " + path));
  }
  EXPECT_EQ(gateway.send(get("/invoices/a%2bb")).status, 200);
  EXPECT_EQ(upstream.seen().back().target, "/invoices/a%2Bb");
  EXPECT_EQ(*world.audit.lines().front().find_string("resource"), "Billing::Invoice::\"a+b\"");
}

TEST_F(ProxyTest, AForbiddenResourceIsForbiddenInEverySpelling) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  for (const auto* path : {"/invoices/sealed", "/invoices/%73ealed", "/%69nvoices/seale%64"})
    EXPECT_EQ(word(gateway.send(get(path))), "403 access_denied") << path;
  for (const auto* path :
       {"/invoices/x/../sealed", "/invoices//sealed", "/invoices/./sealed", "/invoices/x%2F..%2Fsealed",
        "/invoices/sealed;a=b", "/invoices/%2573ealed", "/invoices\\sealed"})
    EXPECT_EQ(gateway.send(get(path)).status, 400) << path;
  EXPECT_THAT(upstream.seen(), IsEmpty());
}

TEST_F(ProxyTest, TheContextHeaderIsAboutThePathThatTheUpstreamGets) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port(), {.upstream_prefix = "/base/v1"});
  EXPECT_EQ(gateway.send(get("/invoices/a%20b?q")).status, 200);
  const auto seen = upstream.seen().at(0);
  EXPECT_EQ(seen.target, "/base/v1/invoices/a%20b?q");
  EXPECT_EQ(*context_of(seen).find_string("req"), hash("GET /base/v1/invoices/a%20b"));
}

TEST_F(ProxyTest, WhatThePathSaysOfTheResourceIsDecidedOn) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  EXPECT_EQ(gateway.send(get("/tenants/north/invoices/inv-1")).status, 200);
  EXPECT_THAT(gateway.send(get("/tenants/south/invoices/inv-1")).body, HasSubstr("tenant_mismatch"));
  EXPECT_EQ(upstream.seen().size(), 1u);
}

TEST_F(ProxyTest, ABoundTokenPassesUnderThePublicOrigin) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port(), {.public_origin = std::string(testing::kOrigin)});
  const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  auto claims = world.claims();
  claims.key_thumbprint = key.public_jwk().thumbprint();
  const auto bound = world.token(claims);
  const auto fields =
      world.bound_headers(key, bound, "GET", std::string(testing::kOrigin) + "/invoices/inv-1");
  const auto request = head(
      "GET /invoices/inv-1", "",
      fmt::format("Authorization: {}\r\nDPoP: {}\r\n", *fields.find("Authorization"), *fields.find("DPoP")));
  EXPECT_EQ(gateway.send(request).status, 200);
  EXPECT_EQ(upstream.seen().at(0).headers.find("X-Forwarded-Proto"), "https");
  EXPECT_FALSE(upstream.seen().at(0).headers.contains("DPoP"));
  EXPECT_THAT(gateway.send(request).body, HasSubstr("token_replayed"));
  EXPECT_EQ(word(gateway.send(head("GET /invoices/inv-1", bound))), "401 invalid_token");
  EXPECT_EQ(upstream.seen().size(), 1u);
}

// RFC 9449 §4.3: the proof is for the URI as it was sent, compared after RFC 3986 §6.2.2.
TEST_F(ProxyTest, AProofIsForTheUriAsItWasSent) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port(), {.public_origin = std::string(testing::kOrigin)});
  const auto key = jose::PrivateJwk::generate(crypto::Algorithm::kEs256).value();
  auto claims = world.claims();
  claims.key_thumbprint = key.public_jwk().thumbprint();
  const auto bound = world.token(claims);
  const auto send = [&](std::string_view path, std::string_view proven) {
    const auto fields = world.bound_headers(key, bound, "GET", fmt::format("{}{}", testing::kOrigin, proven));
    return word(gateway.send(head(fmt::format("GET {}", path), "",
                                  fmt::format("Authorization: {}\r\nDPoP: {}\r\n",
                                              *fields.find("Authorization"), *fields.find("DPoP")))));
  };
  for (const auto* id : {"%40", "%3A", "%2B", "%27", "%7E", "%2C", "%2c", "+", "%C3%BC", "%c3%bc", "%41"}) {
    const auto path = fmt::format("/invoices/{}", id);
    EXPECT_EQ(send(path, path), "200") << id;
  }
  EXPECT_EQ(send("/invoices/%2c", "/invoices/%2C"), "200");
  EXPECT_EQ(send("/invoices/~", "/invoices/%7e"), "200");
  EXPECT_EQ(send("/invoices/%2C", "/invoices/,"), "401 invalid_token");
  EXPECT_EQ(send("/invoices/,", "/invoices/%2C"), "401 invalid_token");
}

// ---- calls that people approve ----

// The same call again has the same path as it was sent and the same fields, or it is another one.
TEST_F(ProxyTest, ACallThatPeopleApprovePassesAsItWasAskedAndNotOtherwise) {
  world.policies = testing::compiled(R"(
@id("all") permit (principal, action, resource is Billing::Invoice);
@id("people") forbid (principal, action == Billing::Action::"refund", resource) unless { context.approved };
)");
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  const auto post = [&](std::string_view path, std::string_view fields) {
    return gateway.send(
        head(fmt::format("POST {}", path), token, fmt::format("{}Content-Length: 2\r\n", fields)) + "{}");
  };
  const auto refused = post("/invoices/a%2Bb", "Prefer: a\r\n");
  EXPECT_EQ(word(refused), "403 access_denied");
  const auto id = *codec::parse_json(refused.body).value().find_string("approval");
  ASSERT_TRUE(world.call_approvals.approve(id, {"niklas", {}}, world.clock.now()));
  const auto approved = fmt::format("Writ-Approval: {}\r\n", id);
  EXPECT_THAT(post("/invoices/a+b", approved + "Prefer: a\r\n").body, HasSubstr("approval_mismatch"));
  EXPECT_THAT(post("/invoices/a%2Bb", approved).body, HasSubstr("approval_mismatch"));
  EXPECT_THAT(post("/invoices/a%2Bb", approved + "Prefer: b\r\n").body, HasSubstr("approval_mismatch"));
  EXPECT_EQ(post("/invoices/a%2bb", approved + "Prefer: a\r\nUser-Agent: other\r\n").status, 200);
  ASSERT_EQ(upstream.seen().size(), 1u);
  EXPECT_EQ(upstream.seen().at(0).target, "/invoices/a%2Bb");
  EXPECT_FALSE(upstream.seen().at(0).headers.contains("Writ-Approval"));
}

// ---- what is read before the decision ----

std::string spending(std::string_view token, std::string_view body, std::string_view fields = {}) {
  return head(
             "POST /invoices/inv-1/reads", token,
             fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n{}", body.size(), fields)) +
         std::string(body);
}

TEST_F(ProxyTest, AnAmountInTheBodyIsTakenFromTheTaskAndTheSameBytesAreForwarded) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  const auto task = world.open_task(std::nullopt, {{"rows", task::Amount::parse("100.5").value()}});
  token = world.token(world.claims_in(*task));
  const std::string body = R"( {"rows" : 60.50, "other":[1e5]} )";
  EXPECT_EQ(gateway.send(spending(token, body)).status, 200);
  EXPECT_EQ(upstream.seen().at(0).body, body);
  EXPECT_EQ(upstream.seen().at(0).headers.find("Content-Length"), std::to_string(body.size()));
  EXPECT_THAT(gateway.send(spending(token, body)).body, HasSubstr("budget_exceeded"));
  EXPECT_EQ(gateway.send(spending(token, R"({"rows":"40"})")).status, 200);
  EXPECT_EQ(task->used(world.clock.now()).dump(), R"({"amounts":{"rows":100.5}})");
  EXPECT_EQ(upstream.seen().size(), 2u);
}

TEST_F(ProxyTest, AnAmountInTheQueryCountsWhereTheBodySaysNothingOfIt) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port(), {.max_read_body_bytes = 20});
  const auto task = world.open_task(std::nullopt, {{"rows", task::Amount::parse("100").value()}});
  token = world.token(world.claims_in(*task));
  const auto sent = [&](std::string_view body, std::string_view type) {
    return gateway.send(head("POST /invoices/inv-1/exports?rows=5", token,
                             fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", type, body.size())) +
                        std::string(body));
  };
  EXPECT_THAT(sent(R"({"rows":900})", "application/json").body, HasSubstr("amount_unknown"));
  EXPECT_THAT(sent("rows=900", "application/x-www-form-urlencoded").body, HasSubstr("amount_unknown"));
  EXPECT_THAT(upstream.seen(), IsEmpty());
  EXPECT_EQ(sent(R"({"note":"x"})", "application/json").status, 200);
  // What holds no parameters is not read, and not limited.
  EXPECT_EQ(sent(std::string(100, 'x'), "application/octet-stream").status, 200);
  EXPECT_EQ(gateway.send(head("POST /invoices/inv-1/exports?rows=5", token, "Content-Length: 0\r\n")).status,
            200);
  EXPECT_EQ(task->used(world.clock.now()).dump(), R"({"amounts":{"rows":15}})");
}

TEST_F(ProxyTest, AnAmountThatIsNotToldClearlyIsRefusedInATaskThatCountsIt) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  const auto task = world.open_task(std::nullopt, {{"rows", task::Amount::parse("100").value()}});
  token = world.token(world.claims_in(*task));
  for (const auto* body :
       {"", "{}", R"({"rows":-1})", R"({"rows":1,"rows":2})", R"({"rows":1e1})", R"({"rows":null})"})
    EXPECT_THAT(gateway.send(spending(token, body)).body, HasSubstr("amount_unknown")) << body;
  EXPECT_THAT(gateway.send(get()).body, HasSubstr("amount_unknown"));
  EXPECT_THAT(upstream.seen(), IsEmpty());
  // Without such a budget it does not matter.
  const auto other = world.open_task();
  EXPECT_EQ(gateway.send(spending(world.token(world.claims_in(*other)), "no json")).status, 200);
}

TEST_F(ProxyTest, ABodyThatIsReadBeforeTheDecisionHasALimit) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port(), {.max_read_body_bytes = 10});
  EXPECT_EQ(gateway.send(spending(token, R"({"rows":1})")).status, 200);
  EXPECT_EQ(word(gateway.send(spending(token, R"({"rows":12})"))), "413 body_too_large");
  EXPECT_EQ(upstream.seen().size(), 1u);
}

TEST_F(ProxyTest, ALabelIsThereBeforeTheAnswerIs) {
  std::function<void()> look = [] {};
  const Upstream upstream([&](const http::Request&) {
    look();
    return http::text_response(200, "secret");
  });
  const Gateway gateway(world, upstream.port());
  const auto task = world.open_task();
  bool there = false;
  look = [&] { there = !world.task_store.load_tasks().value().at(0).labels.empty(); };
  EXPECT_EQ(gateway.send(spending(world.token(world.claims_in(*task)), "{}")).status, 200);
  EXPECT_TRUE(there);
  EXPECT_THAT((*task)->labels, ElementsAre("read:confidential"));
  EXPECT_EQ(world.audit.lines().at(0).find("labels")->dump(), R"(["read:confidential"])");
}

// ---- what does not ----

TEST_F(ProxyTest, RefusedRequestsNeverReachTheUpstream) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  const auto missing = gateway.send(head("GET /invoices/inv-1", ""));
  EXPECT_EQ(word(missing), "401 invalid_token");
  EXPECT_EQ(missing.headers.find("WWW-Authenticate"), R"(Bearer realm="writ")");
  EXPECT_EQ(missing.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(word(gateway.send(head("GET /invoices/inv-1", "forged"))), "401 invalid_token");
  EXPECT_EQ(word(gateway.send(get("/invoices/sealed"))), "403 access_denied");
  EXPECT_EQ(word(gateway.send(head("POST /invoices/sealed", token, "Content-Length: 4\r\n") + "body")),
            "403 access_denied");
  EXPECT_THAT(world.audit.effects(), ElementsAre("deny/token_missing", "deny/token_malformed",
                                                 "deny/policy_forbid", "deny/policy_forbid"));
  EXPECT_EQ(gateway.client_stats().connections_opened, 0u);
  EXPECT_THAT(upstream.seen(), IsEmpty());
}

TEST_F(ProxyTest, WithoutARecordNothingIsForwarded) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  world.audit.broken = true;
  EXPECT_EQ(word(gateway.send(get())), "503 audit_unavailable");
  EXPECT_EQ(word(gateway.send(head("GET /invoices/inv-1", ""))), "503 audit_unavailable");
  EXPECT_EQ(gateway.client_stats().connections_opened, 0u);
  world.audit.broken = false;
  EXPECT_EQ(gateway.send(get()).status, 200);
}

TEST_F(ProxyTest, WhatNoRouteNamesIsNeverForwarded) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  const auto unknown = gateway.send(get("/invoices"));
  EXPECT_EQ(word(unknown), "404 not_found");
  EXPECT_FALSE(unknown.headers.contains("Allow"));
  const auto other = gateway.send(head("DELETE /invoices/inv-1", token));
  EXPECT_EQ(word(other), "405 method_not_allowed");
  EXPECT_EQ(other.headers.find("Allow"), "GET, HEAD, PUT, POST");
  // HEAD follows from GET for no route.
  const auto answer = gateway.send(head("OPTIONS /tenants/north/invoices/1", token));
  EXPECT_EQ(answer.headers.find("Allow"), "GET");
  EXPECT_EQ(gateway.stats().unrouted, 3u);
  EXPECT_THAT(upstream.seen(), IsEmpty());
}

// ---- upstreams in trouble ----

TEST_F(ProxyTest, AnUpstreamThatCannotBeReachedIs502) {
  const Gateway gateway(world, http::testing::free_port());
  const auto answer = gateway.send(get());
  EXPECT_EQ(word(answer), "502 upstream_unreachable");
  EXPECT_THAT(answer.body, Not(HasSubstr("127.0.0.1"))) << "addresses are the operator's business";
  EXPECT_EQ(gateway.stats().upstream_failures, 1u);
  EXPECT_EQ(gateway.stats().forwarded, 0u);
  // It was permitted, and that is on record.
  EXPECT_THAT(world.audit.effects(), ElementsAre("permit"));
}

TEST_F(ProxyTest, AnUpstreamThatDoesNotAnswerIs504) {
  std::promise<void> end;
  ScriptedUpstream upstream([ended = end.get_future().share()](int, int) { ended.wait(); });
  const Gateway gateway(world, upstream.port(), {.client = {.read_timeout = 100ms}});
  EXPECT_EQ(word(gateway.send(get())), "504 upstream_timeout");
  end.set_value();
}

TEST_F(ProxyTest, AnAnswerThatIsNoHttpIs502) {
  for (const auto* bytes : {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
                            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
                            "HTTP/1.1 101 Switching Protocols\r\n\r\n"}) {
    ScriptedUpstream upstream([bytes](int socket, int) {
      ScriptedUpstream::read_head(socket);
      ScriptedUpstream::write(socket, bytes);
    });
    const Gateway gateway(world, upstream.port());
    EXPECT_EQ(word(gateway.send(get())), "502 upstream_malformed") << bytes;
  }
}

TEST_F(ProxyTest, AnUpstreamThatClosesWithoutAnAnswerIs502) {
  ScriptedUpstream upstream([](int socket, int) { ScriptedUpstream::read_head(socket); });
  const Gateway gateway(world, upstream.port());
  EXPECT_EQ(word(gateway.send(get())), "502 upstream_broken");
}

TEST_F(ProxyTest, TooManyRequestsUnderWayAre503) {
  std::promise<void> begun, end;
  ScriptedUpstream upstream([&begun, ended = end.get_future().share()](int socket, int) {
    ScriptedUpstream::read_head(socket);
    begun.set_value();
    ended.wait();
    ScriptedUpstream::write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const Gateway gateway(world, upstream.port(), {.client = {.max_connections_per_origin = 1}});
  RawClient first(gateway.port());
  first.send(get());
  begun.get_future().wait();
  EXPECT_EQ(word(gateway.send(get())), "503 overloaded");
  end.set_value();
  EXPECT_EQ(first.read_response().body, "ok");
}

// An upstream's own refusals are its own.
TEST_F(ProxyTest, AnUpstreamsErrorsPassAsTheyAre) {
  for (const int status : {400, 401, 404, 500, 503}) {
    const Upstream upstream([status](const http::Request&) { return http::text_response(status, "theirs"); });
    const Gateway gateway(world, upstream.port());
    const auto answer = gateway.send(get());
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.body, "theirs");
    EXPECT_EQ(gateway.stats().upstream_failures, 0u);
  }
}

// ---- many requests ----

TEST_F(ProxyTest, ConnectionsAreKeptOnBothSides) {
  const Upstream upstream;
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.send(get()));
    EXPECT_EQ(client.read_response().body, "from upstream");
  }
  // What was refused, not routed or answered without a body changes nothing.
  client.send(head("GET /invoices/inv-1", ""));
  EXPECT_EQ(client.read_response().status, 401);
  client.send(get("/nowhere"));
  EXPECT_EQ(client.read_response().status, 404);
  client.send(head("POST /invoices/sealed", token, "Content-Length: 4\r\n") + "body");
  EXPECT_EQ(client.read_response().status, 403);
  client.send(head("POST /invoices/inv-1", token, "Content-Length: 4\r\n") + "body");
  EXPECT_EQ(client.read_response().status, 200);
  EXPECT_EQ(gateway.client_stats().connections_opened, 1u);
  EXPECT_EQ(gateway.client_stats().connections_reused, 5u);
}

TEST_F(ProxyTest, PipelinedRequestsAreAnsweredInOrder) {
  const Upstream upstream(
      [](const http::Request& request) { return http::text_response(200, request.path); });
  const Gateway gateway(world, upstream.port());
  RawClient client(gateway.port());
  client.send(get("/invoices/1") + head("GET /invoices/2", "") + get("/invoices/3"));
  EXPECT_EQ(client.read_response().body, "/invoices/1");
  EXPECT_EQ(client.read_response().status, 401);
  EXPECT_EQ(client.read_response().body, "/invoices/3");
}

// The outcome comes on the audit's thread, and goes on where the request is.
TEST_F(ProxyTest, ADurableAuditOnItsOwnThread) {
  const auto path = std::filesystem::temp_directory_path() /
                    fmt::format("writ-proxy-test-{}-{}.log", ::getpid(), crypto::random_id());
  constexpr std::size_t kThreads = 4, kEach = 25;
  const Upstream upstream(
      [](const http::Request& request) { return http::text_response(200, request.path); });
  auto log = audit::Log::open(path, {.durable = true}, world.clock.now()).value();
  world.record = [&log](audit::Record record, audit::Log::Done done) {
    log->append(std::move(record), std::move(done));
  };
  {
    const Gateway gateway(world, upstream.port(), {.threads = 2});
    std::vector<std::thread> threads;
    std::atomic<std::size_t> good = 0;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        RawClient client(gateway.port());
        for (std::size_t call = 0; call < kEach; ++call) {
          const auto invoice = fmt::format("/invoices/inv-{}-{}", i, call);
          client.send(call % 5 == 4 ? head("GET " + invoice, "") : get(invoice));
          const auto answer = client.read_response();
          good += call % 5 == 4 ? answer.status == 401 : answer.body == invoice;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(good, kThreads * kEach);
    // Nothing is handed to the loops any more when they go.
    log.reset();
  }
  std::filesystem::remove(path);
  EXPECT_EQ(upstream.seen().size(), kThreads * kEach / 5 * 4);
}

TEST_F(ProxyTest, OfParallelRequestsExactlyTheBudgetIsForwarded) {
  constexpr int kBudget = 10, kThreads = 4, kEach = 10;
  const auto task = world.open_task(kBudget);
  const auto in_task = world.token(world.claims_in(*task));
  const Upstream upstream;
  const Gateway gateway(world, upstream.port(), {.threads = 2});
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      RawClient client(gateway.port());
      for (int call = 0; call < kEach; ++call) {
        client.send(head("GET /invoices/inv-1", in_task));
        client.read_response();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(upstream.seen().size(), static_cast<std::size_t>(kBudget));
  EXPECT_EQ(std::ranges::count(world.audit.effects(), "deny/budget_exceeded"), kThreads * kEach - kBudget);
}

}  // namespace
}  // namespace writ::gateway::proxy_test
