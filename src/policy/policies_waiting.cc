// Policies that wait until no token lacks what they read (docs/claims.md).
#include <fmt/format.h>

#include "policy/policies_in_force.h"

namespace writ::policy {

Result<void> PoliciesInForce::resume_minting() {
  const auto kept = TRY(revisions_.minted());
  if (kept.is_null()) return {};
  auto minted = MintedSince::from_json(kept, token_lifetime_, parts_.clock.now());
  if (!minted)
    return std::unexpected(std::move(minted.error()).in("what tokens carried, in the data folder"));
  minted_ = *std::move(minted);
  return {};
}

Result<void> PoliciesInForce::minting(const decision::PolicySnapshot& next, const config::World& world,
                                      const std::function<Result<void>()>& publish) {
  const auto carried = minted_by_api(next, world.declared.apis);
  const auto before = minted_;
  // What is left out is on disk before it is, and what is carried only when all tokens do: whatever a crash
  // comes between, no token lacks more than is known.
  if (minted_.drop(carried)) TRY(revisions_.keep_minted(minted_.to_json()));
  if (auto published = publish(); !published) {
    minted_ = before;
    return published;
  }
  // When this is not kept, policies wait longer after a restart, and no shorter.
  if (minted_.add(carried, times_of(parts_.clock)))
    static_cast<void>(revisions_.keep_minted(minted_.to_json()));
  return {};
}

std::vector<Lack> PoliciesInForce::lacks_of_new(const LoadedPolicies& policies,
                                                const config::World& world) const {
  // The same policies read what they read.
  return policies.snapshot->revision != get()->revision ? lacks_left(policies, world) : std::vector<Lack>();
}

std::vector<Lack> PoliciesInForce::lacks_left(const LoadedPolicies& policies,
                                              const config::World& world) const {
  const auto times = times_of(parts_.clock);
  auto lacks = lacks_of(policies, world, minted_, times.latest);
  std::erase_if(lacks, [&](const Lack& lack) { return times.begun(lack.until); });
  return lacks;
}

Instant PoliciesInForce::end_of_wait(const LoadedPolicies& policies, const config::World& world) const {
  const auto lacks = lacks_left(policies, world);
  return end_of(lacks).value_or(parts_.clock.now());
}

void PoliciesInForce::warn_of_growth(const LoadedPolicies& policies, const config::World& world,
                                     files::Issues& issues) const {
  const auto lacks = lacks_of_new(policies, world);
  const Growth growth{.lacks = lacks, .now = parts_.clock.now(), .token_lifetime = token_lifetime_};
  warn_of_grown_contracts(*get(), world_, *policies.snapshot, world, growth, issues);
}

PoliciesInForce::Snapshot PoliciesInForce::minting_ahead(Snapshot snapshot) const {
  if (!waiting_ || waiting_->minted == nullptr) return snapshot;
  auto ahead = std::make_shared<decision::PolicySnapshot>(*snapshot);
  ahead->minted_claims = union_of(snapshot->minted_claims, waiting_->minted);
  return ahead;
}

Result<PoliciesInForce::Snapshot> PoliciesInForce::until_then(const LoadedPolicies& next,
                                                              const config::World& world) const {
  auto beside = world;
  add_grants(beside);
  files::Issues issues;
  auto loaded = load_policies(texts_, beside, issues, UnknownTemplate::kGrantsNothing);
  if (!loaded) return failure(ErrorCode::kInvalid, render(issues.all().front()));
  auto snapshot = std::make_shared<decision::PolicySnapshot>(*loaded->snapshot);
  snapshot->minted_claims = union_of(snapshot->minted_claims, next.snapshot->minted_claims);
  return snapshot;
}

Result<void> PoliciesInForce::wait(const Loaded& loaded, const LoadedPolicies& next,
                                   std::span<const Lack> lacks, const ReplacedBy& by, Replacement& result) {
  const control::WaitingRevision set{next.snapshot->revision, *end_of(lacks)};
  const auto meanwhile = until_then(next, loaded.world);
  if (!meanwhile) {
    result.issues.error(
        {},
        fmt::format("policies {} read claims that some tokens lack, and those in force cannot decide until "
                    "these have ended, because they do not fit the rest of the configuration: {}",
                    set.revision, meanwhile.error().message),
        "reload the rest of the configuration first, or all of it with `writ policies reload --at-once`");
    return {};
  }
  const Growth growth{
      .lacks = lacks, .now = parts_.clock.now(), .token_lifetime = token_lifetime_, .waiting = set.revision};
  warn_of_grown_contracts(*get(), world_, **meanwhile, loaded.world, growth, result.issues);
  const bool is_new = !waiting_ || waiting_->set.revision != set.revision;
  if (is_new) {
    const audit::Event event{.type = "policies.waiting",
                             .actor = by.actor,
                             .object = by.cause,
                             .detail = set.revision,
                             .request_id = by.request_id};
    TRY(parts_.record(audit::make_record(parts_.clock.earliest(), event)));
  }
  TRY(beside_entities(**meanwhile, loaded.world, [&] { return take_over(loaded, *meanwhile, by, result); }));
  // Somebody's choice of before was made instead of other files.
  TRY(revisions_.clear_choice());
  // Whoever put it there stays the one that did, however often the files are read again.
  if (is_new)
    waiting_ = Waiting{
        loaded.texts, set, nullptr, std::string(by.cause), std::string(by.actor), std::string(by.request_id)};
  waiting_->minted = next.snapshot->minted_claims;
  // It is later by what it took to publish.
  waiting_->set.until = end_of_wait(next, loaded.world);
  result.waiting = waiting_->set;
  return {};
}

Result<bool> PoliciesInForce::wait_from_start(const PolicyTexts& of_files, files::Issues& issues) {
  if (minted_.empty()) return false;
  const auto kept = TRY(revisions_.list());
  files::Issues unused;
  const auto next = load_policies(of_files, world_, unused, UnknownTemplate::kGrantsNothing);
  if (kept.empty() || !next || kept.front().revision == files_) return false;
  const auto lacks = lacks_left(*next, world_);
  if (lacks.empty()) return false;
  Growth growth{.lacks = lacks, .now = parts_.clock.now(), .token_lifetime = token_lifetime_};
  auto texts = revisions_.read(kept.front());
  if (texts) std::swap(texts_, *texts);
  const auto meanwhile = texts ? until_then(*next, world_) : Result<Snapshot>(std::unexpected(texts.error()));
  if (meanwhile) growth.waiting = files_;
  warn_of_grown_contracts(*next->snapshot, world_, *next->snapshot, world_, growth, issues);
  if (!meanwhile) {
    // What decided last does not fit any more, so that what the files say has to.
    texts_ = of_files;
    return false;
  }
  TRY(replace(*meanwhile));
  waiting_ =
      Waiting{of_files, {files_, end_of_wait(*next, world_)}, next->snapshot->minted_claims, "files", {}, {}};
  return true;
}

Result<bool> PoliciesInForce::put_due_in_force() {
  const std::lock_guard lock(turn_);
  if (!waiting_ || parts_.clock.earliest() < waiting_->set.until) return false;
  auto world = world_;
  add_grants(world);
  files::Issues issues;
  const auto loaded = load_policies(waiting_->texts, world, issues, UnknownTemplate::kGrantsNothing);
  if (!loaded) return failure(ErrorCode::kInvalid, render(issues.all().front()));
  // A grant that was given meanwhile may read more.
  if (const auto lacks = lacks_left(*loaded, world_); !lacks.empty()) {
    auto meanwhile = TRY(until_then(*loaded, world_));
    TRY(replace(std::move(meanwhile)));
    waiting_->minted = loaded->snapshot->minted_claims;
    waiting_->set.until = end_of_wait(*loaded, world_);
    return false;
  }
  const Waiting taken = *waiting_;
  Replacement result{.revision = get()->revision};
  const ReplacedBy by{taken.cause, taken.actor, taken.request_id};
  TRY(beside_entities(*loaded->snapshot, world_,
                      [&] { return put_in_force(taken.texts, loaded->snapshot, std::nullopt, by, result); }));
  return true;
}

}  // namespace writ::policy
