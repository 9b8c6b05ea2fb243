// Revisions: the sets of policies that were in force last, kept in the data folder as the texts they were
// made of, and which of them somebody chose to go back to.
//
// One file for each revision. A file appears whole and durable or not at all, also when the process or the
// machine ends in the middle. What is read is checked against its name. Not thread-safe.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "codec/json.h"
#include "control/policies.h"
#include "policy/policy_texts.h"

namespace writ::policy {

using control::KeptRevision;

// Somebody went back to `revision` while the files were those of `instead_of`.
struct RevisionChoice {
  std::string revision;
  std::string instead_of;
};

inline constexpr std::string_view kRevisionsFolder = "policy-revisions";  // in the data folder
inline constexpr std::size_t kMinRevisionPrefix = 8;

class Revisions {
 public:
  // In this data folder. Only looks; keep() makes what is missing.
  Revisions(const std::filesystem::path& data, std::size_t kept);

  // The newest first. Fails with kIo.
  Result<std::vector<KeptRevision>> list() const;
  // The one that is meant by its first digits, at least kMinRevisionPrefix; fails with kNotFound when there
  // is none, with kConflict when there are more.
  Result<KeptRevision> find(std::string_view prefix) const;
  // Fails with kCorrupt when the file is not what was kept.
  Result<PolicyTexts> read(const KeptRevision& kept) const;

  // Returns when it is on disk. Forgets the oldest beyond the number to keep, but not those of a choice.
  // Fails with kIo.
  Result<void> keep(const PolicyTexts& texts, const std::string& revision, Instant now);

  // Fails with kIo and kCorrupt.
  Result<std::optional<RevisionChoice>> choice() const;
  Result<void> choose(const RevisionChoice& choice);
  Result<void> clear_choice();

  // What tokens carried (policy/minted_since.h). Null: nothing was kept. Fails with kIo and kCorrupt.
  Result<codec::Json> minted() const;
  Result<void> keep_minted(const codec::Json& minted);

 private:
  std::filesystem::path file_of(const KeptRevision& kept) const;
  Result<void> forget_oldest(const std::string& newest);

  const std::filesystem::path folder_;
  const std::size_t kept_;
};

}  // namespace writ::policy
