// InForce: all that decides, as it stands at one moment. A request reads it once, so that it never meets the
// routes of one configuration and the policies of another.
//
// Current holds the one that is in force. What changes several parts does it in one Change; readers see
// either none of it or all. Thread-safe; reading takes no lock while nothing changes.
#pragma once

#include <memory>
#include <mutex>

#include "base/published.h"
#include "decision/decision.h"
#include "inventory/snapshot.h"

namespace writ::facts {
class PushedEntities;  // facts/pushed.h
}
namespace writ::gateway {
class Routes;  // carried, not known here
}
namespace writ::sources {
class Sources;  // sources/sources.h
}

namespace writ::enforce {

struct InForce {
  std::shared_ptr<const inventory::Snapshot> inventory;      // never null
  std::shared_ptr<const decision::PolicySnapshot> policies;  // never null; with entities and calendars
  std::shared_ptr<const gateway::Routes> routes = nullptr;   // null: there is no gateway
  // Beside those of the policies; null: none were pushed.
  std::shared_ptr<const facts::PushedEntities> pushed = nullptr;
  // Who is asked for facts about resources. Null: nobody is.
  std::shared_ptr<const sources::Sources> sources = nullptr;
};

class Current {
 public:
  explicit Current(InForce first);
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

  std::shared_ptr<const InForce> get() const { return published_.get(); }
  // For threads that read all the time: base/published.h.
  const std::shared_ptr<const InForce>& read() const { return published_.read(); }

  // In force when they return. For want of memory they wait a second, and then end the process: a stop that
  // was acknowledged is in force, or nothing passes.
  void replace(std::shared_ptr<const inventory::Snapshot> inventory) noexcept;
  void replace(std::shared_ptr<const decision::PolicySnapshot> policies) noexcept;
  void replace(std::shared_ptr<const gateway::Routes> routes) noexcept;
  void replace(std::shared_ptr<const facts::PushedEntities> pushed) noexcept;
  void replace(std::shared_ptr<const sources::Sources> sources) noexcept;

  // While one lives, what this thread replaces is put by, and in force together when it ends; other threads
  // that replace something wait. Hold it for as long as it takes to replace, and for no I/O.
  class Change {
   public:
    explicit Change(Current& current);
    ~Change();
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    Current& current_;
    std::unique_lock<std::recursive_mutex> turn_;
  };

 private:
  void publish() noexcept;  // with turn_ held

  std::recursive_mutex turn_;
  InForce next_;
  int changes_ = 0;  // that are open
  Published<InForce> published_;
};

}  // namespace writ::enforce
