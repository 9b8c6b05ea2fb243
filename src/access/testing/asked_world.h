// A random world, and all that is asked about its shop.
#pragma once

#include "access/classes.h"
#include "access/testing/random_world.h"

namespace writ::access::testing {

class AskedWorld {
 public:
  // Both are borrowed.
  AskedWorld(const RandomWorld& world, Court& court)
      : frame_(world.frame()),
        reach_(frame_, court),
        census_(reach_),
        survey_(reach_, chains(census_), census_),
        read_({.api = world.inventory->find_api("shop"),
               .action = {"Shop::Action", "read"},
               .resource_type = "Shop::Order"}) {}
  AskedWorld(const AskedWorld&) = delete;
  AskedWorld& operator=(const AskedWorld&) = delete;

  const Frame& frame() const { return frame_; }
  const Target& read() const { return read_; }
  // Of reading.
  TargetClasses classes(Names names = Names::kExchanged) {
    return classes_of(survey_, reach_, census_, read_, names);
  }

 private:
  static std::vector<Chain> chains(const Census& census) {
    bool cut = false;
    return census.chains({.links = 2}, cut);
  }

  const Frame frame_;
  Reach reach_;
  const Census census_;
  Survey survey_;
  const Target read_;
};

}  // namespace writ::access::testing
