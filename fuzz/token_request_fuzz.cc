// Bodies of token requests from anyone. Reading never crashes, and whatever a client that authenticated
// sends: what is answered with 200 is a token of that client, for one known API, that verifies and does not
// outlive what it came from. `$P` and `$A` in the input stand for a user's token and an access token, so that
// inputs get past the signatures.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "oauth/testing/world.h"
#include "oauth/token_request.h"

namespace {

using namespace writ;
using namespace writ::oauth::testing;

struct Fixture {
  World world;
  const std::string provider = world.provider_token();
  const std::string access = world.portal_token();
};

Fixture& fixture() {
  static Fixture one;
  return one;
}

std::string filled(std::string_view body) {
  std::string out;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const auto rest = body.substr(i);
    if (rest.starts_with("$P") || rest.starts_with("$A")) {
      out += rest[1] == 'P' ? fixture().provider : fixture().access;
      ++i;
    } else {
      out += body[i];
    }
  }
  return out;
}

void check_issued(const std::string& token) {
  const auto& world = fixture().world;
  const auto verified = world.verifier.verify_parameter(token, world.clock.now());
  WRIT_CHECK(verified.has_value());
  const auto& claims = verified->claims();
  WRIT_CHECK(claims.client_id == "support-portal");
  WRIT_CHECK(claims.subject == "nora" || claims.subject == "support-portal");
  WRIT_CHECK(claims.purpose == "support" || claims.audience == kMail);
  WRIT_CHECK(world.directory.snapshot()->find_audience(claims.audience) != nullptr);
  WRIT_CHECK(claims.expires_at <= kNow + 5min);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A buffer of exactly that size, so that a read beyond it is seen.
  if (const auto form = oauth::Form::parse(text)) {
    (void)oauth::TokenRequest::read(*form);
    http::Request bare;
    (void)oauth::Credentials::read(bare, *form);
    bare.headers.add("Authorization", http::is_field_value(text) ? text : "Basic");
    (void)oauth::Credentials::read(bare, *form);
  }
  auto& world = fixture().world;
  auto request = post("/oauth2/token", {}, World::basic("support-portal"));
  request.body = filled(text);
  const auto response = world.endpoint.handle(request);
  world.audit.clear();
  WRIT_CHECK(response.headers.find("Cache-Control") == "no-store");
  const auto body = codec::parse_json(response.body);
  WRIT_CHECK(body.has_value());
  if (response.status != 200) {
    WRIT_CHECK(body->find_string("error") != nullptr && body->find("access_token") == nullptr);
    return 0;
  }
  check_issued(*body->find_string("access_token"));
  return 0;
}
