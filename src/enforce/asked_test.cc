// Facts that are asked for: who causes a question, what decides, and what is told of it.
#include <fmt/format.h>
#include <future>
#include <gmock/gmock.h>
#include <random>

#include "enforce/testing/world.h"
#include "sources/testing/origin.h"

namespace writ::enforce::asked_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kSchema =
    "namespace Billing { entity Invoice = { customer: String, tenant?: String, frozen?: Bool }; }";

constexpr std::string_view kRules = R"(
@id("mine") permit (principal is Writ::User, action == Billing::Action::"read", resource is Billing::Invoice)
when { resource.customer == "nora" };
@id("portal") permit (principal is Writ::Application, action == Billing::Action::"read", resource is Billing::Invoice)
when { context has purpose && context.purpose == "support" };
@id("agents") permit (principal is Writ::Agent, action == Billing::Action::"read", resource is Billing::Invoice);
@id("frozen") forbid (principal, action, resource is Billing::Invoice)
unless { resource has frozen && !resource.frozen };
)";

class AskedTest : public ::testing::Test {
 protected:
  AskedTest() {
    auto policies = std::make_shared<decision::PolicySnapshot>(*testing::compiled(kRules));
    policies->schema = cedar::schema_from_text(kSchema).value();
    world.policies = policies;
    sources::SourceSettings settings;
    settings.name = "ledger";
    settings.reading = {
        .type = "Billing::Invoice", .attributes = {"customer", "tenant", "frozen"}, .needed = {"tenant"}};
    settings.threads = 1;
    settings.failures = 2;
    source = put_in_force(settings);
    book.put("inv-1", R"({"customer":"nora","tenant":"north","frozen":false})");
    book.put("inv-2", R"({"customer":"sofia","tenant":"north","frozen":false})");
    book.put("inv-3", R"({"customer":"nora","tenant":"south","frozen":false})");
    book.put("inv-4", R"({"customer":"nora","tenant":"north","frozen":true})");
    book.put("inv-5", R"({"customer":"nora","tenant":"north","frozen":null})");
    book.put("odd", R"({"customer":7,"tenant":"north","frozen":false})");
    book.put("no-tenant", R"({"customer":"nora","tenant":null,"frozen":false})");
  }
  ~AskedTest() override {
    for (const auto& each : all) each->stop();
    // This thread remembers what it read last, and a source that outlived its book would stop another one's.
    put_in_force(nullptr);
    static_cast<void>(world.current.read());
  }

  // In the place of the one before.
  sources::AskedSource* put_in_force(const sources::SourceSettings& settings) {
    auto made = std::make_shared<sources::AskedSource>(
        settings, std::make_unique<sources::testing::BookOrigin>(book), world.clock);
    all.push_back(made);
    auto sources = std::make_shared<sources::Sources>();
    sources->add(made);
    put_in_force(std::move(sources));
    return made.get();
  }
  void put_in_force(std::shared_ptr<const sources::Sources> sources) {
    world.current.replace(std::move(sources));
  }

  // A request for `inv-1` that is under way.
  struct Call {
    explicit Call(AskedTest& test, const std::string& token)
        : headers{{"Authorization", "Bearer " + token}},
          question{.point = "gateway",
                   .sent = {.method = "GET", .path = "/i", .encoded_path = "/i"},
                   .credentials = token::Presented::from_headers(headers),
                   .api = "invoices",
                   .action = {"Billing::Action", "read"},
                   .resource = {"Billing::Invoice", "inv-1"},
                   .public_origin = testing::kOrigin} {
      test.enforcer.enforce(question, [this](Outcome outcome) { told.set_value(std::move(outcome)); });
    }
    Outcome outcome() { return told.get_future().get(); }

    http::Headers headers;
    const Question question;
    std::promise<Outcome> told;
  };

