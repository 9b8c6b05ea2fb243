// Drift: how a configuration and the API's OpenAPI document differ.
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "init/draft.h"
#include "policy/load.h"

namespace writ::init {

struct Drift {
  struct Route {
    std::string method, path;
    std::string action = {};    // as Cedar writes it; of the configuration's routes
    std::string resource = {};  // its type
  };
  std::string api;
  std::vector<Route> added;  // in the document, and not routed
  std::vector<Route> gone;   // routed, and not in the document
  std::vector<Route>
      undecided;            // routed, and no policy can ever permit them to any application, service or agent
  std::vector<Note> notes;  // operations of the document that cannot be routed

  bool any() const noexcept { return !added.empty() || !gone.empty() || !undecided.empty(); }
};

// `api` is the id of one in the configuration; empty: the only one that has routes. Fails with kNotFound
// where there is none, with kInvalid where there are several, or the document has nothing.
Result<Drift> compare(Reading reading, const policy::Loaded& loaded, std::string api);

}  // namespace writ::init
