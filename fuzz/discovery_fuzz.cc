// What a provider's server says of where its keys are and how long they are fresh. Whatever it is: a document
// is believed for its own issuer alone, and what it names is a URL that can be asked for.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/url.h"
#include "oauth/discovery.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace writ;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  constexpr std::string_view kIssuer = "https://idp.example/realms/acme";
  if (const auto keys = oauth::read_discovery(bytes, kIssuer)) {
    WRIT_CHECK(http::parse_url(*keys).has_value());
    WRIT_CHECK(!oauth::read_discovery(bytes, "https://idp.example/realms/other"));
  }
  if (const auto url = http::parse_url(bytes)) {
    // Its parts are all there is to it.
    WRIT_CHECK(url->target.starts_with('/') && url->origin.port != 0 && !url->origin.host.empty());
    WRIT_CHECK(http::parse_url(url->text)->target == url->target);
    for (const auto& place : oauth::discovery_urls(bytes)) WRIT_CHECK(place.starts_with("http"));
  }
  if (http::is_field_value(bytes)) {
    const auto fresh = oauth::fresh_for({{"Cache-Control", bytes}});
    WRIT_CHECK(!fresh || fresh->count() >= 0);
  }
  return 0;
}
