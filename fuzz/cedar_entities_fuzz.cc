// Entity JSON from anyone: it is refused or becomes a store whose every entity can be found again.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cedar/entity_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto entities = writ::cedar::entities_from_json(text);
  if (!entities) return 0;
  for (const writ::cedar::Entity& entity : (*entities)->all()) {
    WRIT_CHECK((*entities)->find(entity.uid) == &entity);
    WRIT_CHECK(!entity.ancestors->contain(entity.uid));
    writ::cedar::Arena arena;
    const auto attributes = writ::cedar::Value::record(entity.attributes);
    WRIT_CHECK(writ::cedar::copy_value(arena, attributes) == attributes);
  }
  return 0;
}
