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

Result<LoadedPolicies> PoliciesInForce::load_again(const config::World& world) const {
  const auto grants = grants_beside(world).in_force;
  files::Issues issues;
  auto loaded = load_policies(texts_, world, grants, issues, UnknownTemplate::kGrantsNothing);
  if (!loaded) return failure(ErrorCode::kInvalid, render(issues.all().front()));
  return *std::move(loaded);
}

std::vector<Lack> PoliciesInForce::lacks_of_new(const LoadedPolicies& next,
                                                const config::World& world) const {
  // The same policies read what they read; and where no token lacks anything, nothing is waited for.
  if (minted_.empty() || next.snapshot->revision == get()->revision) return {};
  const auto before = load_again(world);
  return lacks_left(next, before ? &*before : nullptr, world);
}

std::vector<Lack> PoliciesInForce::lacks_left(const LoadedPolicies& next, const LoadedPolicies* before,
                                              const config::World& world) const {
  const auto times = times_of(parts_.clock);
  const auto carried = minted_by_api(*next.snapshot, world.declared.apis);
  auto lacks = before != nullptr
                   ? lacks_of(ContractSources(next, *before, world).known(), carried, minted_, times.latest)
                   : lacks_of(ContractSources(next, world).known(), carried, minted_, times.latest);
  std::erase_if(lacks, [&](const Lack& lack) { return times.begun(lack.until); });
  return lacks;
}

void PoliciesInForce::warn_of_growth(const LoadedPolicies& policies, const config::World& world,
                                     files::Issues& issues) const {
  const auto lacks = lacks_of_new(policies, world);
  const Growth growth{.lacks = lacks, .now = parts_.clock.now(), .token_lifetime = token_lifetime_};
  warn_of_grown_contracts(*get(), world_, *policies.snapshot, world, growth, issues);
}

PoliciesInForce::Snapshot PoliciesInForce::until_then(const LoadedPolicies& next,
                                                      const LoadedPolicies& in_force,
                                                      const config::World& world) {
  auto snapshot = std::make_shared<decision::PolicySnapshot>(*in_force.snapshot);
  snapshot->minted_claims = minted_claims_of(ContractSources(next, in_force, world).known());
  return snapshot;
}

Result<PoliciesInForce::Snapshot> PoliciesInForce::minting_ahead(const LoadedPolicies& in_force,
                                                                 const config::World& world,
                                                                 const Grants& grants) const {
  if (!waiting_) return in_force.snapshot;
  files::Issues issues;
  const auto next =
      load_policies(waiting_->texts, world, grants.in_force, issues, UnknownTemplate::kGrantsNothing);
  if (!next) return failure(ErrorCode::kInvalid, render(issues.all().front()));
  return until_then(*next, in_force, world);
}

Result<void> PoliciesInForce::wait(Loaded& loaded, const LoadedPolicies& next, std::span<const Lack> lacks,
                                   const ReplacedBy& by, Replacement& result) {
  control::WaitingRevision set{next.snapshot->revision, *end_of(lacks)};
  const auto before = load_again(loaded.world);
  if (!before) {
    result.issues.error(
        {},
        fmt::format("policies {} read claims that some tokens lack, and those in force cannot decide until "
                    "these have ended, because they do not fit the rest of the configuration: {}",
                    set.revision, before.error().message),
        "reload the rest of the configuration first, or all of it with `writ policies reload --at-once`");
    return {};
  }
  const auto meanwhile = until_then(next, *before, loaded.world);
  const Growth growth{
      .lacks = lacks, .now = parts_.clock.now(), .token_lifetime = token_lifetime_, .waiting = set.revision};
  warn_of_grown_contracts(*get(), world_, *meanwhile, loaded.world, growth, result.issues);
  const bool is_new = !waiting_ || waiting_->set.revision != set.revision;
  if (is_new) {
    const audit::Event event{.type = "policies.waiting",
                             .actor = by.actor,
                             .object = by.cause,
                             .detail = set.revision,
                             .request_id = by.request_id};
    TRY(parts_.record(audit::make_record(parts_.clock.earliest(), event)));
  }
  TRY(beside_entities(*meanwhile, loaded.world, [&] { return take_over(loaded, meanwhile, by, result); }));
  // Somebody's choice of before was made instead of other files.
  TRY(revisions_.clear_choice());
  // It is later by what it took to publish.
  const auto left = lacks_left(next, &*before, world_);
  set.until = end_of(left).value_or(set.until);
  // Whoever put it there stays the one that did, however often the files are read again.
  if (is_new) {
    waiting_ =
        Waiting{loaded.texts, set, std::string(by.cause), std::string(by.actor), std::string(by.request_id)};
  } else {
    waiting_->set = set;
  }
  result.waiting = set;
  return {};
}

Result<bool> PoliciesInForce::wait_from_start(const PolicyTexts& of_files, files::Issues& issues) {
  if (minted_.empty()) return false;
  const auto kept = TRY(revisions_.list());
  if (kept.empty() || kept.front().revision == files_) return false;
  const auto grants = grants_beside(world_).in_force;
  files::Issues unused;
  const auto next = load_policies(of_files, world_, grants, unused, UnknownTemplate::kGrantsNothing);
  if (!next) return false;
  auto texts = revisions_.read(kept.front());
  if (texts) std::swap(texts_, *texts);
  const auto before = texts ? load_again(world_) : Result<LoadedPolicies>(std::unexpected(texts.error()));
  const auto lacks = lacks_left(*next, before ? &*before : nullptr, world_);
  const bool waits = before && !lacks.empty();
  Growth growth{.lacks = lacks, .now = parts_.clock.now(), .token_lifetime = token_lifetime_};
  if (waits) growth.waiting = files_;
  warn_of_grown_contracts(*next->snapshot, world_, *next->snapshot, world_, growth, issues);
  if (!waits) {
    // Where what decided last does not fit any more, what the files say has to.
    texts_ = of_files;
    return false;
  }
  TRY(replace(until_then(*next, *before, world_)));
  const auto left = lacks_left(*next, &*before, world_);
  waiting_ = Waiting{of_files, {files_, end_of(left).value_or(*end_of(lacks))}, "files", {}, {}};
  return true;
}

Result<bool> PoliciesInForce::put_due_in_force() {
  const std::lock_guard lock(turn_);
  if (!waiting_ || parts_.clock.earliest() < waiting_->set.until) return false;
  const auto grants = grants_beside(world_).in_force;
  files::Issues issues;
  const auto loaded = load_policies(waiting_->texts, world_, grants, issues, UnknownTemplate::kGrantsNothing);
  if (!loaded) return failure(ErrorCode::kInvalid, render(issues.all().front()));
  // A grant that was given meanwhile may read more.
  const auto before = TRY(load_again(world_));
  if (const auto lacks = lacks_left(*loaded, &before, world_); !lacks.empty()) {
    TRY(replace(until_then(*loaded, before, world_)));
    const auto left = lacks_left(*loaded, &before, world_);
    waiting_->set.until = end_of(left).value_or(*end_of(lacks));
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
