// What a source told of a resource (sources/told.h), as decisions take it: beside what the question itself
// knows of it, and with a note of where each attribute is from, or why it is absent. Pure.
#pragma once

#include <memory>
#include <vector>

#include "enforce/answer.h"
#include "enforce/question.h"
#include "sources/told.h"

namespace writ::enforce {

// The attributes of both, a record; what the question knows comes first. Borrows `told`.
Attributes with_told(Attributes own, const sources::ToldFacts& told);
// The same for what goes on after its decision: fails once there is another schema than it was read by.
AnswerFacts facts_of_source(Attributes own, std::shared_ptr<const sources::ToldFacts> told);

// A note for each attribute of the source: `paths` are "resource.customer", `label` is "source `orders`".
// Both are borrowed.
void append_notes(std::vector<context::FactNote>& notes, const std::vector<std::string>& paths,
                  std::string_view label, const sources::ToldFacts& told);

}  // namespace writ::enforce
