// The elements of a list that an API answered, each decided as a resource of its own: the same parties, task
// and policies, and its own facts. The list has taken one call of the budget already; an element takes none.
//
// Pure. Its memory is kept per thread, apart from that of the request.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "enforce/answer.h"
#include "enforce/ruling.h"

namespace writ::enforce {

struct ListRuling {
  // {"permitted":2,"removed":1,"removed_for":{"tenant_mismatch":1}}, for the audit. Empty: it was no list.
  std::string json = {};
  std::vector<std::string_view> policies = {};  // that permitted an element, each once; views into the set
  codec::JsonCut obligations = {};              // of all that stay, for the audit
};

// Says in each element whether it stays, and with what left out. What cannot be read does not, nor does one
// of two with the same id; nor, inside a task, what brings labels along that the task has not earned. `facts`
// has all but the id and the attributes. Where the face does not fulfil obligations, neither does one that
// has any.
ListRuling rule_on_elements(const token::Verified& token, Facts facts, const Deciding& deciding, bool fulfils,
                            std::vector<Element>& elements);

}  // namespace writ::enforce
