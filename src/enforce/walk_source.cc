// Requests for resources whose facts are asked for (sources/source.h).
//
// They are asked for only where nothing refuses the request without them, so that whoever may not get
// anything causes no question, and learns nothing by it. A request whose facts are cached goes in one step
// if it is permitted. If it is refused, it is told what it would have been told without the cache, and no
// sooner: the source is asked again, as it is for what it does not know.
#include <fmt/format.h>
#include <functional>

#include "context/tenant.h"
#include "enforce/told_facts.h"
#include "enforce/walk.h"

namespace writ::enforce {
sources::SourceQuery Enforcer::Walk::asked() const {
  const auto& claims = token_->claims();
  const auto tenant = context::tenant_of(claims, in_force_->inventory->find(claims.subject), task_.get());
  return {tenant ? std::optional<std::string>(*tenant) : std::nullopt, std::string(question_->resource.id)};
}

std::uint64_t Enforcer::Walk::party() const noexcept {
  return std::hash<std::string_view>()(token_->claims().client_id);
}

std::expected<void, decision::Refusal> Enforcer::Walk::rule_by_source(const Attributes& attributes,
                                                                      Shadows shadows) {
  // `writ check` refuses such routes: there are two sources.
  if (step_ != Step::kOnly) return broken("facts about this resource have two sources that are asked");
  const std::span<const std::string> awaited(source_->settings().reading.attributes);
  needs_facts_ = by_told_ = false;
  const bool from_cache = told_ == nullptr;
  if (from_cache) told_ = source_->cached(asked(), policies().schema.get());
  if (told_ != nullptr) {
    auto decided = rule_on_told(attributes, shadows);
    if (decided) return decided;
  }
  TRY(rule(attributes, Shadows::kLeftAlone, awaited));
  // How soon a refusal comes must not say whether there is anything in the cache.
  if (told_ == nullptr || (from_cache && !source_->may_refuse(*told_))) {
    told_ = nullptr;
    needs_facts_ = true;
    return {};
  }
  by_told_ = true;
  // For its record: what it was decided on.
  return rule_on_told(attributes, shadows);
}

std::expected<void, decision::Refusal> Enforcer::Walk::rule_on_told(const Attributes& attributes,
                                                                    Shadows shadows) {
  notes_.assign(question_->notes.begin(), question_->notes.end());
  append_notes(notes_, source_->paths(), source_->label(), *told_);
  const auto with = with_told(attributes, *told_);
  auto facts = facts_of(question_->action, question_->resource, with);
  facts.notes = notes_;
  auto ruling = rule_on_use(*token_, facts, deciding(), *memory_, shadows);
  if (!ruling) return broken(std::move(ruling.error().message));
  ruling_.emplace(*std::move(ruling));
  if (auto refusal = ruling_->refusal()) return std::unexpected(*std::move(refusal));
  return find_obligations();
}

std::expected<void, decision::Refusal> Enforcer::Walk::decide_on_told(
    const sources::AskedSource::Answer& answer, Memory& memory) {
  memory_ = &memory;
  now_ = times_of(parts_->clock);
  needs_facts_ = false;
  if (auto good = parts_->verifier.still_good(*token_, now_); !good)
    return refuse({good.error().reason, good.error().message});
  in_force_ = parts_->current.get();
  TRY(find_api());
  // Nobody vouches any more for what the other one says.
  if (sources::source_of(in_force_->sources, question_->resource.type) != source_)
    return broken("who is asked for facts changed while this request waited for them; send it again");
  if (!answer) {
    TRY(rule(question_->attributes, Shadows::kLeftAlone, source_->settings().reading.attributes));
    by_told_ = true;
    down_ = answer.error().down;
    return refuse({Reason::kFactsUnavailable, fmt::format("{}: {}", source_->label(), answer.error().why)});
  }
  if ((*answer)->schema != policies().schema)
    return broken("the schema changed while this request waited for facts; send it again");
  told_ = *answer;
  return rule_by_source(question_->attributes, Shadows::kAsked);
}

decision::Refusal Enforcer::Walk::told_of(const decision::Refusal& refusal) const {
  // That people have to approve it is said of a request that has everything else.
  if (!by_told_ || refusal.of_call) return refusal;
  if (down_)
    return {Reason::kFactsUnavailable,
            fmt::format("facts about `{}` cannot be had at the moment: {} does not tell them",
                        question_->resource.type, source_->label()),
            {},
            {},
            {}};
  return {Reason::kPolicyNoPermit, "no policy permits this request", {}, {}, {}};
}

}  // namespace writ::enforce