  template <class Ask>
  auto question(const std::string& token, std::string_view invoice, Ask ask,
                std::string_view action = "read") {
    http::Headers headers;
    if (!token.empty()) headers.add("Authorization", "Bearer " + token);
    const Question asked{.point = "gateway",
                         .sent = {.method = "GET", .path = "/i", .encoded_path = "/i"},
                         .credentials = token::Presented::from_headers(headers),
                         .api = "invoices",
                         .action = {"Billing::Action", action},
                         .resource = {"Billing::Invoice", invoice},
                         .public_origin = testing::kOrigin};
    return ask(asked);
  }
  Outcome enforced(const std::string& token, std::string_view invoice, std::string_view action = "read") {
    return question(
        token, invoice, [&](const Question& asked) { return enforcer.enforce(asked); }, action);
  }
  std::string outcome(std::string_view invoice) { return outcome(world.token(), invoice); }
  std::string outcome(const std::string& token, std::string_view invoice, std::string_view action = "read") {
    const auto given = enforced(token, invoice, action);
    return given ? "permit" : std::string(reason_code(given.error().reason()));
  }
  std::string message(std::string_view invoice) {
    const auto given = enforced(world.token(), invoice);
    return given ? "" : given.error().refusal.message;
  }
  std::string recorded() const { return world.audit.effects().back(); }

  testing::World world;
  sources::testing::Book book;
  std::vector<sources::SourcePtr> all;  // nobody else ends one: that waits for its threads
  sources::AskedSource* source = nullptr;
  Enforcer enforcer{
      {.clock = world.clock,
       .verifier = world.tokens.verifier,
       .current = world.current,
       .tasks = world.tasks,
       .record = [this](audit::Record line,
                        audit::Log::Done done) { world.audit.append(std::move(line), std::move(done)); },
       .writer = world.writer,
       .calls = &world.call_approvals}};
};

TEST_F(AskedTest, WhatTheSourceTellsDecides) {
  EXPECT_EQ(outcome("inv-1"), "permit");
  EXPECT_EQ(outcome("inv-2"), "policy_no_permit");
  EXPECT_THAT(book.asked(), ElementsAre("north/inv-1", "north/inv-2"));
}

TEST_F(AskedTest, AStrangerCausesNoQuestion) {
  EXPECT_EQ(outcome("", "inv-1"), "token_missing");
  EXPECT_EQ(outcome("nonsense", "inv-1"), "token_malformed");
  auto over = world.claims();
  over.expires_at = world.clock.now() - 1h;
  over.issued_at = over.expires_at - 5min;
  EXPECT_NE(outcome(world.token(over), "inv-1"), "permit");
  EXPECT_THAT(book.asked(), IsEmpty());
}

TEST_F(AskedTest, WhatGuardsRefuseCausesNoQuestion) {
  auto retired = world.claims();
  retired.client_id = "nobody";
  EXPECT_EQ(outcome(world.token(retired), "inv-1"), "caller_unknown");
  const auto task = world.open_task();
  EXPECT_EQ(outcome(world.token(world.claims_in(*task)), "inv-1", "refund"), "action_not_in_task");
  EXPECT_THAT(book.asked(), IsEmpty());
}

TEST_F(AskedTest, WhatPoliciesRefuseWithoutFactsCausesNoQuestion) {
  EXPECT_EQ(outcome(world.token(), "inv-1", "refund"), "policy_no_permit");
  EXPECT_THAT(book.asked(), IsEmpty());
}

TEST_F(AskedTest, WhatIsCachedDecidesTheSameAndPermitsWithoutAQuestion) {
  for (const auto* invoice : {"inv-1", "inv-2", "inv-3", "inv-4"}) {
    const auto first = outcome(invoice);
    EXPECT_EQ(outcome(invoice), first) << invoice;
    const auto lines = world.audit.lines();
    EXPECT_EQ(*lines.back().find_string("effect"), *lines[lines.size() - 2].find_string("effect"));
  }
  EXPECT_THAT(book.asked(), ElementsAre("north/inv-1", "north/inv-2", "north/inv-2", "north/inv-3",
                                        "north/inv-3", "north/inv-4", "north/inv-4"));
}

