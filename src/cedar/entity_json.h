// Entities and context from Cedar's JSON format (docs: "Entities JSON format"), without a schema; and the
// hooks by which a schema directs the reading.
//
// An attribute is JSON, where `{"__entity": {"type": .., "id": ..}}` is an entity reference and
// `{"__extn": {"fn": .., "arg": ..}}` a call of an extension function. Escapes stand alone in their object;
// an object that only resembles one is a record. Null, fractional numbers and duplicate names are refused.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "cedar/entities.h"
#include "cedar/symbols.h"
#include "cedar/value.h"
#include "codec/json.h"

namespace writ::cedar {

// Fails at a fraction, wherever in a value it stands: also in members of an escape that nothing reads.
Result<void> check_integers(const codec::Json& json);

// A value, escapes understood.
Result<Value> value_from_json(Arena& arena, const codec::Json& json);

// With all escapes: value_from_json() gives the same again.
codec::Json value_to_json(Value value);
// Appends the same as text.
void append_json(std::string& out, Value value);

// A value that is an object and no escape.
Result<Value> record_from_json(Arena& arena, const codec::Json& json);

// `{"type": .., "id": ..}`, or the same inside `{"__entity": ..}`.
Result<EntityRef> entity_from_json(Arena& arena, const codec::Json& json);

// The escapes, told from records that resemble them; what they hold, unchecked.
// `{"__entity": {"type": .., "id": ..}}`: its content, both strings; otherwise null.
const codec::Json* entity_escape(const codec::Json& json) noexcept;
// `{"__extn": {"fn": .., "arg": ..}}`, or with a list `args`. Borrows.
struct CallEscape {
  std::string_view function;
  std::span<const codec::Json> arguments;
};
std::optional<CallEscape> call_escape(const codec::Json& json) noexcept;
// `{"__expr": ".."}`, which Cedar no longer supports.
bool is_expression_escape(const codec::Json& json) noexcept;

// `Billing::Invoice`: identifiers joined by `::`, without spaces; no reserved word.
bool valid_entity_type(std::string_view type) noexcept;

// One entity as it was read, before it is added. Borrows.
struct EntityDraft {
  EntityRef uid;
  const RecordNode& attributes;
  std::span<const EntityRef> parents;
  const RecordNode& tags;
};

// How the attributes of one set of entities are read. A schema's reader knows the type that is expected and
// may accept implicit forms, such as "10.0.0.1" for an ipaddr.
class AttributeReader {
 public:
  virtual ~AttributeReader() = default;
  // Called first for each entity; refuses entities that may not be there.
  virtual Result<void> check_entity(EntityRef uid) const;
  virtual Result<Value> attribute(Arena& arena, EntityRef uid, std::string_view name,
                                  const codec::Json& json) const;
  virtual Result<Value> tag(Arena& arena, EntityRef uid, std::string_view name,
                            const codec::Json& json) const;
  // Called last, with the whole entity; refuses it, or answers whether it is to be added.
  virtual Result<bool> admit(const EntityDraft& entity) const;
};

// Adds the entities of a JSON array of `{"uid": .., "attrs": {..}, "parents": [..], "tags": {..}}`.
// Errors name the entity and the attribute.
Result<void> add_entities(EntitiesBuilder& builder, const codec::Json& array,
                          const AttributeReader& reader = AttributeReader());

// The same from text, of which only one entity at a time stands as a tree.
Result<void> add_entities(EntitiesBuilder& builder, std::string_view text, const codec::JsonLimits& limits,
                          const AttributeReader& reader = AttributeReader());

// From text to store, without a schema.
Result<std::shared_ptr<const Entities>> entities_from_json(std::string_view text,
                                                           const codec::JsonLimits& limits = {});

}  // namespace writ::cedar
