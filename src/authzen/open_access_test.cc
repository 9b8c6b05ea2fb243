// AuthZEN without tokens: whoever reaches the listener asks, and cannot fill the audit with refusals.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>

#include "authzen/authzen.h"
#include "enforce/testing/world.h"
#include "http/testing/loopback.h"

namespace writ::authzen::open_access_test {
namespace {

using http::testing::exchange_raw;
using ::testing::ElementsAre;

class OpenAccessTest : public ::testing::Test {
 protected:
  OpenAccessTest() { EXPECT_TRUE(authzen_.add_to(*endpoints_)); }

  std::string ask(std::string_view user) {
    const auto body =
        fmt::format(R"({{"subject":{{"type":"Writ::User","id":"{}"}},"action":{{"name":"read"}},)"
                    R"("resource":{{"type":"Billing::Invoice","id":"sealed-not"}}}})",
                    user);
    return exchange_raw(server_.port(),
                        fmt::format("POST /access/v1/evaluation HTTP/1.1\r\nHost: a\r\nContent-Type: "
                                    "application/json\r\nContent-Length: {}\r\n\r\n{}",
                                    body.size(), body))
        .body;
  }
  std::vector<audit::Standing> standings() const {
    const std::lock_guard lock(mutex_);
    return standings_;
  }

  enforce::testing::World world_;
  mutable std::mutex mutex_;
  std::vector<audit::Standing> standings_;
  Authzen authzen_{{.access = config::AuthzenAccess::kOpen, .types = {}, .action_type = "Billing::Action"},
                   {world_.clock, world_.enforcer, world_.current,
                    [this](audit::Record record, audit::Log::Done done) {
                      {
                        const std::lock_guard lock(mutex_);
                        standings_.push_back(record.standing);
                      }
                      done({});
                    },
                    "https://writ.example"}};
  std::shared_ptr<http::Endpoints> endpoints_ = std::make_shared<http::Endpoints>(http::Endpoints::Options{});
  http::testing::TestServer server_{endpoints_};
};

TEST_F(OpenAccessTest, RefusalsAreRecordedAsThoseOfStrangersAndPermitsWhole) {
  EXPECT_NE(ask("nora").find(R"("decision":true)"), std::string::npos);
  ASSERT_TRUE(world_.directory.order("nora", inventory::Status::kSuspended));
  EXPECT_NE(ask("nora").find(R"("decision":false)"), std::string::npos);
  EXPECT_THAT(standings(), ElementsAre(audit::Standing::kOrdinary, audit::Standing::kStranger));
}

}  // namespace
}  // namespace writ::authzen::open_access_test
