// FactSources: who is asked for facts about resources, over reloads. A source that is written as before goes
// on, with its threads and what is known of its failures; every other one is made anew, and asks nobody
// before it is in force.
//
// A source that is not in force any more tells all who wait that nothing comes. It ends here and nowhere
// else: its end waits for its threads, which must not be one of them. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/world.h"
#include "sources/sources.h"

namespace writ::server {

class FactSources {
 public:
  explicit FactSources(const Clock& clock) : clock_(clock) {}
  FactSources(const FactSources&) = delete;
  FactSources& operator=(const FactSources&) = delete;
  ~FactSources() { stop(); }

  // Those of a world. Fails where a source cannot have its threads.
  Result<std::shared_ptr<const sources::Sources>> make(const config::World& world);
  // These are in force: the others are not asked any more. Waits for them.
  void retire_others(const sources::Sources& in_force);
  // Forgets those that nobody holds any more.
  void tidy();
  // Nobody is asked any more. Waits for them.
  void stop();
  std::size_t size() const;

 private:
  struct Made {
    std::string digest;  // of its declaration; empty: it is not asked any more
    sources::SourcePtr source;
  };

  sources::SourcePtr find_or_make(const config::DeclaredSource& declared);

  const Clock& clock_;
  mutable std::mutex turn_;
  std::vector<Made> all_;
};

}  // namespace writ::server
