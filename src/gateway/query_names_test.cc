#include "gateway/query_names.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>

namespace writ::gateway::query_names_test {
namespace {

using ::testing::HasSubstr;

std::string refusal(std::string_view query, const QueryNames& names = {}) {
  return names.refusal(query).value_or("passes");
}

TEST(QueryNames, OrdinaryNamesPass) {
  for (const auto* query : {"",
                            "a=1",
                            "page=2&size=10",
                            "filter[name]=x&sort=-date",
                            "q=a+b%20c",
                            "method=card",
                            "keys=1",
                            "keyword=x",
                            "author=y",
                            "tokens=3",
                            "design=4",
                            "a",
                            "=1",
                            "&&",
                            "user=nora",
                            "%C3%A4=1",
                            "q=access_token%3D1",
                            "next=%2Fa%3Fapi_key%3D1",
                            "$top=1",
                            "a=%2541",
                            "100%25=1"})
    EXPECT_EQ(refusal(query), "passes") << query;
}

// RFC 6750 §2.3 is not offered.
TEST(QueryNames, ATokenInTheQueryIsRefused) {
  for (const auto* query :
       {"access_token=t", "ACCESS_TOKEN=t", "a=1&access%5Ftoken=t", "%61ccess_token", "accessToken=t",
        "access-token=t", "access_token[]=t", "a=1;access_token=t", "%20access_token=t", "access.token=t"})
    EXPECT_THAT(refusal(query), HasSubstr("a token comes in the Authorization header alone")) << query;
}

TEST(QueryNames, CredentialsAreRefusedWhereTheRouteDoesNotNameThem) {
  for (const auto* query : {"api_key=k",         "apikey=k",        "API-Key=k",
                            "apiKey=k",          "key=k",           "Key=k",
                            "token=k",           "auth=k",          "sig=k",
                            "signature=k",       "client_secret=k", "password=k",
                            "X-Amz-Signature=k", "jwt=k",           "PHPSESSID=k",
                            "a=1&%6Bey=k",       "a=1;token=k",     "key[]=k",
                            "refresh_token=k",   "id_token=k",      "subscription-key=k",
                            "x-api-key=k"})
    EXPECT_THAT(refusal(query), HasSubstr("it is a credential's, and the route does not name it")) << query;
}

// Nobody can list all names; so it is the end of a name that counts, whatever stands before it.
TEST(QueryNames, ANameThatEndsAsACredentialsDoesIsRefusedWhoeversItIs) {
  for (const auto* query : {"wrap_access_token=t",
                            "x[access_token]=t",
                            "a.b.access_token=t",
                            "userToken=t",
                            "app-token=t",
                            "csrf_token=t",
                            "ｃsrf_token=t",
                            "hapikey=k",
                            "x_goog_api_key=k",
                            "AWSAccessKeyId=k",
                            "user_key=k",
                            "db_password=p",
                            "pwd=p",
                            "pass=p",
                            "otp=1",
                            "SAMLResponse=r",
                            "HTTP_AUTHORIZATION=b",
                            "a_name_that_is_longer_than_any_table_has_room_for_access_token=t",
                            "X-Goog-Signature=s",
                            "client_assertion=a",
                            "session-id=s",
                            "my.jwt=t",
                            "nextUserToken=t"})
    EXPECT_THAT(refusal(query), HasSubstr("it is a credential's, and the route does not name it")) << query;
}

TEST(QueryNames, WhereAListGoesOnIsNoCredential) {
  for (const auto* query :
       {"page_token=t", "nextPageToken=t", "$skiptoken=t", "%24deltatoken=t", "continuation-token=t",
        "NextContinuationToken=t", "syncToken=t", "StartingToken=t", "prevPageToken=t", "max_tokens=9",
        "token_type=x", "secrets=1", "bypass=1", "passport=x", "signatures=2", "monkey=1", "sort_key=a"})
    EXPECT_EQ(refusal(query), "passes") << query;
}

TEST(QueryNames, AnotherMethodIsRefused) {
  for (const auto* query :
       {"_method=DELETE", "_METHOD=DELETE", "%5Fmethod=DELETE", "[_method]=DELETE", "_method[]=D",
        "X-HTTP-Method-Override=DELETE", "x-http-method=DELETE", "x_method_override=DELETE",
        "_HttpMethod=DELETE", "$httpMethod=DELETE", "%24httpHeaders=x", "a=1;_method=DELETE"})
    EXPECT_THAT(refusal(query), HasSubstr("it would ask for another method or other headers")) << query;
}

TEST(QueryNames, ANameThatOtherReadersReadOnOrNotAtAllIsRefused) {
  EXPECT_THAT(refusal("a%00b=1"), HasSubstr("`a%00b` is not taken: its name has a control character"));
  EXPECT_THAT(refusal("a%0Ab=1"), HasSubstr("its name has a control character"));
  EXPECT_THAT(refusal("a%7F=1"), HasSubstr("its name has a control character"));
  EXPECT_THAT(refusal("%ff=1"), HasSubstr("its name is not UTF-8"));
  EXPECT_THAT(refusal("%c1%a1pi_key=1"), HasSubstr("its name is not UTF-8"));
  EXPECT_THAT(refusal("%2561pi_key=1"), HasSubstr("its name is percent-encoded twice"));
}

// ---- what a route lists ----

TEST(QueryNames, ARouteTakesWhatItListsAndNothingElse) {
  const auto names = QueryNames::only({"page", "key", "filter[name]", "$top"}).value();
  for (const auto* query : {"", "page=1", "key=k&page=2", "filter[name]=a", "filter%5Bname%5D=a", "$top=3",
                            "p%61ge=1", "page=1&page=2", "&page=1&"})
    EXPECT_EQ(refusal(query, names), "passes") << query;
  for (const auto* query : {"size=1", "Page=1", "page=1&x", "page[]=1", "%20page=1", "page+=1", "page=1;y=2",
                            ";", "page;", "=1", "KEY=1", "filter=1"})
    EXPECT_THAT(refusal(query, names), HasSubstr("the route does not name it")) << query;
  EXPECT_THAT(refusal("access_token=1", names), HasSubstr("Authorization header alone"));
  EXPECT_THAT(refusal("a=1", QueryNames::only({}).value()), HasSubstr("the route does not name it"));
  EXPECT_EQ(refusal("", QueryNames::only({}).value()), "passes");
}

TEST(QueryNames, NoRouteListsATokenOrAnotherMethod) {
  for (const auto* name :
       {"access_token", "Access-Token", "_method", "X-HTTP-Method-Override", "$httpMethod", "dpop"}) {
    const auto made = QueryNames::only({"a", name});
    ASSERT_FALSE(made) << name;
    EXPECT_THAT(made.error().message, HasSubstr("cannot be taken")) << name;
  }
  for (const auto* name : {"", " a", "a b", "a&b", "a;b", "a=b", "a+b", "%61", "a#", "ä", "a\x01"}) {
    const auto made = QueryNames::only({name});
    ASSERT_FALSE(made) << name;
    EXPECT_THAT(made.error().message, HasSubstr("cannot be a query parameter's name")) << name;
  }
  EXPECT_TRUE(QueryNames::only({std::string(64, 'a')}));
  EXPECT_FALSE(QueryNames::only({std::string(65, 'a')}));
  EXPECT_TRUE(QueryNames::only(std::vector<std::string>(kMaxQueryNames, "a")));
  EXPECT_FALSE(QueryNames::only(std::vector<std::string>(kMaxQueryNames + 1, "a")));
}

TEST(QueryNames, ALongNameIsCutWhereItIsShown) {
  const auto told = refusal(std::string(1000, 'x') + "%01=1");
  EXPECT_LT(told.size(), 200u);
  EXPECT_THAT(told, HasSubstr("xxx...` is not taken"));
}

// In a buffer of exactly its size, so that a sanitizer sees a byte too many.
TEST(QueryNames, ReadsNoByteBeyondItsEnd) {
  for (const std::string_view query :
       {"a", "a=", "a;", "a&", "%41", "%25", "%2541", "a=%4", ";", "&", "%2525"}) {
    const auto exact = std::make_unique<char[]>(query.size());
    std::ranges::copy(query, exact.get());
    (void)QueryNames().refusal({exact.get(), query.size()});
  }
}

}  // namespace
}  // namespace writ::gateway::query_names_test