// Time is not measured here: a refusal is quick where nobody is asked, so the questions are counted.
TEST_F(AskedTest, ARefusalComesNoSoonerForWhatIsThereThanForWhatIsNot) {
  const std::vector<std::string> refused = {"inv-2", "inv-3", "inv-4", "inv-5", "nowhere"};
  const auto questions = [&](const std::string& invoice) {
    const auto before = book.asked().size();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(outcome(invoice), "policy_no_permit") << invoice;
    return book.asked().size() - before;
  };
  for (const auto& invoice : refused) EXPECT_EQ(questions(invoice), 3u) << invoice;
}

TEST_F(AskedTest, WhatRefusesIsKeptAsLongAsWhatIsNotThere) {
  auto settings = source->settings();
  settings.missing_max_age = 1s;
  // Without what guards go by, so that what is not there is believed.
  settings.reading.attributes = {"customer", "frozen"};
  settings.reading.needed = {};
  settings.reading.type = "Billing::Invoice";
  auto policies = std::make_shared<decision::PolicySnapshot>(*testing::compiled(kRules));
  policies->schema =
      cedar::schema_from_text("namespace Billing { entity Invoice = { customer?: String, frozen?: Bool }; }")
          .value();
  world.policies = policies;
  source = put_in_force(settings);
  const auto questions = [&](const std::string& invoice) {
    const auto before = book.asked().size();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(outcome(invoice), "policy_no_permit") << invoice;
    world.clock.advance(1s);
    EXPECT_EQ(outcome(invoice), "policy_no_permit") << invoice;
    return book.asked().size() - before;
  };
  for (const auto* invoice : {"inv-2", "inv-4", "nowhere"}) EXPECT_EQ(questions(invoice), 2u) << invoice;
}

TEST_F(AskedTest, AFactThatWasTrueAMomentAgoDoesNotRefuse) {
  EXPECT_EQ(outcome("inv-2"), "policy_no_permit");
  book.put("inv-2", R"({"customer":"nora","tenant":"north","frozen":false})");
  EXPECT_EQ(outcome("inv-2"), "permit");
}

TEST_F(AskedTest, AnotherTenantsCallerIsNotGivenWhatWasSaidToOne) {
  EXPECT_EQ(outcome("inv-1"), "permit");
  auto south = world.claims();
  south.subject = "sofia";
  south.tenant = "south";
  EXPECT_NE(outcome(world.token(south), "inv-1"), "permit");
  EXPECT_THAT(book.asked(), ElementsAre("north/inv-1", "south/inv-1"));
}

TEST_F(AskedTest, WhateverTheFactsSayTheCallerIsToldTheSame) {
  const std::string same = message("inv-2");
  for (const auto* invoice : {"inv-2", "inv-3", "inv-4", "inv-5", "odd", "no-tenant", "nowhere"}) {
    for (int twice = 0; twice < 2; ++twice) {
      EXPECT_EQ(outcome(invoice), "policy_no_permit") << invoice;
      EXPECT_EQ(message(invoice), same) << invoice;
    }
  }
}

TEST_F(AskedTest, TheRecordSaysWhyItWasRefused) {
  outcome("inv-2");
  EXPECT_EQ(recorded(), "deny/policy_no_permit");
  outcome("inv-3");
  EXPECT_EQ(recorded(), "deny/tenant_mismatch");
  outcome("inv-4");
  EXPECT_EQ(recorded(), "deny/policy_forbid");
  outcome("odd");
  EXPECT_EQ(recorded(), "deny/facts_unavailable");
  EXPECT_THAT(*world.audit.lines().back().find_string("message"),
              HasSubstr("source `ledger`: the attribute `customer`"));
  outcome("no-tenant");
  EXPECT_EQ(recorded(), "deny/facts_unavailable");
}

