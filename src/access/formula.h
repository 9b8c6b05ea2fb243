// Formula: what is left of guards and policies for one chain and target. Two chains with the same of it are
// decided equally, up to their names.
//
// Pure.
#pragma once

#include <string>

#include "access/census.h"
#include "access/classes.h"

namespace writ::access {

struct Formula {
  std::string policies, tenant, environment;  // tenant and environment: what the guards compare

  std::string whole() const;
  // They differ in nothing but this, which guards look at where the resource has one.
  bool differs_in_tenant_alone(const Formula& other) const;
  bool differs_in_environment_alone(const Formula& other) const;
  // It says the name of one of the chain.
  bool names_one_of(const Chain& chain) const;
};

// Of an answer with its conditions.
Formula formula_of(const Reached& reached, const Certainties& certain, const Census& census, Names names,
                   const Target& target);

}  // namespace writ::access
