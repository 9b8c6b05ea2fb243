// What is asked about cannot change whom Writ asks, nor what for.
#include "sources/url_template.h"

#include <algorithm>
#include <gmock/gmock.h>

#include "http/url.h"

namespace writ::sources::url_template_test {
namespace {

using ::testing::HasSubstr;

std::string filled(std::string_view text, const std::string& id,
                   const std::optional<std::string>& tenant = "north") {
  const auto made = UrlTemplate::parse(text);
  if (!made) return made.error().message;
  const auto url = made->fill({tenant, id});
  return url ? *url : "refused";
}

constexpr std::string_view kUrl = "https://orders.internal/v2/orders/{id}/facts";

TEST(UrlTemplate, AParameterIsOneEncodedSegment) {
  EXPECT_EQ(filled(kUrl, "o-17"), "https://orders.internal/v2/orders/o-17/facts");
  EXPECT_EQ(filled(kUrl, "a/b"), "https://orders.internal/v2/orders/a%2Fb/facts");
  EXPECT_EQ(filled(kUrl, "a?x=1#y&z"), "https://orders.internal/v2/orders/a%3Fx%3D1%23y%26z/facts");
  EXPECT_EQ(filled(kUrl, "a b\"<>\xc3\xa9"), "https://orders.internal/v2/orders/a%20b%22%3C%3E%C3%A9/facts");
  EXPECT_EQ(filled("https://h/q?order={id}&of={tenant}", "1&of=south"),
            "https://h/q?order=1%26of%3Dsouth&of=north");
}

TEST(UrlTemplate, NoIdBecomesAnotherHostOrTarget) {
  const auto fixed = http::parse_url("https://orders.internal/v2/orders/x/facts").value();
  for (int byte = 0; byte < 256; ++byte) {
    for (const std::string& id :
         {std::string(1, static_cast<char>(byte)), "a" + std::string(1, static_cast<char>(byte)) + "b",
          std::string("@evil.example") + static_cast<char>(byte),
          std::string("//evil") + static_cast<char>(byte)}) {
      const auto url = filled(kUrl, id);
      if (url == "refused") continue;
      const auto parsed = http::parse_url(url);
      ASSERT_TRUE(parsed) << url;
      EXPECT_EQ(parsed->origin.host, fixed.origin.host);
      EXPECT_EQ(parsed->origin.port, fixed.origin.port);
      const std::string_view target(parsed->target);
      EXPECT_EQ(std::count(target.begin(), target.end(), '/'), 4) << url;
      EXPECT_EQ(target.find_first_of("?#"), target.npos) << url;
    }
  }
}

TEST(UrlTemplate, WhatSomeServersClimbByIsNotAskedAbout) {
  for (const auto* id : {".", "..", "../admin", "a/../b", "a/..", "..\\admin", "..;/admin", "%2e%2e", "a%2fb",
                         "", "a\nb", "a\rb"})
    EXPECT_EQ(filled(kUrl, id), "refused") << id;
  EXPECT_EQ(filled(kUrl, std::string("a\0b", 3)), "refused");
  EXPECT_EQ(filled(kUrl, std::string(513, 'a')), "refused");
  EXPECT_NE(filled(kUrl, std::string(512, 'a')), "refused");
  EXPECT_NE(filled(kUrl, "a..b"), "refused");
}

TEST(UrlTemplate, ATenantHasToBeThereAndIsEncodedToo) {
  constexpr std::string_view kOfTenant = "https://h/{tenant}/orders/{id}";
  EXPECT_EQ(filled(kOfTenant, "1", std::nullopt), "refused");
  EXPECT_EQ(filled(kOfTenant, "1", ".."), "refused");
  EXPECT_EQ(filled(kOfTenant, "1", "a/b"), "https://h/a%2Fb/orders/1");
}

TEST(UrlTemplate, TheHostStandsInTheTemplate) {
  EXPECT_THAT(filled("https://{tenant}.internal/{id}", "1"), HasSubstr("scheme and host stand as they are"));
  EXPECT_THAT(filled("{id}", "1"), HasSubstr("scheme and host stand as they are"));
  EXPECT_THAT(filled("https://h/orders", "1"), HasSubstr("no place for the resource"));
  EXPECT_THAT(filled("https://h/{id}{tenant}", "1"), HasSubstr("something must stand between"));
  EXPECT_THAT(filled("https://h/{order}", "1"), HasSubstr("its places are `{id}` and `{tenant}`"));
  EXPECT_THAT(filled("ftp://h/{id}", "1"), HasSubstr("ftp"));
}

}  // namespace
}  // namespace writ::sources::url_template_test
