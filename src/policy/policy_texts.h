// What decides, as texts: the policies, schemas and entities that the configuration names, read once and
// whole, with what the configuration itself adds to them.
//
// What is loaded, named and kept is this value and not the files, which may change in between. Plain values.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "files/folder.h"
#include "files/issue.h"

namespace writ::policy {

enum class TextKind : std::uint8_t { kPolicies, kSchema, kEntities };
std::string_view kind_name(TextKind kind) noexcept;  // "policies", "schema", "entities"

struct PolicyText {
  TextKind kind;
  std::string path;   // from the configuration's folder on: "policies/billing.cedar"
  std::string shown;  // how messages name it
  std::shared_ptr<const std::string> text;
};

inline constexpr std::string_view kPolicyEnding = ".cedar";  // in any case of its letters
inline constexpr std::size_t kMaxTextsBytes = std::size_t{512} << 20;

// The files of a configuration that hold them, not yet read.
struct PolicyFiles {
  struct File {
    TextKind kind;
    files::StampedFile file;
  };
  std::vector<File> files;  // in the order of the configuration; those of a folder by name
  // Equal as long as nothing has changed that matters.
  std::vector<files::StampedFile> seen;
  std::vector<files::PassedOver> left_out;

  void add(TextKind kind, const std::filesystem::path& path);
};

// What stands in a folder of policies and is of no use there is reported (files/folder.h).
PolicyFiles find_policy_files(const config::Config& config, files::Issues& issues);

// Whether a file of that name holds tests of policies, which stand beside them.
bool is_policy_test(std::string_view name) noexcept;

struct PolicyTexts {
  std::vector<PolicyText> files;  // in the order of the configuration; those of a folder by name
  // Of the configuration itself, which decide too.
  std::size_t max_chain = 4;
  std::vector<context::Calendar> calendars = {};
  // By a rule, of the folders. It does not decide, so the revision knows nothing of it.
  std::vector<files::PassedOver> left_out = {};
  bool schemas_whole = true;  // every schema file could be read
};

// One state of the files, or an issue. A file that is reached twice is read once; what cannot be read is
// reported.
PolicyTexts read_policy_texts(const config::Config& config, files::Issues& issues);

// The name of a set: 64 hex digits, the SHA-256 of everything in it. Each part goes in with its length, so no
// two sets are written alike; where the configuration's folder is does not matter.
std::string revision_of(const PolicyTexts& texts);

}  // namespace writ::policy
