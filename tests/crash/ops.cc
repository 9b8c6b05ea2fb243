#include "ops.h"

#include <algorithm>
#include <fmt/format.h>

#include "store/testing/samples.h"

namespace writ::crash {
namespace {

using audit::Standing;
using inventory::Status;
using store::SqliteStore;
using store::testing::kLater;
using store::testing::make_api;
using store::testing::make_call;
using store::testing::make_identity;
using store::testing::make_task;
using task::CallState;
using task::State;

policy::PolicyTexts texts_of(int number) {
  auto text = std::make_shared<const std::string>(
      fmt::format("permit (principal, action, resource); // {}{}\n", number, std::string(5000, 'x')));
  return {{{policy::TextKind::kPolicies, "policies/all.cedar", "all.cedar", std::move(text)}}};
}

std::string choice_text(const std::optional<policy::RevisionChoice>& choice) {
  return choice ? choice->revision + " instead of " + choice->instead_of : "";
}

std::string key_text(const token::StoredKey& key) {
  return fmt::format("{} {} ", key.kid, token::key_state_name(key.state));
}

}  // namespace

Result<std::unique_ptr<Ground>> Ground::open(const std::filesystem::path& data, bool durable_audit) {
  auto ground = std::make_unique<Ground>();
  ground->durable_audit = durable_audit;
  ground->folder.emplace(TRY(store::DataFolder::open(data)));
  ground->store = TRY(SqliteStore::open(data / store::kDatabaseFile));
  audit::LogOptions options{.durable = durable_audit};
  options.rotate_bytes = 8'000;
  // Whatever is done is done at its time, so that a seed gives the same world again.
  options.tick = options.left_out_every = std::chrono::hours(1);
  options.heads = ground->store.get();
  options.reserve_bytes = 512 << 10;
  options.reserves = {data / "reserve"};
  ground->log = TRY(audit::Log::open(data / "audit.log", std::move(options), kNow));
  ground->proofs =
      TRY(store::ProofJournal::open(data / "proofs", ground->clock, {.places = 16, .max_places = 1 << 12}));
  ground->revisions.emplace(data, kRevisionsKept);
  return ground;
}

// ---- What must be true afterwards.

std::string Ledger::problem_with(Ground& ground) const {
  const auto inventory = ground.store->load_inventory();
  const auto tasks = ground.store->load_tasks();
  const auto calls = ground.store->load_calls();
  const auto revocations = ground.store->load();
  const auto kept_keys = ground.store->load_keys();
  if (!inventory || !tasks || !calls || !revocations || !kept_keys) return "what is stored cannot be loaded";

  for (const auto& [id, status] : stopped) {
    const auto found = std::ranges::find(inventory->stops, id, &inventory::Stop::id);
    if (found == inventory->stops.end() || found->status != status)
      return fmt::format("`{}` is not {} any more", id, inventory::status_name(status));
  }
  std::map<std::string_view, const task::StoredTask*> task_of;
  for (const auto& each : *tasks) task_of[each.task.id] = &each;
  for (const auto& [id, state] : over) {
    if (!task_of.contains(id) || task_of[id]->state != state)
      return fmt::format("task `{}` is not {} any more", id, task::state_name(state));
  }
  for (const auto& [id, amount] : reserved) {
    const auto* task = task_of.contains(id) ? task_of[id] : nullptr;
    if (task == nullptr || task->reserved.empty() || task->reserved.front().amount < amount)
      return fmt::format("of task `{}` less than {} is reserved", id, amount);
  }
  for (const auto& [id, label] : labels) {
    if (!task_of.contains(id) || std::ranges::count(task_of[id]->labels, label) != 1)
      return fmt::format("task `{}` bears no label `{}` any more", id, label);
  }
  for (const auto& id : used_calls) {
    const auto is_it = [&](const task::StoredCall& call) { return call.approval.id == id; };
    const auto found = std::ranges::find_if(*calls, is_it);
    if (found == calls->end() || found->state != CallState::kUsed)
      return fmt::format("approval `{}` is not used any more", id);
  }
  for (const auto& jti : revoked) {
    if (std::ranges::count(*revocations, jti, &token::Revocation::jti) != 1)
      return fmt::format("token `{}` is not revoked any more", jti);
  }
  std::string found_keys;
  for (const auto& key : *kept_keys) found_keys += key_text(key);
  if (!keys.contains(found_keys)) return fmt::format("the signing keys are `{}`", found_keys);
  for (const auto& identifier : used_identifiers) {
    const auto first = ground.store->first_use("client", identifier, kLater, kNow);
    if (!first || *first) return fmt::format("identifier `{}` may be used again", identifier);
  }
  const auto& found = ground.proofs->found();
  for (const auto& digest : proofs) {
    if (std::ranges::find(found, digest, &token::UsedIdentifier::digest) == found.end())
      return "a proof may be used again";
  }
  const auto revisions = ground.revisions->list();
  if (!revisions) return revisions.error().message;
  for (const auto& kept : *revisions) {
    if (const auto texts = ground.revisions->read(kept); !texts) return texts.error().message;
  }
  if (!revision.empty() && std::ranges::count(*revisions, revision, &policy::KeptRevision::revision) == 0)
    return fmt::format("revision `{}` is gone", revision);
  const auto choice = ground.revisions->choice();
  if (!choice) return choice.error().message;
  if (!choices.contains(choice_text(*choice)))
    return fmt::format("the choice among revisions is that of `{}`, not of `{}`", choice_text(*choice),
                       *choices.begin());
  return {};
}

// ---- The operations.

std::string Ops::some(std::string_view what, int among) {
  return fmt::format("{}{}", what, random_() % static_cast<std::uint64_t>(among));
}

// One of the last few.
std::string Ops::of_task() {
  return fmt::format("t{}", std::max<int>(tasks_ - 1 - static_cast<int>(pick(4)), 0));
}
std::string Ops::of_call() {
  return fmt::format("a-{}", std::max<int>(calls_ - 1 - static_cast<int>(pick(3)), 0));
}

Op Ops::any() {
  auto op = [&] {
    switch (pick(8)) {
      case 0:
      case 1:
        return of_identities();
      case 2:
      case 3:
        return of_tasks();
      case 4:
        return of_calls();
      case 5:
        return of_tokens();
      case 6:
        return of_keys();
      default:
        return of_files();
    }
  }();
  return op;
}

Op Ops::of_identities() {
  const auto id = some("agent-", 6);
  const auto stop = [&](std::string_view kind, Status status) {
    return Op{.kind = kind,
              .standing = Standing::kStop,
              .store =
                  [=](SqliteStore& s) {
                    return s.save_inventory({{}, {}, {{id, status}}});
                  },
              .done = [=](Ledger& ledger) { ledger.stopped[id] = status; },
              // Whether it is the one or the other, it is one of them.
              .doubt = [=](Ledger& ledger) { ledger.stopped.erase(id); }};
  };
  switch (pick(8)) {
    case 0:
      return {.kind = "an identity", .store = [identity = make_identity(id)](SqliteStore& s) {
                return s.save_inventory({{identity}, {}});
              }};
    case 1:
      return {.kind = "an API", .store = [api = make_api(id)](SqliteStore& s) {
                return s.save_inventory({{}, {api}});
              }};
    case 2: {
      // Of who is retired nothing is lifted.
      const auto lifted = [=](Ledger& ledger) {
        if (const auto found = ledger.stopped.find(id);
            found != ledger.stopped.end() && found->second != Status::kRetired)
          ledger.stopped.erase(found);
      };
      return {.kind = "a stop that is lifted",
              .store =
                  [=](SqliteStore& s) {
                    return s.save_inventory({{}, {}, {{id, Status::kActive}}});
                  },
              .done = lifted,
              .doubt = lifted};
    }
    case 3:
      // Some only, so that others are suspended.
      if (id < "agent-2") return stop("an identity that is retired", Status::kRetired);
      [[fallthrough]];
    default: {
      auto suspended = stop("an identity that is suspended", Status::kSuspended);
      // What the Directory sees to: who is retired stays so.
      if (id < "agent-2") suspended = stop("an identity that is retired", Status::kRetired);
      return suspended;
    }
  }
}

Op Ops::task_state(std::string_view kind, State state) {
  const auto id = of_task();
  Op op{.kind = kind, .store = [=](SqliteStore& s) { return s.save_state(id, state); }};
  if (!task::is_final(state)) return op;
  op.standing = Standing::kStop;
  op.done = [=](Ledger& ledger) { ledger.over[id] = state; };
  return op;
}

Op Ops::of_tasks() {
  const auto id = of_task();
  switch (pick(13)) {
    case 0:
    case 1:
    case 2:
      return {.kind = "a task", .store = [task = make_task(fmt::format("t{}", tasks_++))](SqliteStore& s) {
                return s.save_task(task, State::kActive);
              }};
    case 3: {
      auto requested = make_task(fmt::format("t{}", tasks_++));
      requested.approvals = {1, requested.expires_at, {}};
      return {.kind = "a task that is requested",
              .store = [requested](SqliteStore& s) { return s.save_task(requested, State::kRequested); }};
    }
    case 4:
      return {.kind = "a task that is approved", .store = [task = make_task(id)](SqliteStore& s) {
                return s.save_approved(task, State::kActive);
              }};
    case 5:
      return {.kind = "a task that is narrowed",
              .store = [task = make_task(id, 10)](SqliteStore& s) { return s.save_narrowed(task); }};
    case 6:
      return {.kind = "labels",
              .store =
                  [=](SqliteStore& s) {
                    return s.save_labels(id, {"read:confidential", "a"});
                  },
              .done =
                  [=](Ledger& ledger) {
                    ledger.labels.insert({{id, "a"}, {id, "read:confidential"}});
                  }};
    case 7:
    case 8: {
      const auto amount = amount_ += 8;
      return {.kind = "a reservation",
              .store =
                  [=](SqliteStore& s) {
                    return s.reserve({id, "", amount});
                  },
              .done = [=](Ledger& ledger) { ledger.reserved[id] = amount; }};
    }
    case 9:
      return {.kind = "what was not used of it",
              .store =
                  [=, amount = amount_](SqliteStore& s) {
                    return s.settle({id, "", amount / 2});
                  },
              .done = [=](Ledger& ledger) { ledger.reserved.erase(id); },
              .doubt = [=](Ledger& ledger) { ledger.reserved.erase(id); }};
    case 10:
      return pick(2) == 0 ? task_state("a task that is suspended", State::kSuspended)
                          : task_state("a task that is resumed", State::kActive);
    case 11:
      return pick(2) == 0 ? task_state("a task that is ended", State::kEnded)
                          : task_state("a task that is revoked", State::kRevoked);
    default: {
      // An old one.
      const auto old = fmt::format("t{}", std::max(tasks_ - 6, 0));
      const auto forgotten = [=](Ledger& ledger) {
        ledger.over.erase(old);
        ledger.reserved.erase(old);
        std::erase_if(ledger.labels, [&](const auto& label) { return label.first == old; });
      };
      return {.kind = "tasks that are forgotten",
              .store = [=](SqliteStore& s) { return s.forget_tasks(std::vector<std::string>{old}); },
              .done = forgotten,
              .doubt = forgotten};
    }
  }
}

Op Ops::call_state(std::string_view kind, CallState state) {
  auto call = make_call(of_call());
  call.decided_by = "niklas";
  return {.kind = kind, .store = [=](SqliteStore& s) { return s.save_call_state(call, state); }};
}

// As a request has it written: a budget, a label, and the use of an approval, of several in one step.
Op Ops::several() {
  const auto task = of_task(), call = of_call();
  const auto amount = amount_ += 8;
  const auto write = [=](SqliteStore& s) -> Result<void> {
    task::Write one, other;
    one.reservations = {{task, "", amount}};
    one.labels = {{task, {"b"}}};
    other.call.emplace(make_call(call), CallState::kUsed);
    const std::vector<const task::Write*> both{&one, &other};
    auto results = s.write(both);
    return results[0] ? results[1] : results[0];
  };
  // Refused may be one of them, or both.
  return {.kind = "a request's budget, label and approval", .store = write, .done = [=](Ledger& ledger) {
            ledger.reserved[task] = amount;
            ledger.labels.insert({task, "b"});
            ledger.used_calls.insert(call);
          }};
}

Op Ops::of_calls() {
  switch (pick(8)) {
    case 0:
    case 1:
      return {.kind = "a call that waits",
              .store = [call = make_call(fmt::format("a-{}", calls_++))](SqliteStore& s) {
                return s.save_call(call);
              }};
    case 2:
    case 3:
      return call_state("a call that is approved", CallState::kApproved);
    case 4:
      return call_state("a call that is denied", CallState::kDenied);
    case 5: {
      auto use = call_state("a call that is used", CallState::kUsed);
      return use;
    }
    case 6:
      return several();
    default: {
      const auto forgotten = [=](Ledger& ledger) { ledger.used_calls.clear(); };
      if (pick(4) != 0) return several();
      return {.kind = "calls that are forgotten",
              .store = [](SqliteStore& s) { return s.forget_calls(kLater + std::chrono::hours(2)); },
              .done = forgotten,
              .doubt = forgotten};
    }
  }
}

Op Ops::of_tokens() {
  const auto jti = some("jti-", 40);
  switch (pick(6)) {
    case 0:
    case 1:
    case 2:
      return {.kind = "a token that is revoked",
              .standing = Standing::kStop,
              .store =
                  [=](SqliteStore& s) {
                    return s.save({jti, kLater});
                  },
              .done = [=](Ledger& ledger) { ledger.revoked.insert(jti); }};
    case 3: {
      if (pick(4) != 0) break;
      const auto forgotten = [](Ledger& ledger) { ledger.revoked.clear(); };
      return {.kind = "revocations that are forgotten",
              .store = [](SqliteStore& s) { return s.forget_revocations(kLater); },
              .done = forgotten,
              .doubt = forgotten};
    }
    default:
      break;
  }
  return {.kind = "an identifier that is used",
          .store = [=](SqliteStore& s) -> Result<void> {
            if (TRY(s.first_use("client", jti, kLater, kNow))) return {};
            return failure(ErrorCode::kConflict, "used before");
          },
          .done = [=](Ledger& ledger) { ledger.used_identifiers.insert(jti); }};
}

// A rotation, step by step: each is all of the keys at once.
Op Ops::of_keys() {
  if (pick(3) == 0) {
    using token::KeyState;
    std::string_view kind;
    const auto has = [&](KeyState state) {
      return std::ranges::find(own_keys_, state, &token::StoredKey::state);
    };
    if (const auto next = has(KeyState::kPublished); next != own_keys_.end()) {
      kind = "a key that signs from now on";
      for (auto& key : own_keys_)
        if (key.state == KeyState::kSigning) key.state = KeyState::kRetired;
      next->state = KeyState::kSigning;
    } else if (own_keys_.size() > 1) {
      kind = "a key that is removed";
      own_keys_.pop_back();
    } else {
      kind = own_keys_.empty() ? "a first key" : "a key that is published ahead";
      const auto state = own_keys_.empty() ? KeyState::kSigning : KeyState::kPublished;
      own_keys_.insert(own_keys_.begin(),
                       {fmt::format("k{}", keys_++), std::string(90, 'x'), state, kNow, kLater});
    }
    std::string text;
    for (const auto& key : own_keys_) text += key_text(key);
    return {.kind = kind,
            .store = [keys = own_keys_](SqliteStore& s) { return s.save_keys(keys); },
            .done = [=](Ledger& ledger) { ledger.keys = {text}; },
            .doubt = [=](Ledger& ledger) { ledger.keys.insert(text); }};
  }
  if (pick(2) == 0)
    return {.kind = "the audit's head", .elsewhere = [](Ground& ground) -> Result<void> {
              // Of a log that is not durable the keeper of heads notes what it has synced, at the end.
              return ground.durable_audit ? ground.store->save_head(ground.log->head()) : Result<void>();
            }};
  return {.kind = "a checkpoint", .elsewhere = [](Ground& ground) -> Result<void> {
            return TRY(store::Database::open(ground.folder->path() / store::kDatabaseFile))
                .execute("PRAGMA wal_checkpoint(TRUNCATE)");
          }};
}

Op Ops::of_files() {
  switch (pick(6)) {
    case 0:
    case 1: {
      const auto texts = texts_of(revisions_);
      const auto revision = policy::revision_of(texts);
      const auto now = kNow + std::chrono::seconds(revisions_++);
      return {.kind = "a revision of the policies",
              .elsewhere = [=](Ground& ground) { return ground.revisions->keep(texts, revision, now); },
              .done = [=](Ledger& ledger) { ledger.revision = revision; },
              // It may have pushed the one before out.
              .doubt = [](Ledger& ledger) { ledger.revision.clear(); }};
    }
    case 2: {
      const auto chosen =
          policy::RevisionChoice{policy::revision_of(texts_of(static_cast<int>(pick(9)))), "another"};
      const auto text = choice_text(chosen);
      return {.kind = "a choice among revisions",
              .elsewhere = [=](Ground& ground) { return ground.revisions->choose(chosen); },
              .done = [=](Ledger& ledger) { ledger.choices = {text}; },
              .doubt = [=](Ledger& ledger) { ledger.choices.insert(text); }};
    }
    case 3:
      return {.kind = "a choice that is taken back",
              .elsewhere = [](Ground& ground) { return ground.revisions->clear_choice(); },
              .done = [](Ledger& ledger) { ledger.choices = {""}; },
              .doubt = [](Ledger& ledger) { ledger.choices.insert(""); }};
    default: {
      token::UsedIdentifier used{{}, kNow + std::chrono::minutes(1)};
      const auto number = ++proofs_;
      used.digest[0] = static_cast<std::uint8_t>(number);
      used.digest[1] = static_cast<std::uint8_t>(number >> 8);
      return {.kind = "a proof that is used",
              .elsewhere =
                  [=](Ground& ground) {
                    ground.proofs->note(used);
                    return ground.proofs->wait();
                  },
              .done = [=](Ledger& ledger) { ledger.proofs.push_back(used.digest); }};
    }
  }
}

}  // namespace writ::crash
