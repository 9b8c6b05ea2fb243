// What became of the obligations of a permit: one record, before anything of the answer goes out.
#include <cstdio>

#include "enforce/enforcer.h"

namespace writ::enforce {

void Enforcer::record_fulfilment(const Fulfilment& fulfilment,
                                 std::move_only_function<void(bool)> done) noexcept {
  const auto held = std::make_shared<std::move_only_function<void(bool)>>(std::move(done));
  // Once, whatever breaks.
  const auto tell = [this, held](bool recorded) {
    if (!recorded) audit_failures_.fetch_add(1, std::memory_order_relaxed);
    if (auto once = std::exchange(*held, nullptr)) once(recorded);
  };
  try {
    auto detail = fulfilment.obligations.to_json();
    if (!fulfilment.unmet.empty()) detail.set("why", fulfilment.unmet);
    const auto text = detail.dump();
    const audit::Event event{.type = fulfilment.unmet.empty() ? "obligations.fulfilled" : "obligations.unmet",
                             .actor = fulfilment.client,
                             .object = fulfilment.resource,
                             .detail = text,
                             .request_id = fulfilment.request_id};
    if (!fulfilment.unmet.empty())
      refusals_[static_cast<std::size_t>(Reason::kObligationUnmet)].fetch_add(1, std::memory_order_relaxed);
    parts_.record(audit::make_record(parts_.clock.earliest(), event),
                  [tell](const Result<void>& recorded) { tell(recorded.has_value()); });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "writ: what became of obligations is not recorded: %s\n", error.what());
    tell(false);
  }
}

}  // namespace writ::enforce
