// What Writ will guard: the document's operations as routes, with actions and types of resources.
//
//   GET /customers/{customer_id}/orders/{order_id}
//     → action "getOrder" on Shop::CustomerOrder::"{customer_id}/{order_id}"
//
// The last parameter of a path names the resource, and the parameters before it are a part of its id: two
// orders that have one number at different customers stay two. So each type has ids of one form. Where a path
// goes on behind the parameter (`/orders/{id}/items`), it is the same resource and another action; a path
// without parameters is about a Collection. A version and the kind of a file name no resource
// (`/v{version}/orders/{id}`). Every operation becomes a route or a note that says why not.
//
// Plain values. All names in a draft are safe (init/names.h), except those of which it is said here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "init/operations.h"

namespace writ::init {

// What the document does not say. Empty: what is made of the document.
struct Settings {
  std::string name;      // of the API: "orders"
  std::string audience;  // of its tokens
  std::string upstream;  // where the API is
  std::string issuer;    // whose tokens say who the users are; empty: a key pair for trying
  // The member that names a resource's owner in the API's answers, as read_operations() took it. Some answer
  // has to have it.
  std::string owner;
  std::string user = "alice", app = "web-app", agent = "assistant", purpose = "customer-request";
  std::string api_listen = "127.0.0.1:8180", gateway_listen = "127.0.0.1:8181";
};

// What an action does, by its method. A policy can name all of a kind: Action::"any-read".
enum class Deed { kRead, kWrite, kDelete };
inline constexpr Deed kDeeds[] = {Deed::kRead, Deed::kWrite, Deed::kDelete};
std::string_view group_of(Deed deed) noexcept;  // "any-read", "any-write", "any-delete"

struct PlannedRoute {
  std::string method;
  std::string path;  // the document's, decoded, with parameters that are safe; literals may have any letters
  std::string action;
  Deed deed = Deed::kRead;
  std::string type;                     // without the namespace: "Order"
  std::string id;                       // a template: "{order}"; a collection's may have any letters
  std::vector<std::string> parameters;  // of the id, in order
  std::vector<std::string> forms;       // the path's other parameters, of which the id has nothing
  std::vector<std::pair<std::string, std::string>> attributes;  // of the resource, from the path
  std::optional<std::vector<std::string>> query;                // the parameters that it takes; absent: any
  std::vector<std::string> scopes;                              // as the document has them: unsafe
  // Decided on the API's own answer, which says whose the resource is, or whose each of a list is; or on what
  // it answers to a GET of `read` before.
  struct OnAnswer {
    std::string owner, id;  // pointers; the id may be empty where there is no list
    bool owner_is_number = false;
    std::optional<std::string> elements = {};  // of a list ...
    std::string action = {}, type = {};        // ... what is asked of each, and what it is
    std::string read = {};                     // a path; empty: the answer is the request's own
    bool of_parent = false;                    // what is read is what the resource stands in
  };
  std::optional<OnAnswer> on_answer = {};
  bool streams = false;            // events, for as long as it lasts
  std::string owner_in_body = {};  // of what is created: a pointer; empty: its body does not say for whom

  // Whether an answer about the resource, or the body that creates it, says whose it is.
  bool says_whose() const { return (on_answer && !on_answer->elements) || !owner_in_body.empty(); }
};

struct Draft {
  Settings settings;  // whole
  std::string title;  // unsafe
  std::string api;    // "orders"
  std::string name_space;
  std::vector<std::string> types;  // in the order in which they are met
  std::vector<PlannedRoute> routes;
  std::vector<std::string> forward_headers;  // names of header fields
  std::vector<Note> notes;
  std::size_t operations = 0;  // of the document, as far as they could be read

  bool has(Deed deed) const;
  // Whether an answer says whose a resource of the type is.
  bool tells_owner(std::string_view type) const;
  // Members of its answers that may name an owner, the likeliest first.
  std::vector<std::string> likely_owners = {};

  // What is to be known of owners that are integers; empty: none is.
  std::string of_numbers() const;
};

// Fails where there is nothing to guard, or a setting is not possible.
Result<Draft> make_draft(Reading reading, Settings settings);

}  // namespace writ::init
