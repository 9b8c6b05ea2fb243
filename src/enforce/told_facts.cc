#include "enforce/told_facts.h"

namespace writ::enforce {

Attributes with_told(Attributes own, const sources::ToldFacts& told) {
  return [own = std::move(own), &told](cedar::Arena& arena) {
    if (!own) return cedar::Value::record(told.attributes);
    const auto& known = own(arena).as_record();
    std::vector<cedar::TextField> fields(known.begin(), known.end());
    for (const auto& field : *told.attributes)
      if (known.find(field.name) == nullptr) fields.push_back(field);
    return cedar::make_record(arena, std::span<const cedar::TextField>(fields));
  };
}

AnswerFacts facts_of_source(Attributes own, std::shared_ptr<const sources::ToldFacts> told) {
  return [own = std::move(own), told = std::move(told)](cedar::Arena& arena,
                                                        const cedar::Schema* schema) -> Result<cedar::Value> {
    if (told->schema.get() != schema) return invalid("the schema changed; ask again");
    return with_told(own, *told)(arena);
  };
}

void append_notes(std::vector<context::FactNote>& notes, const std::vector<std::string>& paths,
                  std::string_view label, const sources::ToldFacts& told) {
  for (std::size_t i = 0; i < paths.size(); ++i)
    notes.push_back({paths[i], label,
                     told.has[i]  ? ""
                     : told.known ? "the resource has none"
                                  : "it does not know the resource"});
}

}  // namespace writ::enforce
