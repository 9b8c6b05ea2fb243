#include "access/entity_digests.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::access {
namespace {

using cedar::EntityRef;
using cedar::Kind;
using cedar::Value;

void collect(Value value, std::vector<EntityRef>& found) {
  switch (value.kind()) {
    case Kind::kEntity:
      found.push_back(value.as_entity());
      return;
    case Kind::kSet:
      for (const Value each : value.as_set()) collect(each, found);
      return;
    case Kind::kRecord:
      for (const auto& field : value.as_record()) collect(field.value, found);
      return;
    default:
      return;
  }
}

std::string text_of(const cedar::Entity& entity, const cedar::Entities& entities) {
  std::string text;
  put_part(text, entity.uid.to_string());
  // What others stand below cannot be laid over with other parents.
  put_part(text, entities.is_an_ancestor(entity.uid) ? "above" : "");
  put_part(text, Value::record(entity.attributes).to_string());
  put_part(text, Value::record(entity.tags).to_string());
  std::vector<std::string> parents;
  for (const EntityRef parent : entity.parents) parents.push_back(parent.to_string());
  std::ranges::sort(parents);
  for (const std::string& parent : parents) put_part(text, parent);
  return text;
}

}  // namespace

void put_part(std::string& out, std::string_view text) {
  out += fmt::format("{}:", text.size());
  out += text;
}

void put_part(std::string& out, const crypto::Digest& digest) {
  out += crypto::as_bytes(digest);
}

std::vector<EntityRef> EntityDigests::entities_in(Value value) {
  std::vector<EntityRef> found;
  collect(value, found);
  return found;
}

const EntityDigests::Own& EntityDigests::own(EntityRef uid) {
  const auto [found, is_new] = own_.try_emplace(uid.to_string());
  if (!is_new) return found->second;
  Own& own = found->second;
  const cedar::Entity* entity = entities_.find(uid);
  if (entity == nullptr && pushed_ != nullptr) entity = pushed_->fetch(uid, arena_);
  if (entity == nullptr) {
    own.digest =
        crypto::sha256((entities_.is_an_ancestor(uid) ? "absent, above others " : "absent ") + found->first);
    return own;
  }
  own.digest = crypto::sha256(text_of(*entity, entities_));
  for (const auto* record : {entity->attributes, entity->tags}) collect(Value::record(record), own.next);
  own.next.insert(own.next.end(), entity->parents.begin(), entity->parents.end());
  return own;
}

const crypto::Digest& EntityDigests::of_all() {
  if (all_) return *all_;
  std::vector<std::string> texts;
  texts.reserve(entities_.size());
  for (const cedar::Entity& entity : entities_.all()) texts.push_back(text_of(entity, entities_));
  std::ranges::sort(texts);
  std::string whole;
  for (const std::string& text : texts) put_part(whole, text);
  return all_.emplace(crypto::sha256(whole));
}

const crypto::Digest& EntityDigests::from(EntityRef uid) {
  std::string name = uid.to_string();
  if (const auto found = from_.find(name); found != from_.end()) return found->second;
  std::unordered_set<std::string> seen{name};
  std::vector<EntityRef> ahead{uid};
  std::vector<crypto::Digest> digests;
  bool too_many = false;
  while (!ahead.empty() && !too_many) {
    const Own& read = own(ahead.back());
    ahead.pop_back();
    digests.push_back(read.digest);
    for (const EntityRef next : read.next) {
      if (seen.insert(next.to_string()).second) ahead.push_back(next);
    }
    too_many = pushed_ == nullptr && seen.size() > kMostFollowed;
  }
  std::string whole;
  put_part(whole, name);
  if (too_many) {
    put_part(whole, of_all());
  } else {
    std::ranges::sort(digests);
    for (const auto& digest : digests) put_part(whole, digest);
  }
  return from_.emplace(std::move(name), crypto::sha256(whole)).first->second;
}

}  // namespace writ::access
