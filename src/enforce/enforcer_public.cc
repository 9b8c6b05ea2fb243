// Routes that are public: decided and recorded like any other, and nobody is asked to answer for the request.
#include "decision/facts.h"
#include "decision/obligations.h"
#include "enforce/enforcer.h"
#include "enforce/plain.h"
#include "enforce/public_ruling.h"
#include "enforce/record.h"

namespace writ::enforce {
namespace {

constexpr std::string_view kAnonymousType = "Writ::Anonymous";
constexpr std::string_view kAnonymousId = "anonymous";

}  // namespace

std::optional<decision::Refusal> rule_public(const Question& question, const InForce& in_force, Times time,
                                             PlainMemory& memory, PlainRuling& ruling) {
  PlainQuestion plain(*in_force.inventory, *in_force.policies, memory);
  auto& arena = plain.arena();
  const auto resource = arena.entity(question.resource.type, question.resource.id);
  std::optional<cedar::Value> told;
  if (question.attributes) told = question.attributes(arena);
  if (const auto laid = plain.lay(resource, told); !laid)
    return decision::Refusal{Reason::kIndeterminate, laid.error().message, {}, {}, {}};
  const auto& sent = question.sent;
  const cedar::Request request{arena.entity(kAnonymousType, kAnonymousId),
                               arena.entity(question.action.type, question.action.id), resource,
                               context::anonymous_record(arena, {time, sent.method, sent.path, sent.peer_ip},
                                                         *in_force.policies->calendars)};
  ruling = plain.rule_public(request);
  return ruling.refusal;
}

void Enforcer::enforce_public(const Question& question, PublicCallback callback) noexcept {
  const auto id = RequestId::next();
  const auto count = [this](const decision::Refusal* refusal) {
    if (refusal == nullptr) return void(permits_.fetch_add(1, std::memory_order_relaxed));
    refusals_[static_cast<std::size_t>(refusal->reason)].fetch_add(1, std::memory_order_relaxed);
  };
  auto held = std::make_shared<PublicCallback>(std::move(callback));
  // Once, whatever breaks.
  const auto tell = [held](PublicOutcome outcome) {
    if (auto once = std::exchange(*held, nullptr)) once(std::move(outcome));
  };
  try {
    const auto in_force = question.in_force != nullptr ? question.in_force : parts_.current.get();
    const auto time = times_of(parts_.clock);
    thread_local std::unique_ptr<PlainMemory> memory;
    if (memory == nullptr) memory = std::make_unique<PlainMemory>();
    PlainRuling ruling;
    auto refusal = rule_public(question, *in_force, time, *memory, ruling);
    const auto obligations = ruling.obligations(*in_force->policies);
    if (obligations != nullptr && !question.fulfils) {
      const auto unmet = decision::obligation_unmet();
      refusal = decision::Refusal{unmet.reason, unmet.message, {}, {}, {}};
    }
    auto& names = memory->names;
    Told facts{.point = question.point,
               .request_id = id,
               .sent = question.sent,
               .api = question.api,
               .action = written(names.action, question.action.type, question.action.id),
               .resource = written(names.resource, question.resource.type, question.resource.id),
               .policies = in_force->policies.get(),
               .decision = ruling.decision,
               .shadowed = ruling.shadowed,
               .obligations = obligations.get(),
               .observed = question.observed,
               .anonymous = true};
    if (refusal) {
      facts.refusal = said(*refusal);
      facts.standing = audit::Standing::kStranger;
    }
    auto record = record_of(time.earliest, facts);
    parts_.record(std::move(record), [this, id, count, refusal, obligations, tell,
                                      observed = question.observed](const Result<void>& done) {
      if (!done) {
        audit_failures_.fetch_add(1, std::memory_order_relaxed);
        return tell(std::unexpected(Refused::not_recorded(id)));
      }
      count(refusal ? &*refusal : nullptr);
      if (!refusal) return tell(PublicPermit(id, obligations));
      if (observed) observed_.fetch_add(1, std::memory_order_relaxed);
      Refused refused{Refused::Kind::kDecided, *refusal, id};
      refused.observed = observed;
      tell(std::unexpected(std::move(refused)));
    });
  } catch (const std::exception&) {
    audit_failures_.fetch_add(1, std::memory_order_relaxed);
    tell(std::unexpected(Refused::not_recorded(id)));
  }
}

}  // namespace writ::enforce
