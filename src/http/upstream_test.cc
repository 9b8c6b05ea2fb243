#include "http/upstream.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include "http/retry_budget.h"

namespace writ::http::upstream_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

constexpr auto kBegin = UpstreamTime(1000s);

std::vector<std::string> urls(int count) {
  std::vector<std::string> all;
  for (int i = 1; i <= count; ++i) all.push_back("http://10.0.0." + std::to_string(i) + ":80");
  return all;
}

class UpstreamTest : public ::testing::Test {
 protected:
  std::shared_ptr<Upstream> of(std::vector<std::string> at, UpstreamOptions options = {}) {
    options.tell = [this](const std::string& line) { lines.push_back(line); };
    return Upstream::make("invoices", at, std::move(options)).value();
  }
  static std::string host(const Upstream::Turn& turn) {
    return turn.origin().address.empty() ? turn.origin().host : turn.origin().address;
  }
  // How often each address is chosen, when nothing stays in flight.
  static std::map<std::string, int> chosen(Upstream& upstream, UpstreamTime now, int turns = 12) {
    std::map<std::string, int> counts;
    for (int i = 0; i < turns; ++i) ++counts[host(upstream.take(now))];
    return counts;
  }
  // Lets requests fail there until the address is chosen no more, or that many did.
  static void fail_at(Upstream& upstream, const std::string& address, UpstreamTime now, int times) {
    for (int failed = 0, tries = 0; failed < times && tries < 1000; ++tries) {
      auto turn = upstream.take(now);
      if (host(turn) != address) continue;
      turn.failed(now);
      ++failed;
    }
  }
  static std::string errors(std::vector<std::string> at) {
    const auto made = Upstream::make("invoices", at);
    return made ? "" : made.error().message;
  }
  static std::vector<std::string> names(const Upstream& upstream) {
    std::vector<std::string> all;
    for (const auto& each : upstream.stats(kBegin).addresses) all.push_back(each.name);
    return all;
  }
  static int unusable(const Upstream& upstream, UpstreamTime now) {
    const auto stats = upstream.stats(now).addresses;
    return static_cast<int>(
        std::ranges::count_if(stats, [](const auto& each) { return !each.up || each.ejected; }));
  }

  std::vector<std::string> lines;
};

TEST_F(UpstreamTest, OneSchemeAndOnePrefixOrItIsNotOneUpstream) {
  EXPECT_THAT(errors({}), HasSubstr("needs a URL"));
  EXPECT_THAT(errors({"http://a", "https://b"}), HasSubstr("the same scheme"));
  EXPECT_THAT(errors({"http://a/x", "http://b/y"}), HasSubstr("the same path prefix"));
  EXPECT_THAT(errors({"http://a", "http://a"}), HasSubstr("named twice"));
  EXPECT_THAT(errors({"ftp://a"}), HasSubstr("`ftp://a` is not an upstream"));
  EXPECT_THAT(errors({"unix:relative"}), HasSubstr("expected `unix:/path`"));
  EXPECT_THAT(errors({"unix:/" + std::string(107, 'a')}), HasSubstr("at most 107 bytes"));
  EXPECT_THAT(errors(urls(33)), HasSubstr("at most 32 URLs"));
  EXPECT_EQ(errors(urls(32)), "");
  EXPECT_EQ(errors({"http://a/x", "http://b/x/"}), "");
}

TEST_F(UpstreamTest, ARequestGoesWhereTheFewestAreInFlight) {
  auto upstream = of(urls(3));
  std::vector<Upstream::Turn> held;
  for (int i = 0; i < 7; ++i) held.push_back(upstream->take(kBegin));
  std::map<std::string, int> counts;
  for (const auto& turn : held) ++counts[host(turn)];
  for (const auto& [address, count] : counts) EXPECT_TRUE(count == 2 || count == 3) << address;
  EXPECT_EQ(counts.size(), 3u);
  // Two end at one address: the next two go there.
  const auto first = host(held[0]);
  std::erase_if(held, [&](const auto& turn) { return host(turn) == first; });
  EXPECT_EQ(host(held.emplace_back(upstream->take(kBegin))), first);
  EXPECT_EQ(host(held.emplace_back(upstream->take(kBegin))), first);
  held.clear();
  EXPECT_EQ(upstream->stats(kBegin).in_flight, 0u);
  for (const auto& each : upstream->stats(kBegin).addresses) EXPECT_EQ(each.in_flight, 0u);
}

