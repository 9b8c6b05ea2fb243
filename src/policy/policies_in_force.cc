#include "policy/policies_in_force.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "policy/grants.h"
#include "policy/reload.h"

namespace writ::policy {

PoliciesInForce::PoliciesInForce(Parts parts, Loaded loaded)
    : parts_(std::move(parts)),
      config_file_(loaded.config.file),
      token_lifetime_(loaded.config.token_lifetime),
      config_(std::make_shared<const config::Config>(std::move(loaded.config))),
      world_(std::move(loaded.world)),
      texts_(std::move(loaded.texts)),
      at_start_(config_->root),
      in_force_(config_->root),
      revisions_(config_->data, config_->policies.keep),
      files_(loaded.policies.snapshot->revision),
      minted_(token_lifetime_) {}

Result<void> PoliciesInForce::start(const PolicyTexts& of_files, files::Issues& issues) {
  const std::lock_guard lock(turn_);
  TRY(resume_minting());
  const auto choice = TRY(revisions_.choice());
  if (choice && choice->instead_of == files_) {
    auto taken = chosen(*choice, world_);
    if (!taken)
      return std::unexpected(std::move(taken.error())
                                 .in(fmt::format("policies {} were chosen instead of those in the files, and "
                                                 "cannot be used",
                                                 choice->revision)));
    return replace(*std::move(taken));
  }
  // The files are others now.
  if (choice) TRY(revisions_.clear_choice());
  if (TRY(wait_from_start(of_files, issues))) return {};
  TRY(revisions_.keep(of_files, files_, parts_.clock.earliest()));
  return replace(get());
}

Result<void> PoliciesInForce::replace(Snapshot snapshot) {
  const auto& next = *snapshot;
  return minting(next, world_, [&]() -> Result<void> {
    parts_.current.replace(std::move(snapshot));
    return {};
  });
}

PoliciesInForce::Grants PoliciesInForce::grants_beside(const config::World& world,
                                                       const inventory::GrantRecord* said) const {
  inventory::Grants all;
  std::map<std::string_view, files::Place> places;
  for (const auto& [place, grant] : world.grants) {
    all[grant.id].declared = grant;
    places.emplace(grant.id, place);
  }
  bool others = said != nullptr;
  const auto inventory = parts_.directory.snapshot();
  for (const auto& [id, state] : inventory->grants()) {
    if (state.said.empty()) continue;
    all[id].said = state.said;
    others = true;
  }
  if (said != nullptr) all[said->id].said = *said;
  std::vector<config::DeclaredGrant> linked;
  for (const auto& [id, state] : all) {
    const auto place = places.find(id);
    if (auto grant = state.in_force())
      linked.push_back({place != places.end() ? place->second : files::Place{}, *std::move(grant)});
  }
  return {std::move(linked), !others};
}

Result<PoliciesInForce::Snapshot> PoliciesInForce::linked(const inventory::GrantRecord& said) const {
  const auto beside = grants_beside(world_, &said);
  files::Issues issues;
  auto loaded = load_policies(texts_, world_, beside.in_force, issues, UnknownTemplate::kGrantsNothing);
  if (!loaded) return failure(ErrorCode::kInvalid, render(issues.all().front()));
  const auto& grants = loaded->snapshot->grants;
  const bool is_linked = grants != nullptr && grants->contains(said.id);
  if (!said.given || is_linked) return minting_ahead(*loaded, world_, beside);
  for (const auto& issue : issues.all())
    if (issue.message.starts_with(fmt::format("grant `{}`", said.id)))
      return failure(ErrorCode::kInvalid, issue.message);
  return failure(ErrorCode::kInvalid, fmt::format("grant `{}` cannot be linked", said.id));
}

Result<void> PoliciesInForce::link_grants() {
  const std::lock_guard lock(turn_);
  const auto grants = grants_beside(world_);
  if (grants.as_declared) return {};
  files::Issues issues;
  auto loaded = load_policies(texts_, world_, grants.in_force, issues, UnknownTemplate::kGrantsNothing);
  if (!loaded) return failure(ErrorCode::kInvalid, render(issues.all().front()));
  auto snapshot = TRY(minting_ahead(*loaded, world_, grants));
  return replace(std::move(snapshot));
}

Result<void> PoliciesInForce::check(const inventory::GrantRecord& record) {
  const std::lock_guard lock(turn_);
  TRY(linked(record));
  return {};
}

Result<void> PoliciesInForce::change(const inventory::GrantRecord& record) {
  const std::lock_guard lock(turn_);
  auto snapshot = TRY(linked(record));
  const auto& next = *snapshot;
  return beside_entities(next, world_, [&] {
    return minting(next, world_, [&] {
      return parts_.directory.change_grants({record}, [&](const std::function<void()>& publish) {
        const enforce::Current::Change together(parts_.current);
        publish();
        parts_.current.replace(std::move(snapshot));
      });
    });
  });
}

Result<PoliciesInForce::Snapshot> PoliciesInForce::chosen(const RevisionChoice& choice,
                                                          const config::World& world,
                                                          files::Issues* warnings) {
  const auto kept = TRY(revisions_.find(choice.revision));
  auto texts = TRY(revisions_.read(kept));
  files::Issues issues;
  const auto grants = grants_beside(world).in_force;
  auto loaded = load_policies(texts, world, grants, issues, UnknownTemplate::kGrantsNothing);
  if (!loaded) return failure(ErrorCode::kInvalid, render(issues.all().front()));
  TRY(revisions_.keep(texts, choice.revision, parts_.clock.earliest()));
  if (warnings != nullptr) warn_of_growth(*loaded, world, *warnings);
  texts_ = std::move(texts);
  return std::move(loaded->snapshot);
}

Result<Replacement> PoliciesInForce::reload(const ReplacedBy& by) {
  const std::lock_guard lock(turn_);
  Replacement result{.revision = get()->revision};
  auto loaded = load(config_file_, result.issues);
  refused_.store(!loaded, std::memory_order_relaxed);
  if (!loaded) return result;
  warn_of_restart(*at_start_, *loaded->config.root, config_file_, result.issues);
  const auto choice = TRY(revisions_.choice());
  std::optional<LoadedPolicies> with_grants;
  const auto grants = grants_beside(loaded->world);
  if (!grants.as_declared) {
    with_grants = load_policies(loaded->texts, loaded->world, grants.in_force, result.issues,
                                UnknownTemplate::kGrantsNothing);
    refused_.store(!with_grants, std::memory_order_relaxed);
    if (!with_grants) return result;
  }
  const LoadedPolicies& next = with_grants ? *with_grants : loaded->policies;
  warn_of_lapsed(grants.in_force, parts_.clock.now(), result.issues);
  result.held = choice && choice->instead_of == next.snapshot->revision;
  if (result.held) {
    // Again, beside the routes of now.
    const auto again = TRY(chosen(*choice, loaded->world, &result.issues));
    const auto change = [&] { return take_over(*loaded, again, by, result); };
    TRY(beside_entities(*again, loaded->world, change));
    files_ = next.snapshot->revision;
    return result;
  }
  const auto lacks = lacks_of_new(next, loaded->world);
  const auto put = [&]() -> Result<void> {
    if (!lacks.empty() && !by.at_once) return wait(*loaded, next, lacks, by, result);
    warn_of_growth(next, loaded->world, result.issues);
    return beside_entities(*next.snapshot, loaded->world, [&] {
      return put_in_force(loaded->texts, next.snapshot, std::nullopt, by, result, &*loaded);
    });
  };
  auto done = put();
  const bool refused = !done || result.issues.has_errors();
  refused_.store(refused, std::memory_order_relaxed);
  if (!done) return std::unexpected(std::move(done).error());
  if (!refused) files_ = next.snapshot->revision;
  return result;
}

Result<void> PoliciesInForce::take_over(Loaded& loaded, Snapshot snapshot, const ReplacedBy& by,
                                        Replacement& result) {
  auto sources = parts_.sources_of ? TRY(parts_.sources_of(loaded.world)) : nullptr;
  const auto changed = reloaded_keys(*in_force_, *loaded.config.root);
  if (!changed.empty()) {
    const auto keys = fmt::format("{}", fmt::join(changed, ", "));
    const audit::Event replaced{.type = "configuration.replaced",
                                .actor = by.actor,
                                .object = by.cause,
                                .detail = keys,
                                .request_id = by.request_id};
    TRY(parts_.record(audit::make_record(parts_.clock.earliest(), replaced)));
  }
  const auto& next = *snapshot;
  TRY(minting(next, loaded.world, [&] {
    return parts_.directory.declare(loaded.world.declared, [&](const std::function<void()>& publish) {
      const enforce::Current::Change together(parts_.current);
      publish();
      if (const auto before = parts_.current.get()->routes) loaded.routes->take_over_upstreams(*before);
      parts_.current.replace(loaded.routes);
      parts_.current.replace(std::move(snapshot));
      parts_.current.replace(std::move(sources));
    });
  }));
  parts_.taken_over(loaded);
  in_force_ = loaded.config.root;
  config_ = std::make_shared<const config::Config>(std::move(loaded.config));
  world_ = std::move(loaded.world);
  result.changed = !changed.empty();
  return {};
}

Result<Replacement> PoliciesInForce::roll_back(std::string_view revision, const ReplacedBy& by) {
  const std::lock_guard lock(turn_);
  Replacement result{.revision = get()->revision};
  const auto kept = TRY(revisions_.find(revision));
  const auto texts = TRY(revisions_.read(kept));
  const auto grants = grants_beside(world_).in_force;
  auto loaded = load_policies(texts, world_, grants, result.issues, UnknownTemplate::kGrantsNothing);
  if (!loaded) return result;
  warn_of_growth(*loaded, world_, result.issues);
  const auto files = revision_of_files();
  std::optional<RevisionChoice> choice;
  if (kept.revision != files) choice = {kept.revision, files};
  const auto change = [&] { return put_in_force(texts, loaded->snapshot, choice, by, result); };
  TRY(beside_entities(*loaded->snapshot, world_, change));
  return result;
}

Result<void> PoliciesInForce::beside_entities(const decision::PolicySnapshot& policies,
                                              const config::World& world,
                                              const std::function<Result<void>()>& change) const {
  return parts_.beside_entities ? parts_.beside_entities(policies, world, change) : change();
}

Result<void> PoliciesInForce::put_in_force(const PolicyTexts& texts, Snapshot snapshot,
                                           const std::optional<RevisionChoice>& choice, const ReplacedBy& by,
                                           Replacement& result, Loaded* rest) {
  const auto revision = snapshot->revision;
  const bool changes = revision != result.revision;
  if (changes) {
    TRY(revisions_.keep(texts, revision, parts_.clock.earliest()));
    const audit::Event replaced{.type = "policies.replaced",
                                .actor = by.actor,
                                .object = by.cause,
                                .detail = revision,
                                .request_id = by.request_id};
    TRY(parts_.record(audit::make_record(parts_.clock.earliest(), replaced)));
  }
  // Also the same policies may know other types of resources now.
  if (rest != nullptr) {
    // A choice that stays behind was made instead of other files, and means nothing any more.
    TRY(take_over(*rest, std::move(snapshot), by, result));
    TRY(revisions_.clear_choice());
  } else {
    TRY(choice ? revisions_.choose(*choice) : revisions_.clear_choice());
    TRY(replace(std::move(snapshot)));
  }
  waiting_.reset();
  texts_ = texts;
  result.changed = result.changed || changes;
  result.revision = revision;
  return {};
}

Result<Loaded> PoliciesInForce::in_force() const {
  std::unique_lock lock(turn_);
  const auto config = config_;
  auto world = world_;
  world.grants = grants_beside(world_).in_force;
  auto texts = texts_;
  auto routes = parts_.current.get()->routes;
  // Reports take their time, and reloads do not wait for them.
  lock.unlock();
  files::Issues issues;
  auto policies = load_policies(texts, world, issues, UnknownTemplate::kGrantsNothing);
  if (!policies) return failure(ErrorCode::kInvalid, render(issues.all().front()));
  return Loaded{*config, std::move(world), std::move(texts), *std::move(policies), std::move(routes)};
}

// As they are on disk now, whether or not they would be taken.
std::string PoliciesInForce::revision_of_files() const {
  files::Issues issues;
  const auto config = config::read_config(config_file_, issues);
  if (!config) return files_;
  const auto texts = read_policy_texts(*config, issues);
  return issues.has_errors() ? files_ : revision_of(texts);
}

Result<PoliciesInForce::State> PoliciesInForce::state() const {
  const std::lock_guard lock(turn_);
  const auto choice = TRY(revisions_.choice());
  State state{get()->revision, choice ? std::optional(choice->instead_of) : std::nullopt,
              TRY(revisions_.list())};
  if (waiting_) state.waiting = waiting_->set;
  return state;
}

Result<control::RevisionTexts> PoliciesInForce::read(std::string_view revision) const {
  const std::lock_guard lock(turn_);
  const auto kept = TRY(revisions_.find(revision));
  const auto texts = TRY(revisions_.read(kept));
  control::RevisionTexts read{kept, texts.max_chain, {}};
  for (const auto& file : texts.files) read.files.push_back({kind_name(file.kind), file.path, file.text});
  return read;
}

}  // namespace writ::policy
