// What stands between decisions and whoever is asked: age, tenants, single flight, room and circuit.
#include "sources/source.h"

#include <future>
#include <gmock/gmock.h>

#include "cedar/entity_json.h"
#include "sources/testing/origin.h"

namespace writ::sources::source_test {
namespace {

using namespace std::chrono_literals;
using testing::Book;
using testing::BookOrigin;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kSchema = R"(
entity Customer;
entity Order = { customer: Customer, open?: Bool, amount?: decimal, tags?: Set<String>, tenant?: String, size?: Long };)";

class SourceTest : public ::testing::Test {
 protected:
  SourceTest() {
    settings.name = "orders";
    settings.reading.type = "Order";
    settings.reading.attributes = {"customer", "open"};
    settings.threads = 2;
    book.put("o-1", R"({"customer":"nora","open":true})");
  }
  AskedSource& source() {
    if (made == nullptr)
      made = std::make_unique<AskedSource>(settings, std::make_unique<BookOrigin>(book), clock);
    return *made;
  }
  std::future<std::string> begin(const std::string& id, const std::string& tenant = "north",
                                 std::uint64_t party = 1) {
    auto promise = std::make_shared<std::promise<std::string>>();
    source().ask({tenant, id}, schema, party, [promise](const AskedSource::Answer& answer) {
      promise->set_value(!answer ? (answer.error().down ? "down: " : "unbelieved: ") + answer.error().why
                         : (*answer)->known
                             ? cedar::value_to_json(cedar::Value::record((*answer)->attributes)).dump()
                             : "unknown");
    });
    return promise->get_future();
  }
  std::string asked(const std::string& id, const std::string& tenant = "north") {
    return begin(id, tenant).get();
  }
  // As a request does: what is cached, or else it asks.
  std::string wanted(const std::string& id, const std::string& tenant = "north") {
    if (const auto told = source().cached({tenant, id}, schema.get())) return "cached";
    return asked(id, tenant);
  }
  std::string told(std::string_view attributes) {
    book.put("x", attributes);
    source().forget(std::nullopt);
    return asked("x");
  }

