#include "control/asked_facts.h"

#include <fmt/format.h>

#include "facts/entity_text.h"
#include "sources/sources.h"

namespace writ::control {

Answer<void> AskedFacts::forget(const Caller& caller, const std::string& type,
                                const std::optional<std::string>& id) const {
  TRY(facts::check_name({type, id.value_or("any")}));
  const auto permit = TRY(authority_.allow(caller, "forget-facts", {"Writ::EntityType", type}));
  const auto source = sources::source_of(current_.get()->sources, type);
  if (source == nullptr)
    return fail(ErrorCode::kNotFound, fmt::format("no source is asked for facts about `{}`", type));
  std::string object = type;
  if (id) {
    object.clear();
    cedar::append_entity(object, type, *id);
  }
  TRY(authority_.record(permit, "facts.forgotten", object, source->settings().name));
  source->forget(id);
  return {};
}

}  // namespace writ::control
