// Calls that were refused, and that people may approve: how they come before them.
#include <fmt/format.h>

#include "crypto/random.h"
#include "enforce/enforcer.h"

namespace writ::enforce {

// A call on its way to those who approve.
struct Enforcer::Offering {
  Enforcer& enforcer;
  decision::Refusal refusal;
  RequestId request_id;
  std::string client, detail;
  bool bound;
  std::move_only_function<void(Refused)> callback;
  std::string id = {};
  Instant asked_at = {};
  bool fresh = false;

  void answer(Refused::Kind kind = Refused::Kind::kDecided) {
    callback({kind, std::move(refusal), request_id, bound});
  }
};

void Enforcer::offer_approval(const Offer& offer, std::string arguments, std::string_view body,
                              std::move_only_function<void(Refused)> callback) {
  auto asked = offer.asked;
  asked.call.arguments = std::move(arguments);
  asked.body = body;
  std::unique_ptr<Offering> offering(new Offering{
      *this, offer.refusal, offer.request_id, asked.call.client,
      fmt::format("{} on {}", asked.call.action, asked.call.resource), offer.bound, std::move(callback)});
  auto waiting = parts_.calls->ask(std::move(asked), [] { return "a-" + crypto::random_id(); });
  if (!waiting) {
    // Without a place to wait in it stays what it was, a refusal.
    offering->refusal.message += "; " + waiting.error().why;
    return offering->answer(waiting.error().later ? Refused::Kind::kNoRoom : Refused::Kind::kDecided);
  }
  offering->id = waiting->id;
  offering->asked_at = waiting->asked_at;
  offering->fresh = waiting->fresh;
  if (!waiting->write) return record_offer(std::move(offering), {});
  parts_.writer.write(std::move(waiting->write),
                      [this, offering = std::move(offering)](const Result<void>& written) mutable {
                        record_offer(std::move(offering), written);
                      });
}

void Enforcer::record_offer(std::unique_ptr<Offering> offering, const Result<void>& written) {
  if (!written) {
    offering->refusal.message += "; it cannot be stored for people to approve: " + written.error().message;
    return offering->answer();
  }
  offering->refusal.approval = offering->id;
  // The one that waits already has its record.
  if (!offering->fresh) return offering->answer();
  const audit::Event event{.type = "approval.requested",
                           .actor = offering->client,
                           .object = offering->id,
                           .detail = offering->detail,
                           .request_id = offering->request_id};
  auto record = audit::make_record(offering->asked_at, event);
  parts_.record(std::move(record), [offering = std::move(offering)](const Result<void>& recorded) mutable {
    offering->answer(recorded ? Refused::Kind::kDecided : Refused::Kind::kNotRecorded);
  });
}

}  // namespace writ::enforce
