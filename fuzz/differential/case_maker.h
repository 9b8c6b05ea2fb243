// CaseMaker: the cases of one seed, by number. Most are worlds made to be decided: a schema, policies and
// data that fit it. The others are texts with something wrong in them, to see whether both sides refuse the
// same.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "case.h"
#include "random.h"

namespace writ::differential {

// Texts that people wrote, to begin with: *.cedar, *.cedarschema and *entities.json, however deep in the
// folders.
struct Corpus {
  std::vector<std::string> policies;
  std::vector<std::string> schemas;
  std::vector<std::string> entities;

  void add(const std::filesystem::path& folder);
};

class CaseMaker {
 public:
  // The corpus is borrowed.
  CaseMaker(std::uint64_t seed, const Corpus& corpus) : seed_(seed), corpus_(corpus) {}

  // The same for the same seed, number and corpus.
  Case make(std::uint64_t number) const;

 private:
  Case world(Random& random, std::size_t requests) const;
  void policies_as_json(Random& random, Case& made, bool spoil) const;
  Case wilderness(Random& random) const;
  void spoil(Random& random, Case& made) const;
  std::string some_schema(Random& random) const;

  std::uint64_t seed_;
  const Corpus& corpus_;
};

}  // namespace writ::differential
