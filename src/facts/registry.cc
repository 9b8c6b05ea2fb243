#include "facts/registry.h"

#include <fmt/format.h>

#include "cedar/conform.h"

namespace writ::facts {
namespace {

using cedar::EntityDraft;
using cedar::EntityRef;

constexpr std::size_t kMaxDepth = 16;        // of entities below each other, when one is pushed
constexpr std::size_t kMaxAncestors = 1024;  // that are looked at

std::unexpected<Error> conflict(std::string message) {
  return failure(ErrorCode::kConflict, std::move(message));
}

// Up from the parents of an entity: it must not come back to itself, nor go on without an end.
Result<void> check_parents(const EntityDraft& entity, const cedar::EntitySource& others) {
  cedar::Arena arena;
  std::vector<std::pair<EntityRef, std::size_t>> open;
  for (const EntityRef parent : entity.parents) open.emplace_back(parent, 1);
  for (std::size_t seen = 0; !open.empty(); ++seen) {
    const auto [uid, depth] = open.back();
    open.pop_back();
    if (uid == entity.uid) return conflict("it would be its own ancestor");
    if (depth > kMaxDepth || seen > kMaxAncestors)
      return failure(
          ErrorCode::kLimit,
          fmt::format("entities stand at most {} deep below each other, and below at most {} others",
                      kMaxDepth, kMaxAncestors));
    const cedar::Entity* known = others.fetch(uid, arena);
    if (known == nullptr) continue;
    for (const EntityRef parent : known->parents) open.emplace_back(parent, depth + 1);
  }
  return {};
}

}  // namespace

Result<void> EntityRegistry::check_fit(const EntityDraft& entity, const Rules& rules,
                                       const cedar::EntitySource& others) const {
  if (rules.schema == nullptr)
    return conflict("entities are held against a schema, and `policies.schemas` names none");
  TRY(cedar::check_entity(*rules.schema, entity));
  if (rules.entities != nullptr) {
    if (const auto* in_file = rules.entities->find(entity.uid)) {
      for (const auto& field : entity.attributes) {
        if (in_file->attributes->find(field.name) != nullptr)
          return conflict(fmt::format(
              "the entities file has its attribute `{}` already: a fact has one source", field.name->view()));
      }
      return conflict("the entities file has it already: an entity has one source");
    }
    if (!entity.parents.empty() && rules.entities->is_an_ancestor(entity.uid))
      return conflict("entities of the file stand below it, so it cannot have parents of its own");
  }
  for (const auto& field : entity.attributes) {
    const auto told = rules.told.find({std::string(entity.uid.type()), std::string(field.name->view())});
    if (told != rules.told.end())
      return conflict(fmt::format("{} tells its attribute `{}`: a fact has one source", told->second,
                                  field.name->view()));
  }
  return check_parents(entity, others);
}

Result<void> EntityRegistry::check_all(const PushedEntities& entities, const Rules& rules) const {
  return entities.for_each([&](const cedar::Entity& entity) -> Result<void> {
    const EntityDraft draft{entity.uid, *entity.attributes, entity.parents, *entity.tags};
    auto fits = check_fit(draft, rules, entities);
    if (fits) return {};
    auto why = std::move(fits).error().in(fmt::format("the pushed entity `{}`", entity.uid.to_string()));
    // It is not the entity that is wrong.
    why.code = ErrorCode::kConflict;
    return std::unexpected(std::move(why));
  });
}

Result<void> EntityRegistry::load(Rules rules) {
  const std::lock_guard turn(turn_);
  PushedEntities::Edit edit(*now_, names_);
  cedar::Arena arena;
  const auto add = [&](std::string_view record) -> Result<void> {
    arena.reset();
    edit.put(TRY(entity_from_record(arena, record)).draft());
    return {};
  };
  TRY(store_.load_entities(add));
  auto loaded = std::move(edit).finish();
  TRY(check_all(*loaded, rules));
  rules_ = std::move(rules);
  put_in_force(std::move(loaded));
  return {};
}

Result<void> EntityRegistry::under(Rules rules, const std::function<Result<void>()>& take_over) {
  const std::lock_guard turn(turn_);
  TRY(check_all(*now_, rules));
  TRY(take_over());
  rules_ = std::move(rules);
  return {};
}

Result<EntityRegistry::Snapshot> EntityRegistry::changed(std::span<const EntityChange> changes,
                                                         std::vector<StoredEntity>* stored) const {
  if (rules_.schema == nullptr)
    return conflict("entities are held against a schema, and `policies.schemas` names none");
  PushedEntities::Edit edit(*now_, names_);
  cedar::Arena arena;
  for (const EntityChange& change : changes) {
    arena.reset();
    const auto uid = arena.entity(change.name.type, change.name.id);
    if (!change.entity) {
      if (!edit.erase(uid))
        return failure(ErrorCode::kNotFound, fmt::format("there is no entity `{}`", uid.to_string()));
      if (stored != nullptr) stored->push_back({change.name, {}});
      continue;
    }
    const auto at = [&](Error error) {
      return std::unexpected(std::move(error).in(fmt::format("entity `{}`", uid.to_string())));
    };
    auto entity = entity_from_json(arena, *change.entity, *rules_.schema);
    if (!entity) return at(std::move(entity).error());
    if (auto fits = check_fit(entity->draft(), rules_, edit.now()); !fits) return at(std::move(fits).error());
    auto record = to_json(entity->draft()).dump();
    if (record.size() > kMaxEntityBytes)
      return at({ErrorCode::kLimit, fmt::format("it has more than {} bytes as JSON", kMaxEntityBytes)});
    edit.put(entity->draft());
    if (edit.now().size() > options_.max_entities)
      return failure(ErrorCode::kLimit,
                     fmt::format("there are {} entities, as many as `limits.max_entities` allows",
                                 options_.max_entities));
    if (stored != nullptr) stored->push_back({change.name, std::move(record)});
  }
  return std::move(edit).finish();
}

Result<void> EntityRegistry::check(std::span<const EntityChange> changes) const {
  const std::lock_guard turn(turn_);
  TRY(changed(changes, nullptr));
  return {};
}

Result<std::size_t> EntityRegistry::apply(std::span<const EntityChange> changes) {
  const std::lock_guard turn(turn_);
  std::vector<StoredEntity> stored;
  stored.reserve(changes.size());
  auto next = TRY(changed(changes, &stored));
  TRY(store_.save_entities(stored));
  put_in_force(std::move(next));
  return stored.size();
}

void EntityRegistry::put_in_force(Snapshot next) {
  now_ = std::move(next);
  publish_(now_);
  // Only then, since it takes a while; and of a set that grows again and again, each time for a few more.
  if (now_->packed_bytes() < next_huge_) return;
  now_->ask_for_huge_pages();
  next_huge_ = now_->packed_bytes() + now_->packed_bytes() / 64;
}

EntityRegistry::Snapshot EntityRegistry::snapshot() const {
  const std::lock_guard turn(turn_);
  return now_;
}

std::optional<codec::Json> EntityRegistry::find(const EntityKey& name) const {
  const auto now = snapshot();
  cedar::Arena arena;
  const auto* found = now->fetch(arena.entity(name.type, name.id), arena);
  return found != nullptr ? std::optional(to_json(*found)) : std::nullopt;
}

}  // namespace writ::facts
