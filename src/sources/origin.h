// Origin: whom a source of facts asks: a server, a database. One per source, behind sources/source.h, which
// bounds how often and by how many threads it is asked.
//
// Thread-safe; ask() waits, and is never called on a loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "codec/json.h"

namespace writ::sources {

// The resource that facts are asked of. Its type is the source's.
struct SourceQuery {
  std::optional<std::string> tenant;  // of the request, not of the resource
  std::string id;
};

class Origin {
 public:
  virtual ~Origin() = default;
  // What it says of the resource: an object with each attribute that the configuration names (null: the
  // resource has none). Nothing: it does not know the resource. Comes back within the source's timeout.
  // Fails with kUnavailable where it is down; with another code where what it says cannot be believed.
  virtual Result<std::optional<codec::Json>> ask(const SourceQuery& asked) = 0;
  // Rises with each change of the credential that it asks with: what was said to one is not given on with
  // another.
  virtual std::uint64_t generation() const noexcept { return 0; }
  // Ends what is under way, and whatever comes.
  virtual void stop() {}
};

}  // namespace writ::sources
