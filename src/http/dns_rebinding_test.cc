// DNS rebinding: a name server of an attacker's gives a public address to whoever checks, and one inside to
// whoever connects. Here this program's getaddrinfo() stands for it: each time that it is asked, a name has
// the next of its addresses.
#include <algorithm>
#include <dlfcn.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <netdb.h>
#include <string>
#include <vector>

#include "http/fetcher.h"
#include "http/testing/loopback.h"

namespace writ::http::dns_rebinding_test {
namespace {

constexpr std::string_view kName = "rebinding.example";

std::mutex mutex;
std::vector<const char*> answers;  // to the first question, the second and so on; the last stays
std::size_t asked = 0;

const char* next_answer() {
  const std::lock_guard lock(mutex);
  return answers.at(std::min(asked++, answers.size() - 1));
}

}  // namespace
}  // namespace writ::http::dns_rebinding_test

// NOLINTNEXTLINE(readability-identifier-naming): libc's own, of which all other names are asked.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto libcs = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  namespace test = writ::http::dns_rebinding_test;
  if (node != nullptr && node == test::kName) node = test::next_answer();
  return libcs(node, service, hints, found);
}

namespace writ::http::dns_rebinding_test {
namespace {

using ::testing::HasSubstr;

// 127.0.0.1 stands for the addresses that may be asked, and 127.0.0.2 for one inside. Both answer.
class DnsRebinding : public ::testing::Test {
 protected:
  static FetcherOptions options() {
    FetcherOptions options;
    EXPECT_TRUE(options.rules.allowed.add("127.0.0.1"));
    return options;
  }
  void names(std::vector<const char*> addresses) {
    const std::lock_guard lock(mutex);
    answers = std::move(addresses);
    asked = 0;
  }
  std::string fetch() {
    const auto answer =
        fetcher_.get(fmt::format("http://{}:{}/keys", kName, server_.port()), "application/json", 1000);
    return answer ? fmt::format("{} {}", answer->status, answer->body) : answer.error().message;
  }

  testing::TestServer server_{[](Exchange exchange) {
    auto path = exchange.request().path;
    exchange.respond(text_response(200, std::move(path)));
  }};
  Fetcher fetcher_{options()};
};

TEST_F(DnsRebinding, TheAddressThatWasCheckedIsTheOneThatIsConnectedTo) {
  names({"127.0.0.1", "127.0.0.2"});
  EXPECT_EQ(fetch(), "200 /keys");
  EXPECT_EQ(asked, 1u) << "who checks one answer and connects to the next is led inside";
}

TEST_F(DnsRebinding, ANameThatLedOutsideBeforeIsCheckedAnew) {
  names({"127.0.0.1", "127.0.0.2", "127.0.0.1"});
  EXPECT_EQ(fetch(), "200 /keys");
  EXPECT_THAT(fetch(), HasSubstr("127.0.0.2 is a loopback address"));
  EXPECT_EQ(fetch(), "200 /keys") << "and nobody remembers the wrong one";
  EXPECT_EQ(asked, 3u);
}

}  // namespace
}  // namespace writ::http::dns_rebinding_test
