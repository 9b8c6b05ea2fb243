#include "enforce/recheck.h"

#include <cstdio>

#include "base/times.h"
#include "codec/json.h"
#include "context/tenant.h"
#include "decision/obligations.h"
#include "enforce/public_ruling.h"
#include "facts/pushed.h"

namespace writ::enforce {
namespace {

decision::Refusal refused(Denial denial) {
  return {denial.reason, std::move(denial.message), {}, {}, {}};
}
decision::Refusal broken_off(std::string message) {
  return refused({Reason::kIndeterminate, std::move(message)});
}

// Without memory not even a reason can be told; the code alone is.
template <class Ask>
std::optional<decision::Refusal> asked(Ask ask) noexcept {
  try {
    return ask();
  } catch (const std::exception&) {
    return decision::Refusal{Reason::kIndeterminate, {}, {}, {}, {}};
  }
}

}  // namespace

std::optional<decision::Refusal> Recheck::refusal(const Question& question, const token::Verified& token,
                                                  const AnswerFacts& told) const noexcept {
  return asked([&]() -> std::optional<decision::Refusal> {
    const auto now = times_of(parts_.clock);
    if (auto good = parts_.verifier.still_good(token, now); !good) return refused(std::move(good).error());
    const auto in_force = parts_.current.get();
    const auto* api = in_force->inventory->find_api(question.api);
    if (api == nullptr)
      return broken_off("the inventory has no API `" + std::string(question.api) + "` any more");
    const auto& claims = token.claims();
    const auto task = claims.task ? parts_.tasks.find(*claims.task) : nullptr;
    const auto& sent = question.sent;
    Result<void> read;
    const Attributes as_told = [&](cedar::Arena& arena) {
      auto value = told(arena, in_force->policies->schema.get());
      if (value) return *value;
      read = std::unexpected(std::move(value).error());
      return cedar::Value::record(cedar::empty_record());
    };
    const Facts facts{.time = now,
                      .method = sent.method,
                      .path = sent.path,
                      .peer_ip = sent.peer_ip,
                      .api = *api,
                      .action = question.action,
                      .resource = question.resource,
                      .attributes = told ? as_told : question.attributes,
                      .amounts = question.amounts,
                      .approved = question.approval.named == 1,
                      .budget_taken = true,
                      .input = question.input,
                      .notes = question.notes};
    const Deciding deciding{*in_force->inventory, *in_force->policies, task.get(), in_force->pushed.get()};
    thread_local std::unique_ptr<Memory> memory;
    if (memory == nullptr) memory = std::make_unique<Memory>();
    const bool waits = !told && !question.awaited.empty();
    const auto ruling = waits ? rule_awaiting(token, facts, question.awaited, deciding, *memory)
                              : rule_on_use(token, facts, deciding, *memory, Shadows::kLeftAlone);
    if (!ruling) return broken_off(ruling.error().message);
    if (!read) return refused({Reason::kFactsUnavailable, std::move(read).error().message});
    if (waits && ruling->needs_facts()) return std::nullopt;
    if (auto refusal = ruling->refusal()) return refusal;
    // What goes on is not read, so nothing can be left out of it.
    if (decision::obliged_by(in_force->policies->obligations.get(), ruling->decision->policies()))
      return refused(decision::obligation_unmet());
    return std::nullopt;
  });
}

std::optional<decision::Refusal> Recheck::refusal_public(const Question& question) const noexcept {
  return asked([&]() -> std::optional<decision::Refusal> {
    thread_local std::unique_ptr<PlainMemory> memory;
    if (memory == nullptr) memory = std::make_unique<PlainMemory>();
    PlainRuling ruling;
    const auto in_force = parts_.current.get();
    auto refusal = rule_public(question, *in_force, times_of(parts_.clock), *memory, ruling);
    if (!refusal && ruling.obligations(*in_force->policies)) return refused(decision::obligation_unmet());
    return refusal;
  });
}

sources::SourceQuery Recheck::query(std::string_view resource_id, const token::Verified& token) const {
  const auto& claims = token.claims();
  const auto in_force = parts_.current.get();
  const auto task = claims.task ? parts_.tasks.find(*claims.task) : nullptr;
  const auto tenant = context::tenant_of(claims, in_force->inventory->find(claims.subject), task.get());
  return {tenant ? std::optional<std::string>(*tenant) : std::nullopt, std::string(resource_id)};
}

void Recheck::ended(const Ended& ended) const noexcept {
  try {
    auto detail = codec::Json::object();
    detail.set("kind", ended.kind);
    detail.set("reason", ended.reason);
    if (!ended.message.empty()) detail.set("message", ended.message);
    if (!ended.subject.empty()) detail.set("subject", ended.subject);
    detail.set("milliseconds",
               static_cast<std::int64_t>(
                   std::chrono::duration_cast<std::chrono::milliseconds>(ended.duration).count()));
    detail.set("bytes_received", static_cast<std::int64_t>(ended.received));
    detail.set("bytes_sent", static_cast<std::int64_t>(ended.sent));
    const auto text = detail.dump();
    std::string resource;
    cedar::append_entity(resource, ended.resource.type, ended.resource.id);
    const audit::Event event{.type = "stream.ended",
                             .actor = ended.client,
                             .object = resource,
                             .detail = text,
                             .request_id = ended.request_id};
    parts_.record(audit::make_record(parts_.clock.earliest(), event), [](const Result<void>& done) {
      if (!done)
        std::fprintf(stderr, "writ: the end of a stream is not recorded: %s\n", done.error().message.c_str());
    });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "writ: the end of a stream is not recorded: %s\n", error.what());
  }
}

}  // namespace writ::enforce
