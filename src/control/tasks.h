// Tasks as use cases: open or ask for, approve, see, narrow, suspend and end tasks and sub-tasks.
//
// Thread-safe. They wait for the audit and for the store: not on a loop thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/times.h"
#include "codec/json.h"
#include "control/authority.h"
#include "control/page.h"
#include "enforce/in_force.h"
#include "task/registry.h"

namespace writ::control {

class Tasks {
 public:
  // What it refers to must outlive it.
  Tasks(const Authority& authority, const enforce::Current& current, task::Registry& tasks)
      : authority_(authority), current_(current), tasks_(tasks) {}

  using Live = std::shared_ptr<task::LiveTask>;
  // A task, at the moment of which is told.
  struct Seen {
    Live live;
    Instant now;
  };

  // As docs/api.md has a request for a task. It waits for approval where the caller may only ask for it.
  Answer<Seen> open(const Caller& caller, const codec::Json& request) const;

  // Ends a task that was opened for a token which then was not issued. What fails here stays open until its
  // window ends, and gives nobody anything.
  void abandon(std::string_view id, std::string_view client, std::string_view request_id) const;

  using Listed = Listing<Live>;
  Answer<Listed> list(const Caller& caller, const Page& page) const;
  Answer<Seen> show(const Caller& caller, const std::string& id) const;
  Answer<Seen> narrow(const Caller& caller, const std::string& id, const codec::Json& less) const;
  Answer<Seen> approve(const Caller& caller, const std::string& id) const;
  Answer<Seen> deny(const Caller& caller, const std::string& id) const;
  Answer<Seen> suspend(const Caller& caller, const std::string& id) const;
  Answer<Seen> resume(const Caller& caller, const std::string& id) const;
  // The caller that asked for a task may also give it back, with what it took to ask for it.
  Answer<Seen> end(const Caller& caller, const std::string& id) const;
  Answer<Seen> revoke(const Caller& caller, const std::string& id) const;

 private:
  // What can be done to a task that is there: its record's event, and what does it.
  struct Verb {
    std::string_view event;
    Stops stops;
    Result<void> (*act)(task::Registry& tasks, std::string_view id, Times now);
  };
  Answer<Seen> act(const Caller& caller, const std::string& id, const Verb& verb,
                   std::string_view action) const;
  // Did these very parties ask for it?
  bool asked_for(const Caller& caller, const task::LiveTask& live) const;
  // Is the caller inside it, or could it end it?
  bool may_know(const Caller& caller, const task::LiveTask& parent) const;
  // May it become a sub-task of its parent, by the caller's hand, for the agents that it names?
  Answer<void> check_parent(const Caller& caller, const enforce::Permit& permit,
                            const task::Task& task) const;
  Answer<void> check_edge(const Caller& caller, const enforce::Permit& permit,
                          const std::string& agent) const;
  Result<void> check_names(const task::Task& task) const;
  // Of what its client may have.
  Answer<void> check_room(const std::string& client, const task::Task& task) const;
  Answer<std::pair<enforce::Permit, Live>> find(const Caller& caller, std::string_view action,
                                                const std::string& id, Stops stops = Stops::kNo) const;

  const Authority& authority_;
  const enforce::Current& current_;
  task::Registry& tasks_;
};

}  // namespace writ::control
