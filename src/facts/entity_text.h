// An entity that is pushed, as JSON: Cedar's format of one entity, read with the schema's help.
//
//   {"uid": {"type": "Billing::Order", "id": "o-17"}, "attrs": {"customer": "cus-1"}, "parents": []}
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cedar/entities.h"
#include "cedar/entity_json.h"
#include "cedar/schema.h"
#include "codec/json.h"

namespace writ::facts {

inline constexpr std::size_t kMaxEntityBytes = 8 * 1024;  // as JSON
inline constexpr std::size_t kMaxEntityIdBytes = 512;
inline constexpr std::size_t kMaxParents = 64;

struct EntityKey {
  std::string type, id;
  friend auto operator<=>(const EntityKey&, const EntityKey&) = default;
};

// The member `uid`: with or without its escape.
Result<EntityKey> name_from_json(const codec::Json& json);
// Fails with kInvalid where type or id cannot be an entity's.
Result<void> check_name(const EntityKey& name);

// What is read lives in `arena`. Whatever does not conform to the schema is refused, with the attribute.
struct ReadEntity {
  cedar::EntityRef uid;
  const cedar::RecordNode* attributes;
  const cedar::RecordNode* tags;
  std::vector<cedar::EntityRef> parents;
  cedar::EntityDraft draft() const noexcept { return {uid, *attributes, parents, *tags}; }
};
Result<ReadEntity> entity_from_json(cedar::Arena& arena, const codec::Json& json,
                                    const cedar::Schema& schema);
// The same of what Writ kept, without a schema.
Result<ReadEntity> entity_from_record(cedar::Arena& arena, std::string_view record);

// With all escapes, so that it is read again without a schema.
codec::Json to_json(const cedar::Entity& entity);
codec::Json to_json(const cedar::EntityDraft& entity);

// What a change of some attributes makes of an entity: those that are null are taken away (RFC 7396, of one
// level); `parents` and `tags` are replaced.
codec::Json patched(const codec::Json& entity, const codec::Json& patch);

}  // namespace writ::facts
