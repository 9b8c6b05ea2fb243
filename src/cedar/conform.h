// Entities and requests held against a schema, and their JSON read with the schema's help.
//
// With a schema, JSON may leave out the escapes: where an entity is expected, `{"type": .., "id": ..}` is
// one; where an extension type is expected, a string is the argument of its constructor. Whatever does not
// conform is refused: unknown types and attributes, missing attributes, values of another type, ids that an
// enumerated type does not have, parents of a type the schema does not allow.
//
// Errors are kInvalid and name the entity and the attribute. Pure and thread-safe; the schema is borrowed for
// the call.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "cedar/entities.h"
#include "cedar/entity_json.h"
#include "cedar/request.h"
#include "cedar/schema.h"
#include "codec/json.h"

namespace writ::cedar {

// A value of an expected type.
Result<Value> value_from_json(Arena& arena, const codec::Json& json, const Type& expected);

// The context of a request for this action. Fails when the schema does not declare the action.
Result<Value> context_from_json(Arena& arena, const codec::Json& json, const Schema& schema,
                                EntityRef action);

// The entities of the text and the actions of the schema. Actions may be in the text when they are exactly as
// the schema has them.
Result<std::shared_ptr<const Entities>> entities_from_json(std::string_view text, const Schema& schema,
                                                           const codec::JsonLimits& limits = {});
Result<void> add_entities(EntitiesBuilder& builder, const codec::Json& array, const Schema& schema);

// An entity that is not an action, with its direct parents.
Result<void> check_entity(const Schema& schema, const EntityDraft& entity);
// The types of principal and resource against the action, and the context.
Result<void> check_request(const Schema& schema, const Request& request);

}  // namespace writ::cedar