TEST_F(UpstreamTest, AnAddressThatFailsInARowGetsNoRequestsForAWhileAndComesBack) {
  auto upstream = of(urls(2), {.ejection = {.failures = 3, .first = 10s}});
  fail_at(*upstream, "10.0.0.1", kBegin, 2);
  EXPECT_EQ(chosen(*upstream, kBegin).size(), 2u);
  fail_at(*upstream, "10.0.0.1", kBegin, 1);
  EXPECT_THAT(chosen(*upstream, kBegin + 9s), ElementsAre(std::pair("10.0.0.2", 12)));
  EXPECT_THAT(lines, ElementsAre("upstream 10.0.0.1:80 of API `invoices` failed 3 times in a row and gets no "
                                 "requests for 10 s"));
  upstream->look_at_returns(kBegin + 9s);
  EXPECT_EQ(lines.size(), 1u);
  EXPECT_EQ(chosen(*upstream, kBegin + 10s).size(), 2u);
  upstream->look_at_returns(kBegin + 10s);
  upstream->look_at_returns(kBegin + 11s);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1], "upstream 10.0.0.1:80 of API `invoices` gets requests again");
}

TEST_F(UpstreamTest, ASuccessInBetweenBeginsTheRowAnew) {
  auto upstream = of(urls(2), {.ejection = {.failures = 3}});
  for (int i = 0; i < 5; ++i) {
    fail_at(*upstream, "10.0.0.1", kBegin, 2);
    for (int good = 0; good < 2; ++good) {
      auto turn = upstream->take(kBegin);
      turn.succeeded(500, kBegin);
    }
  }
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(UpstreamTest, TheTimeGrowsWhileItFailsAgainUpToTheLongest) {
  auto upstream = of(urls(2), {.ejection = {.failures = 1, .first = 10s, .longest = 35s}});
  auto now = kBegin;
  for (const auto seconds : {10s, 20s, 35s, 35s}) {
    fail_at(*upstream, "10.0.0.1", now, 1);
    EXPECT_EQ(unusable(*upstream, now + seconds - 1ms), 1) << seconds.count();
    EXPECT_EQ(unusable(*upstream, now + seconds), 0) << seconds.count();
    now += seconds;
  }
  // After a good time it begins anew.
  now += 200s;
  fail_at(*upstream, "10.0.0.1", now, 1);
  EXPECT_EQ(unusable(*upstream, now + 10s), 0);
  EXPECT_EQ(upstream->stats(now).addresses[0].ejections, 5u);
}

TEST_F(UpstreamTest, AtLeastHalfOfTheAddressesStayWhateverFails) {
  for (const int count : {1, 2, 3, 5, 8}) {
    auto upstream = of(urls(count), {.ejection = {.failures = 1}});
    for (int i = 0; i < 100; ++i) upstream->take(kBegin).failed(kBegin);
    EXPECT_EQ(unusable(*upstream, kBegin), count / 2) << count;
  }
}

TEST_F(UpstreamTest, WhatAHealthCheckTookAwayCountsForTheHalfThatStays) {
  auto upstream =
      of(urls(4), {.ejection = {.failures = 1}, .check = CheckOptions{.path = "/", .unhealthy = 1}});
  for (const auto& address : upstream->checks_due(kBegin))
    upstream->checked(*address, Upstream::origin_of(*address).host <= "10.0.0.2" ? "no" : "");
  for (int i = 0; i < 20; ++i) upstream->take(kBegin).failed(kBegin);
  EXPECT_EQ(unusable(*upstream, kBegin), 2);
}

TEST_F(UpstreamTest, AStatusIsAFailureWhereItIsNamed) {
  const auto answered = [&](int status) {
    auto upstream = of(urls(2), {.ejection = {.failures = 1, .statuses = {502, 503}}});
    upstream->take(kBegin).succeeded(status, kBegin);
    return unusable(*upstream, kBegin);
  };
  EXPECT_EQ(answered(502), 1);
  EXPECT_EQ(answered(503), 1);
  EXPECT_EQ(answered(500), 0);
  EXPECT_EQ(answered(404), 0);
}

TEST_F(UpstreamTest, WithoutALimitOfFailuresNothingIsEjected) {
  auto upstream = of(urls(2), {.ejection = {.failures = 0}});
  for (int i = 0; i < 100; ++i) upstream->take(kBegin).failed(kBegin);
  EXPECT_EQ(unusable(*upstream, kBegin), 0);
}

TEST_F(UpstreamTest, NoMoreThanMaxRequestsAreInFlight) {
  auto upstream = of(urls(2), {.max_requests = 3});
  std::vector<Upstream::Turn> held;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(held.emplace_back(upstream->take(kBegin)));
  EXPECT_FALSE(upstream->take(kBegin));
  EXPECT_EQ(upstream->stats(kBegin).refused, 1u);
  held.pop_back();
  EXPECT_TRUE(upstream->take(kBegin));
}

// ---- other tries ----

TEST_F(UpstreamTest, ARequestMovesOnToAddressesItDidNotTryAsOftenAsItMay) {
  auto upstream = of(urls(4), {.retries = {.most = 2, .per_second = 100}});
  auto turn = upstream->take(kBegin);
  std::vector<std::string> tried{host(turn)};
  while (turn.move_on(kBegin)) tried.push_back(host(turn));
  EXPECT_EQ(tried.size(), 3u);
  std::ranges::sort(tried);
  EXPECT_EQ(std::ranges::unique(tried).size(), 0u);
  EXPECT_EQ(upstream->stats(kBegin).retries, 2u);
  EXPECT_EQ(upstream->stats(kBegin).in_flight, 1u);
}

TEST_F(UpstreamTest, ThereIsNoOtherTryAtTheSameOrAnEjectedAddress) {
  auto one = of(urls(1), {.retries = {.most = 3, .per_second = 100}});
  EXPECT_FALSE(one->take(kBegin).move_on(kBegin));
  auto two = of(urls(2), {.ejection = {.failures = 1}, .retries = {.most = 3, .per_second = 100}});
  fail_at(*two, "10.0.0.1", kBegin, 1);
  EXPECT_FALSE(two->take(kBegin).move_on(kBegin));
  EXPECT_EQ(two->stats(kBegin).retries_over_budget, 0u);
}

TEST_F(UpstreamTest, WithMostZeroNothingIsSentAgain) {
  EXPECT_FALSE(of(urls(2), {.retries = {.most = 0}})->take(kBegin).move_on(kBegin));
}

TEST_F(UpstreamTest, RetriesStayWithinTheirBudget) {
  auto upstream = of(urls(2), {.retries = {.most = 1, .percent = 10, .per_second = 3}});
  int retried = 0;
  for (int i = 0; i < 100; ++i) retried += upstream->take(kBegin).move_on(kBegin) ? 1 : 0;
  EXPECT_EQ(retried, 13);  // three, and a tenth of the requests
  EXPECT_EQ(upstream->stats(kBegin).retries, 13u);
  EXPECT_EQ(upstream->stats(kBegin).retries_over_budget, 87u);
}

TEST(RetryBudget, IsAShareOfTheRequestsAndSomeASecond) {
  RetryBudget budget(10, 3);
  const auto taken = [&](std::uint64_t requests, UpstreamTime now) {
    int count = 0;
    while (budget.take(requests, now)) ++count;
    return count;
  };
  EXPECT_EQ(taken(0, kBegin), 3);
  EXPECT_EQ(taken(0, kBegin + 1s), 3);
  EXPECT_EQ(taken(50, kBegin + 1s), 5);
  EXPECT_EQ(taken(50, kBegin + 500ms), 0) << "time that went back gives nothing";
}

TEST(RetryBudget, SavesUpForNoMoreThanTenSeconds) {
  RetryBudget budget(10, 3);
  EXPECT_TRUE(budget.take(0, kBegin));
  int count = 0;
  while (budget.take(1'000'000, kBegin + 24h)) ++count;
  EXPECT_EQ(count, 30);
  RetryBudget none(0, 0);
  EXPECT_FALSE(none.take(1'000'000, kBegin));
}

// ---- names ----

TEST_F(UpstreamTest, ANameGoesToAllItsAddressesAndToThoseItHasNow) {
  auto upstream = of({"http://orders.internal:8080/v1"});
  EXPECT_THAT(names(*upstream), ElementsAre("orders.internal:8080"));
  ASSERT_EQ(upstream->names_due(kBegin),
            (std::vector<std::pair<std::size_t, std::string>>{{0, "orders.internal"}}));
  upstream->resolved(0, std::vector<std::string>{"10.0.0.2", "10.0.0.1", "10.0.0.2"});
  EXPECT_THAT(names(*upstream), ElementsAre("10.0.0.1:8080", "10.0.0.2:8080"));
  auto turn = upstream->take(kBegin);
  EXPECT_EQ(turn.origin().authority, "orders.internal:8080") << "Host, and what a certificate is for";
  EXPECT_EQ(turn.origin().path_prefix, "/v1");
  upstream->resolved(0, std::vector<std::string>{"10.0.0.2", "fd00::1"});
  EXPECT_THAT(names(*upstream), UnorderedElementsAre("10.0.0.2:8080", "[fd00::1]:8080"));
  EXPECT_EQ(upstream->stats(kBegin).in_flight, 1u);
}

TEST_F(UpstreamTest, ANameIsResolvedAgainAfterItsTimeAndNotBefore) {
  auto upstream = of({"http://orders.internal", "http://10.0.0.9"}, {.refresh = 10s});
  EXPECT_EQ(upstream->names_due(kBegin).size(), 1u);
  EXPECT_THAT(upstream->names_due(kBegin + 9s), IsEmpty());
  EXPECT_EQ(upstream->names_due(kBegin + 10s).size(), 1u);
  EXPECT_THAT(of(urls(2))->names_due(kBegin), IsEmpty());
}

TEST_F(UpstreamTest, AResolverThatFailsKeepsTheLastAddresses) {
  auto upstream = of({"http://orders.internal"});
  upstream->resolved(0, std::vector<std::string>{"10.0.0.1", "10.0.0.2"});
  for (int i = 0; i < 3; ++i)
    upstream->resolved(0, failure(ErrorCode::kUnavailable, "Temporary failure in name resolution"));
  upstream->resolved(0, std::vector<std::string>());
  EXPECT_THAT(names(*upstream), ElementsAre("10.0.0.1:80", "10.0.0.2:80"));
  upstream->resolved(0, std::vector<std::string>{"10.0.0.3"});
  EXPECT_THAT(names(*upstream), ElementsAre("10.0.0.3:80"));
  EXPECT_THAT(
      lines,
      ElementsAre("the name `orders.internal` of API `invoices` cannot be resolved (Temporary failure in "
                  "name resolution); its last addresses stay in use",
                  "the name `orders.internal` of API `invoices` resolves again"));
}

TEST_F(UpstreamTest, WhatIsKnownOfAnAddressStaysWhenTheNameIsResolvedAgain) {
  auto upstream = of({"http://orders.internal"}, {.ejection = {.failures = 1}});
  upstream->resolved(0, std::vector<std::string>{"10.0.0.1", "10.0.0.2"});
  fail_at(*upstream, "10.0.0.1", kBegin, 1);
  upstream->resolved(0, std::vector<std::string>{"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  EXPECT_EQ(chosen(*upstream, kBegin).count("10.0.0.1"), 0u);
}

TEST_F(UpstreamTest, AnUpstreamHasAtMost64Addresses) {
  auto upstream = of({"http://orders.internal", "http://10.0.0.9"});
  std::vector<std::string> many;
  for (int i = 0; i < 200; ++i) many.push_back("10.1.0." + std::to_string(i));
  upstream->resolved(0, many);
  EXPECT_EQ(names(*upstream).size(), kMaxUpstreamAddresses);
  EXPECT_THAT(names(*upstream), ::testing::Contains("10.0.0.9:80"));
}

// ---- health checks ----

TEST_F(UpstreamTest, ChecksTakeAnAddressAwayAndBringItBackAfterSoManyInARow) {
  auto upstream =
      of(urls(2), {.check = CheckOptions{.path = "/health", .interval = 10s, .healthy = 2, .unhealthy = 3}});
  const auto check = [&](UpstreamTime now, std::string_view first) {
    for (const auto& address : upstream->checks_due(now))
      upstream->checked(*address, Upstream::origin_of(*address).host == "10.0.0.1" ? first : "");
  };
  auto now = kBegin;
  check(now, "its status is 500");
  check(now += 10s, "its status is 500");
  check(now += 10s, "");  // begins the row anew
  check(now += 10s, "its status is 500");
  check(now += 10s, "its status is 500");
  EXPECT_EQ(unusable(*upstream, now), 0);
  check(now += 10s, "its status is 503");
  EXPECT_THAT(chosen(*upstream, now), ElementsAre(std::pair("10.0.0.2", 12)));
  check(now += 10s, "");
  EXPECT_EQ(unusable(*upstream, now), 1);
  check(now += 10s, "");
  EXPECT_EQ(chosen(*upstream, now).size(), 2u);
  EXPECT_THAT(
      lines,
      ElementsAre("upstream 10.0.0.1:80 of API `invoices` does not pass its health checks: its status is 503",
                  "upstream 10.0.0.1:80 of API `invoices` passes its health checks again"));
}

TEST_F(UpstreamTest, OneCheckOfAnAddressIsUnderWayAtATimeAndWhatNobodyKnowsChangesNothing) {
  auto upstream = of(urls(1), {.check = CheckOptions{.path = "/", .interval = 10s, .unhealthy = 1}});
  const auto due = upstream->checks_due(kBegin);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_THAT(upstream->checks_due(kBegin + 60s), IsEmpty());
  upstream->checked(*due[0], std::nullopt);
  EXPECT_EQ(unusable(*upstream, kBegin), 0);
  EXPECT_EQ(upstream->checks_due(kBegin + 60s).size(), 1u);
}

TEST_F(UpstreamTest, WhereNoneIsUsableAllAreUsed) {
  auto upstream = of(urls(3), {.check = CheckOptions{.path = "/", .unhealthy = 1}});
  for (const auto& address : upstream->checks_due(kBegin)) upstream->checked(*address, "no");
  EXPECT_EQ(unusable(*upstream, kBegin), 3);
  EXPECT_EQ(chosen(*upstream, kBegin).size(), 3u);
}

// ---- reload ----

TEST_F(UpstreamTest, AReloadGoesOnWithWhatIsKnownOfTheSameUpstream) {
  auto before = of(urls(2), {.ejection = {.failures = 1}});
  fail_at(*before, "10.0.0.1", kBegin, 1);
  const auto held = before->take(kBegin);
  auto same = of(urls(2), {.ejection = {.failures = 1}});
  EXPECT_TRUE(same->take_over(*before));
  EXPECT_EQ(unusable(*same, kBegin), 1);
  EXPECT_EQ(same->stats(kBegin).in_flight, 1u);
  EXPECT_FALSE(of(urls(3), {.ejection = {.failures = 1}})->take_over(*before));
  EXPECT_FALSE(of(urls(2), {.ejection = {.failures = 2}})->take_over(*before));
  EXPECT_FALSE(of(urls(2), {.max_requests = 1, .ejection = {.failures = 1}})->take_over(*before));
}

}  // namespace
}  // namespace writ::http::upstream_test
