// Whose a resource is, as far as the document says that the API's answer tells it.
//
//   GET /orders/{id} → 200 application/json {id, owner, …}   `owner` is an attribute of the order
//   GET /orders      → 200 application/json [{id, owner, …}] and of each in the list
//
// Pure. What it finds are names and pointers that are safe to write anywhere.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "init/document.h"

namespace writ::init {

// Pointers are RFC 6901's, as `decide: on response` takes them.
struct AnswerShape {
  std::string owner;  // "/owner", "/owner/id": a text, or an integer
  bool owner_is_number = false;
  std::vector<std::string> ids;  // "/id", "/order_id": texts or integers
  std::optional<std::string> elements =
      {};  // the list that the other pointers are in: "/items"; "." the whole answer
};

// Of an operation's answer when all is well: its JSON is an object with a member that names its owner, or has
// one list of such. `owner` is the name of that member; empty: one that is usual.
std::optional<AnswerShape> answer_shape(const Document& document, const codec::Json& operation,
                                        std::string_view owner);

// Pointers to the texts and integers that an operation's body has to have, where it is a JSON object and
// nothing else.
std::vector<std::string> required_ids(const Document& document, const codec::Json& operation);

// The names of what an operation's body may have, of whatever media type.
std::vector<std::string> body_names(const Document& document, const codec::Json& operation);

}  // namespace writ::init