  cedar::SchemaPtr schema = cedar::schema_from_text(kSchema).value();
  ManualClock clock{Instant(1'750'000'000'000ms)};
  Book book;
  SourceSettings settings;
  std::unique_ptr<AskedSource> made;
};

TEST_F(SourceTest, WhatItSaysHasTheTypesOfTheSchema) {
  // Fields of a record have no order.
  const auto told = asked("o-1");
  EXPECT_THAT(told, HasSubstr(R"("customer":{"__entity":{"type":"Customer","id":"nora"}})"));
  EXPECT_THAT(told, HasSubstr(R"("open":true)"));
}

TEST_F(SourceTest, AValueOfAnotherTypeIsNotBelieved) {
  EXPECT_THAT(told(R"({"customer":7,"open":true})"), HasSubstr("unbelieved: the attribute `customer`"));
  EXPECT_THAT(told(R"({"customer":"nora","open":"yes"})"), HasSubstr("unbelieved: the attribute `open`"));
  EXPECT_THAT(told(R"({"customer":"nora","open":1})"), HasSubstr("unbelieved"));
  EXPECT_THAT(told(R"({"customer":{"__entity":{"type":"Order","id":"1"}}})"), HasSubstr("unbelieved"));
}

TEST_F(SourceTest, WhatTheSchemaWantsIsThereOrNothingIsBelieved) {
  EXPECT_THAT(told(R"({"open":true})"), HasSubstr("`customer` is missing"));
  EXPECT_THAT(told(R"({"customer":null,"open":true})"), HasSubstr("`customer` is missing"));
  EXPECT_THAT(told(R"({"customer":"nora","open":null})"), Not(HasSubstr("open")));
}

TEST_F(SourceTest, WhatAGuardGoesByIsThereEvenOfWhatItDoesNotKnow) {
  settings.reading.attributes = {"customer", "tenant"};
  settings.reading.needed = {"tenant"};
  EXPECT_THAT(told(R"({"customer":"nora"})"), HasSubstr("`tenant` is missing, and a guard"));
  EXPECT_THAT(asked("nobody"), HasSubstr("`tenant` is missing, and a guard"));
}

TEST_F(SourceTest, NumbersAreDecimalsOnlyAsTheyAreWritten) {
  settings.reading.attributes = {"customer", "amount"};
  EXPECT_THAT(told(R"({"customer":"n","amount":12.5})"), HasSubstr("12.5"));
  EXPECT_THAT(told(R"({"customer":"n","amount":20})"), HasSubstr("20.0"));
  EXPECT_THAT(told(R"({"customer":"n","amount":"7.25"})"), HasSubstr("7.25"));
  EXPECT_THAT(told(R"({"customer":"n","amount":1e300})"), HasSubstr("unbelieved"));
  EXPECT_THAT(told(R"({"customer":"n","amount":0.12345})"), HasSubstr("unbelieved"));
  EXPECT_THAT(told(R"({"customer":"n","amount":"much"})"), HasSubstr("unbelieved"));
}

TEST_F(SourceTest, WhatIsTooLargeIsNotBelieved) {
  settings.reading.attributes = {"customer", "tags"};
  EXPECT_THAT(told(R"({"customer":")" + std::string(kMaxToldBytes, 'n') + R"("})"),
              HasSubstr("more than 4096 bytes"));
  std::string many = "\"t\"";
  for (int i = 0; i < 64; ++i) many += ",\"t\"";
  EXPECT_THAT(told(R"({"customer":"n","tags":[)" + many + "]}"), HasSubstr("more than 64 elements"));
}

TEST_F(SourceTest, ItIsAskedAgainWhenWhatItSaidIsTooOld) {
  EXPECT_NE(wanted("o-1"), "cached");
  EXPECT_EQ(wanted("o-1"), "cached");
  clock.advance(settings.max_age - 1ms);
  EXPECT_EQ(wanted("o-1"), "cached");
  clock.advance(1ms);
  book.put("o-1", R"({"customer":"sofia"})");
  EXPECT_THAT(wanted("o-1"), HasSubstr("sofia"));
}

TEST_F(SourceTest, AClockThatIsSetBackKeepsNothingYoung) {
  wanted("o-1");
  clock.advance(settings.max_age);
  clock.set(Instant(1'600'000'000'000ms));
  EXPECT_NE(wanted("o-1"), "cached");
}

TEST_F(SourceTest, NothingOldIsGivenInThePlaceOfAnAnswerThatFailed) {
  wanted("o-1");
  clock.advance(settings.max_age);
  book.fail(ErrorCode::kUnavailable);
  EXPECT_THAT(wanted("o-1"), HasSubstr("down"));
  book.fail(ErrorCode::kInvalid);
  EXPECT_THAT(wanted("o-1"), HasSubstr("unbelieved"));
  EXPECT_THAT(wanted("o-1"), HasSubstr("unbelieved"));  // and that is not kept either
}

TEST_F(SourceTest, WhatItDoesNotKnowIsNotKeptUnlessConfigured) {
  EXPECT_EQ(wanted("new"), "unknown");
  book.put("new", R"({"customer":"nora"})");
  EXPECT_THAT(wanted("new"), HasSubstr("nora"));
}

TEST_F(SourceTest, WhatItDoesNotKnowIsKeptForItsOwnAge) {
  settings.missing_max_age = 1s;
  EXPECT_EQ(wanted("new"), "unknown");
  EXPECT_EQ(wanted("new"), "cached");
  clock.advance(1s);
  EXPECT_EQ(wanted("new"), "unknown");
}

TEST_F(SourceTest, WhatIsCachedRefusesAsLongAsWhatItDoesNotKnowIsKept) {
  const auto may_refuse = [&] {
    wanted("o-1");
    return source().may_refuse(*source().cached({"north", "o-1"}, schema.get()));
  };
  EXPECT_FALSE(may_refuse());
  made.reset();
  settings.missing_max_age = 1s;
  EXPECT_TRUE(may_refuse());
  clock.advance(1s - 1ms);
  EXPECT_TRUE(may_refuse());
  clock.advance(1ms);
  EXPECT_EQ(wanted("o-1"), "cached");
  EXPECT_FALSE(may_refuse());
}

TEST_F(SourceTest, TenantsAreApart) {
  EXPECT_NE(wanted("o-1", "north"), "cached");
  EXPECT_NE(wanted("o-1", "south"), "cached");
  EXPECT_EQ(source().cached({std::nullopt, "o-1"}, schema.get()), nullptr);
  EXPECT_THAT(book.asked(), ElementsAre("north/o-1", "south/o-1"));
}

TEST_F(SourceTest, NoIdLooksLikeAnotherTenantsResource) {
  book.put("b", R"({"customer":"nora"})");
  book.put("/b", R"({"customer":"sofia"})");
  wanted("b", "a/");
  for (const SourceQuery& other : {SourceQuery{"a", "/b"}, SourceQuery{"a/", "/b"}, SourceQuery{"", "a//b"},
                                   SourceQuery{std::nullopt, "2:a//b"}})
    EXPECT_EQ(source().cached(other, schema.get()), nullptr) << other.id;
}

TEST_F(SourceTest, WhatWasSaidToOneCredentialIsNotGivenToAnother) {
  wanted("o-1");
  book.renew_credential();
  EXPECT_NE(wanted("o-1"), "cached");
}

TEST_F(SourceTest, WhatWasReadByOneSchemaIsNotUsedByAnother) {
  wanted("o-1");
  schema = cedar::schema_from_text(kSchema).value();
  EXPECT_NE(wanted("o-1"), "cached");
}

TEST_F(SourceTest, TheSameQuestionIsAskedOnceAtATime) {
  book.hold();
  auto first = begin("o-1");
  book.wait_for(1);
  std::vector<std::future<std::string>> others;
  for (int i = 0; i < 20; ++i) others.push_back(begin("o-1"));
  book.release();
  const auto told = first.get();
  for (auto& other : others) EXPECT_EQ(other.get(), told);
  EXPECT_EQ(book.asked().size(), 1u);
  EXPECT_EQ(source().stats().joined, 20u);
}

TEST_F(SourceTest, AnotherTenantDoesNotJoin) {
  book.hold();
  auto north = begin("o-1", "north");
  book.wait_for(1);
  auto south = begin("o-1", "south");
  book.wait_for(2);
  book.release();
  north.get(), south.get();
  EXPECT_EQ(book.asked().size(), 2u);
}

TEST_F(SourceTest, WhatIsForgottenIsAskedAnew) {
  wanted("o-1", "north"), wanted("o-1", "south");
  source().forget("o-1");
  EXPECT_NE(wanted("o-1", "north"), "cached");
  EXPECT_NE(wanted("o-1", "south"), "cached");
  source().forget("o-2");
  EXPECT_EQ(wanted("o-1", "north"), "cached");
  source().forget(std::nullopt);
  EXPECT_NE(wanted("o-1", "north"), "cached");
}

TEST_F(SourceTest, WhatIsBeingSaidWhenItIsForgottenIsNotUsed) {
  book.hold();
  auto under_way = begin("o-1");
  book.wait_for(1);  // with what is true now
  book.put("o-1", R"({"customer":"sofia"})");
  source().forget("o-1");
  book.release();
  EXPECT_THAT(under_way.get(), HasSubstr("sofia"));
  EXPECT_EQ(book.asked().size(), 2u);
}

TEST_F(SourceTest, ADeadSourceIsLeftAloneAndTriedByOne) {
  settings.failures = 3;
  book.fail(ErrorCode::kUnavailable);
  for (int i = 0; i < 3; ++i) asked("o-1");
  EXPECT_THAT(asked("o-1"), HasSubstr("left alone"));
  EXPECT_EQ(book.asked().size(), 3u);
  clock.advance(settings.pause);
  book.hold();
  auto trying = begin("o-1");
  book.wait_for(4);
  EXPECT_THAT(asked("o-2"), HasSubstr("left alone"));  // at once, though one is being tried
  book.release();
  EXPECT_THAT(trying.get(), HasSubstr("down"));
  EXPECT_THAT(asked("o-1"), HasSubstr("left alone"));  // it failed, so the pause begins again
  clock.advance(settings.pause);
  book.fail(std::nullopt);
  EXPECT_THAT(asked("o-1"), HasSubstr("nora"));
  EXPECT_EQ(asked("o-2"), "unknown");
}

TEST_F(SourceTest, WhatIsNotBelievedDoesNotOpenTheCircuit) {
  settings.failures = 1;
  book.fail(ErrorCode::kInvalid);
  for (int i = 0; i < 5; ++i) EXPECT_THAT(asked("o-1"), HasSubstr("unbelieved"));
  EXPECT_FALSE(source().stats().open);
}

TEST_F(SourceTest, WhoeverWaitsForADeadSourceIsToldWhenItIsLeftAlone) {
  settings.threads = 1;
  settings.failures = 1;
  book.hold();
  auto first = begin("o-1");
  book.wait_for(1);
  auto second = begin("o-2");
  book.fail(ErrorCode::kUnavailable);
  book.release();
  EXPECT_THAT(first.get(), HasSubstr("down"));
  EXPECT_THAT(second.get(), HasSubstr("left alone"));
  EXPECT_EQ(book.asked().size(), 1u);
}

TEST_F(SourceTest, SoManyWaitAndNoMore) {
  settings.threads = 1;
  settings.max_waiting = 4;
  book.hold();
  std::vector<std::future<std::string>> waiting;
  for (std::uint64_t i = 0; i < 4; ++i) waiting.push_back(begin("w-" + std::to_string(i), "north", i));
  EXPECT_THAT(begin("o-1", "north", 9).get(), HasSubstr("too many requests wait"));
  EXPECT_EQ(source().stats().waiting, 4u);
  book.release();
  for (auto& each : waiting) EXPECT_EQ(each.get(), "unknown");
}

TEST_F(SourceTest, OneCallerTakesHalfOfThePlaces) {
  settings.threads = 1;
  settings.max_waiting = 4;
  book.hold();
  auto a = begin("o-1", "north", 7), b = begin("o-1", "north", 7);
  EXPECT_THAT(begin("o-1", "north", 7).get(), HasSubstr("too many requests wait"));
  auto other = begin("o-1", "north", 8);
  book.release();
  EXPECT_THAT(other.get(), HasSubstr("nora"));
  a.get(), b.get();
}

TEST_F(SourceTest, WhoeverWaitedTooLongIsNotAskedFor) {
  settings.threads = 1;
  book.hold();
  auto first = begin("o-1"), late = begin("o-2");
  book.wait_for(1);
  clock.advance(settings.timeout + 1ms);
  book.release();
  first.get();
  EXPECT_THAT(late.get(), HasSubstr("too many requests wait"));
  EXPECT_EQ(book.asked().size(), 1u);
}

TEST_F(SourceTest, ItsEndTellsAllWhoWait) {
  settings.threads = 1;
  book.hold();
  auto first = begin("o-1"), second = begin("o-2");
  book.wait_for(1);
  source().stop();
  first.get();
  EXPECT_THAT(second.get(), HasSubstr("not asked any more"));
  EXPECT_THAT(asked("o-1"), HasSubstr("not asked any more"));
}

TEST_F(SourceTest, ItKeepsSoManyAnswersAndNoMore) {
  settings.max_cached = 64;
  for (int i = 0; i < 1000; ++i) {
    const auto id = "k-" + std::to_string(i);
    book.put(id, R"({"customer":"nora"})");
    wanted(id);
  }
  EXPECT_LE(source().stats().kept, 64u + 16u);
  EXPECT_EQ(wanted("k-999"), "cached");
}

}  // namespace
}  // namespace writ::sources::source_test
