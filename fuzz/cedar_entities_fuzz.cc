// Entity JSON from anyone, with and without a schema: it is refused or becomes a store whose every entity can
// be found again, below all that its parents are below; and what a schema's reader lets in conforms to the
// schema.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cedar/conform.h"
#include "cedar/entity_json.h"
#include "cedar/schema.h"

namespace {

using namespace writ;
using namespace writ::cedar;

const Schema& schema() {
  static const SchemaPtr one = *schema_from_text(R"(
    type Place = { city: String, since?: datetime };
    entity User in [Group, User] = {
      name?: String, age?: Long, ok?: Bool, boss?: User, ip?: ipaddr, roles?: Set<String>, place?: Place, color?: Color
    } tags String;
    entity Group in Group = { limit?: decimal, wait?: duration };
    entity Color enum ["red"];
    namespace N { action read; }
  )");
  return *one;
}

void check_store(const Entities& entities) {
  for (const Entity& entity : entities.all()) {
    WRIT_CHECK(entities.find(entity.uid) == &entity);
    WRIT_CHECK(!entity.ancestors->contain(entity.uid));
    for (const EntityRef parent : entity.parents) {
      WRIT_CHECK(entity.ancestors->contain(parent) && entities.is_an_ancestor(parent));
      const Entity* above = entities.find(parent);
      if (above == nullptr) continue;
      for (const Ancestors::Entry& each : *above->ancestors)
        WRIT_CHECK(entity.ancestors->contain(EntityRef(each.uid)));
    }
    Arena arena;
    for (const RecordNode* record : {entity.attributes, entity.tags}) {
      const auto value = Value::record(record);
      WRIT_CHECK(copy_value(arena, value) == value);
      WRIT_CHECK(!value.to_string().empty());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto entities = entities_from_json(text)) {
    check_store(**entities);
  } else {
    WRIT_CHECK(!entities.error().message.empty());
  }
  if (const auto entities = entities_from_json(text, schema())) {
    check_store(**entities);
    for (const Entity& entity : (*entities)->all()) {
      if (is_action_type(entity.uid.type())) continue;
      WRIT_CHECK(
          check_entity(schema(), {entity.uid, *entity.attributes, entity.parents, *entity.tags}).has_value());
    }
  }
  return 0;
}
