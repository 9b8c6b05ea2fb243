#include "http/url.h"

#include <gtest/gtest.h>

namespace writ::http::url_test {
namespace {

TEST(Url, IsTakenApart) {
  const auto url = parse_url("https://idp.example:8443/realms/a/keys?kid=1&x=%2F");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->origin.host, "idp.example");
  EXPECT_EQ(url->origin.port, 8443);
  EXPECT_EQ(url->origin.path_prefix, "");
  EXPECT_EQ(url->target, "/realms/a/keys?kid=1&x=%2F");
  EXPECT_TRUE(url->is_secure());
  EXPECT_EQ(parse_url("https://idp.example")->target, "/");
  EXPECT_EQ(parse_url("https://idp.example?x=1")->target, "/?x=1");
  EXPECT_EQ(parse_url("https://tenant.example/")->target, "/");
  EXPECT_EQ(parse_url("http://[::1]:80/a")->origin.host, "::1");
  EXPECT_FALSE(parse_url("http://[::1]:80/a")->is_secure());
}

TEST(Url, WhatReadersCouldTakeDifferentlyIsRefused) {
  for (const char* text :
       {"", "idp.example/keys", "ftp://idp.example/", "HTTPS://idp.example/", "https:///keys", "https://?x",
        "https://idp.example/#f", "https://nora@idp.example/", "https://idp.example\\@inside/",
        "https://idp.example/ keys", "https://idp.example/\r\nX: y", "https://idp.example/%zz",
        "https://idp.example/\"", "https://idp.example/<", "https://idp.example:0/",
        "https://idp.example:99999/", "https://[::1/", "https://b\xc3\xbc.example/", "file:///etc/passwd"})
    EXPECT_FALSE(parse_url(text)) << text;
}

TEST(Url, HasALimit) {
  const std::string begin = "https://idp.example/";
  EXPECT_TRUE(parse_url(begin + std::string(kMaxUrlBytes - begin.size(), 'a')));
  EXPECT_FALSE(parse_url(begin + std::string(kMaxUrlBytes - begin.size() + 1, 'a')));
}

}  // namespace
}  // namespace writ::http::url_test
