// Whose a resource is, as far as the document says that the API's answer tells it.
//
//   GET /orders/{id} → 200 application/json {id, owner, …}   `owner` is an attribute of the order
//   GET /orders      → 200 application/json [{id, owner, …}] and of each in the list
//   GET /orders/{id} → 200 application/json {order: {id, owner, …}}   in an object that has nothing else
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
  std::vector<std::string> ids;           // "/id", "/order_id": texts or integers ...
  std::vector<std::string> numbers = {};  // ... and of these the integers
  // The list that the other pointers are in: "/items"; "." the whole answer.
  std::optional<std::string> elements = {};
  std::string inside = {};     // what the other pointers are in, where it is no list: "/order"; mostly empty
  const void* what = nullptr;  // tells which schema describes the resource; only to compare

  // Where the owner stands, for people: "orders/customer".
  std::string owner_shown() const;
};

// Of an operation's answer when all is well: its JSON is an object with a member that names its owner, or has
// one list of such. `owner` is the name of that member; empty: one that is usual.
std::optional<AnswerShape> answer_shape(const Document& document, const codec::Json& operation,
                                        std::string_view owner);

// Of what is not usual, the members of the answer that may name an owner: "customer", "created_by".
std::vector<std::string> likely_owners(const Document& document, const codec::Json& operation);

// Pointers to the texts and integers that an operation's body has to have, where it is a JSON object and
// nothing else; in an object that has nothing else, too.
std::vector<std::string> required_ids(const Document& document, const codec::Json& operation);

// The names of what an operation's body may have, of whatever media type.
std::vector<std::string> body_names(const Document& document, const codec::Json& operation);

}  // namespace writ::init