TEST_F(AskedTest, TheCacheDoesNotChangeWhatARefusalSays) {
  // Nobody may refund; and what is frozen is forbidden too, as only the facts tell.
  const auto refused = [&] {
    const auto given = enforced(world.token(), "inv-4", "refund");
    return given.error().refusal.message + "|" + recorded();
  };
  const auto before = refused();
  outcome("inv-4");  // by somebody who may cause the question
  EXPECT_THAT(book.asked(), SizeIs(1));
  EXPECT_EQ(refused(), before);
  EXPECT_THAT(book.asked(), SizeIs(1));
}

TEST_F(AskedTest, ASourceThatIsDownIsFactsUnavailableWithItsName) {
  book.fail(ErrorCode::kUnavailable);
  EXPECT_EQ(outcome("inv-1"), "facts_unavailable");
  EXPECT_THAT(message("inv-1"), HasSubstr("source `ledger`"));
  EXPECT_THAT(message("inv-1"), Not(HasSubstr("the test says so")));
  EXPECT_EQ(recorded(), "deny/facts_unavailable");
  // Left alone now, and answered at once.
  EXPECT_EQ(book.asked().size(), 2u);
}

TEST_F(AskedTest, NothingOldPermitsWhenTheSourceFails) {
  EXPECT_EQ(outcome("inv-1"), "permit");
  world.clock.advance(source->settings().max_age);
  book.fail(ErrorCode::kUnavailable);
  EXPECT_EQ(outcome("inv-1"), "facts_unavailable");
}

TEST_F(AskedTest, WhatIsForgottenActsOnTheNextDecision) {
  EXPECT_EQ(outcome("inv-1"), "permit");
  book.put("inv-1", R"({"customer":"sofia","tenant":"north","frozen":false})");
  EXPECT_EQ(outcome("inv-1"), "permit");
  source->forget("inv-1");
  EXPECT_EQ(outcome("inv-1"), "policy_no_permit");
}

TEST_F(AskedTest, WhatWasStoppedMeanwhileCounts) {
  book.hold();
  Call call(*this, world.token());
  book.wait_for(1);
  ASSERT_TRUE(world.directory.order("support-portal", inventory::Status::kSuspended));
  book.release();
  const auto outcome = call.outcome();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason(), Reason::kCallerSuspended);
}

TEST_F(AskedTest, AnotherSourceIsAskedAnewAndNothingThatTheOldOneSaidIsUsed) {
  EXPECT_EQ(outcome("inv-1"), "permit");
  book.put("inv-1", R"({"customer":"sofia","tenant":"north","frozen":false})");
  EXPECT_EQ(outcome("inv-1"), "permit");
  put_in_force(source->settings());
  EXPECT_EQ(outcome("inv-1"), "policy_no_permit");
  EXPECT_THAT(book.asked(), SizeIs(2));
}

TEST_F(AskedTest, WithoutItsSourceWhatNeedsItsFactsIsNotPermitted) {
  EXPECT_EQ(outcome("inv-1"), "permit");
  put_in_force(std::make_shared<const sources::Sources>());
  EXPECT_NE(outcome("inv-1"), "permit");
  EXPECT_THAT(book.asked(), SizeIs(1));
}

TEST_F(AskedTest, WhatASourceSaysThatIsReplacedMeanwhilePermitsNothing) {
  book.hold();
  Call call(*this, world.token());
  book.wait_for(1);
  put_in_force(source->settings());
  book.release();
  const auto outcome = call.outcome();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason(), Reason::kIndeterminate);
  EXPECT_THAT(outcome.error().refusal.message, HasSubstr("send it again"));
}

TEST_F(AskedTest, NorDoesItWhereTheRequestWaitsForTheDisk) {
  const auto task = world.open_task(20);
  EXPECT_EQ(outcome("inv-1"), "permit");  // and it is cached
  world.writer.held = true;
  Call call(*this, world.token(world.claims_in(*task)));
  ASSERT_EQ(world.writer.waiting(), 1u);
  put_in_force(source->settings());
  world.writer.release();
  const auto outcome = call.outcome();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason(), Reason::kIndeterminate);
  EXPECT_EQ(task->used_calls(), 0);
}

