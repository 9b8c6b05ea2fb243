// Asker: questions about access as people and programs put them, in one frame: what an identity reaches, who
// reaches an API, and what an API cannot tell apart (docs/access.md).
//
// Not every caller may see everybody: chains with somebody who must not be seen are left out before anything
// is asked about them. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "access/census.h"
#include "access/classes.h"
#include "access/court.h"
#include "access/known_answers.h"
#include "access/look_alikes.h"
#include "access/report.h"
#include "access/survey.h"

namespace writ::access {

struct ReachQuestion {
  std::string of = {};  // only chains with this identity; "": all
  TargetFilter filter = {};
  std::size_t links = 0;
  std::size_t chains = 200'000;  // that are looked at, at most
  bool never = false;            // what is never reached too
  bool witness = true;
};

struct Answered {
  Heading heading;
  std::unique_ptr<Survey> survey;  // the rows view it
  std::vector<Row> rows;
};

struct ClassesQuestion {
  std::string api, action;         // action "": every
  std::vector<std::string> reads;  // claims that the API itself reads; none: it is not asked
  Names names = Names::kExchanged;
  std::size_t links = 0;
  std::size_t chains = 200'000;
};

struct ClassesAnswered {
  std::unique_ptr<Survey> survey;
  std::vector<TargetClasses> targets;
  std::vector<std::string> reads;
  std::vector<LookAlikes> look_alikes;
  bool cut = false;

  bool found() const;
  codec::Json json() const;
  // A line for each chain of a class, each finding, and each chain that looks like another to the API.
  std::string csv() const;
  std::string text() const;
};

// Empty: everybody.
using MaySee = std::function<bool(const ChainLink&)>;

class Asker {
 public:
  // All must outlive it. `known`: what was answered before; null: everything is asked. `pushed`: as in Frame.
  static Result<std::unique_ptr<Asker>> make(const inventory::Snapshot& inventory,
                                             const decision::PolicySnapshot& policies, Instant at,
                                             KnownAnswers* known = nullptr,
                                             const cedar::EntitySource* pushed = nullptr);

  Result<Answered> ask(const ReachQuestion& question, const MaySee& may_see = {});
  Result<ClassesAnswered> classes(const ClassesQuestion& question, const MaySee& may_see = {});

  Reach& reach() noexcept { return *reach_; }
  const Census& census() const noexcept { return *census_; }
  const Frame& frame() const noexcept { return frame_; }
  // As far as chains may be followed, or less.
  std::size_t links(std::optional<std::uint64_t> wanted) const;

 private:
  Asker(Frame frame, std::unique_ptr<Court> court, KnownAnswers* known);

  const Frame frame_;
  const std::unique_ptr<Court> court_;
  std::unique_ptr<Reach> reach_;
  std::unique_ptr<Census> census_;
};

}  // namespace writ::access