TEST_F(AskedTest, ABudgetIsTakenOnlyByWhatIsPermitted) {
  const auto task = world.open_task(1);
  const auto token = world.token(world.claims_in(*task));
  const auto before = task->used(world.clock.now());
  (void)outcome(token, "inv-2");
  (void)outcome(token, "inv-4");
  EXPECT_THAT(book.asked(), SizeIs(2));
  EXPECT_EQ(task->used(world.clock.now()).dump(), before.dump());
  EXPECT_EQ(outcome(token, "inv-1"), "permit");
  EXPECT_EQ(outcome(token, "inv-1"), "budget_exceeded");
}

TEST_F(AskedTest, TheRecordHasTheValuesAndTheirSource) {
  EXPECT_EQ(outcome("inv-1"), "permit");
  const auto line = world.audit.lines().back();
  EXPECT_THAT(line.find("attributes")->dump(), HasSubstr(R"("customer":"nora")"));
  EXPECT_THAT(line.find("sources")->dump(), HasSubstr(R"("resource.customer":"source `ledger`")"));
}

TEST_F(AskedTest, WouldPermitAsksNobody) {
  const auto would = [&] {
    return question(world.token(), "inv-1",
                    [&](const Question& asked) { return enforcer.would_permit(asked); });
  };
  EXPECT_FALSE(would());
  EXPECT_THAT(book.asked(), IsEmpty());
  EXPECT_EQ(outcome("inv-1"), "permit");
  EXPECT_TRUE(would());
}

TEST_F(AskedTest, AnApiThatDecidesByItsAnswerTooIsRefused) {
  const std::vector<std::string> awaited{"customer"};
  auto asked = question(world.token(), "inv-1", [&](Question copy) {
    copy.awaited = awaited;
    std::promise<bool> told;
    enforcer.ask(copy, [&](AskedOutcome outcome) { told.set_value(outcome.has_value()); });
    return told.get_future().get();
  });
  EXPECT_FALSE(asked);
  EXPECT_THAT(book.asked(), IsEmpty());
}

// Whatever is left out, delayed until it is too old, failed, or not known: never a permit that the whole
// facts do not give.
TEST_F(AskedTest, HidingOrDelayingAFactNeverHelps) {
  std::mt19937 random(15);
  for (int i = 0; i < 300; ++i) {
    const auto pick = [&](std::initializer_list<std::string_view> from) {
      return std::data(from)[random() % from.size()];
    };
    const std::string_view customer = pick({"\"nora\"", "\"sofia\""}),
                           tenant = pick({"\"north\"", "\"south\""}), frozen = pick({"true", "false"});
    const auto id = "p-" + std::to_string(i);
    const auto put = [&](bool c, bool t, bool f) {
      auto json = codec::Json::object();
      if (c) json.set("customer", *codec::parse_json(customer));
      if (t) json.set("tenant", *codec::parse_json(tenant));
      if (f) json.set("frozen", *codec::parse_json(frozen));
      book.put(id, json.dump());
      source->forget(id);
    };
    put(true, true, true);
    const bool whole = outcome(id) == "permit";
    const auto hidden = random() % 8;
    put((hidden & 1) == 0, (hidden & 2) == 0, (hidden & 4) == 0);
    const auto told = outcome(id);
    EXPECT_TRUE(whole || told != "permit") << id;
    if (random() % 4 == 0) {
      world.clock.advance(source->settings().max_age);
      book.fail(ErrorCode::kInvalid);
      EXPECT_NE(outcome(id), "permit") << id;
      book.fail(std::nullopt);
    }
  }
}

}  // namespace
}  // namespace writ::enforce::asked_test
