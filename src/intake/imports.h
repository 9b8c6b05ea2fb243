// Imports: what was imported from one source, as it is kept in the configuration's folder, and what another
// export of the source would change about it.
//
//   files → read_source → Findings → merge(before) → after, and the difference
//
// What is kept is a file of JSON, an identity on each line in the order of ids, so that people can read a
// change of it as they read one of code. Nothing of it is ever deleted: what the source does not list any
// more says so. Pure: time is an argument.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "intake/found.h"

namespace writ::intake {

enum class Source : std::uint8_t {
  kKeycloak,
  kEntra,
  kOkta,
  kKubernetes,
  kSpire,
  kAws,
  kGithub,
  kScim,
  kCsv
};
std::string_view source_name(Source source) noexcept;  // "keycloak", "entra", ...
std::optional<Source> source_from_name(std::string_view name) noexcept;
std::vector<std::string> source_names();

// Reports what is wrong with the files, with the place, into the findings' issues.
void read_source(Source source, const std::vector<File>& files, Findings& findings);

// An import's name: 1 to 32 letters, digits, `-`, `_` and `.`. Every id of the import begins with it.
bool valid_import_name(std::string_view name) noexcept;

struct Import {
  Source source;
  std::string name;
  // By id. Each is what identity_of() reads: an identity with its facts and its `evidence`.
  std::map<std::string, codec::Json, std::less<>> records;
};

Result<Import> parse_import(std::string_view text);
std::string import_text(const Import& import);

struct Difference {
  struct Changed {
    std::string id;
    std::vector<std::string> what;  // the members that differ: "owner", "grants"
  };
  std::vector<std::string> added, gone, back;
  std::vector<Changed> changed;
  std::size_t same = 0;

  bool empty() const { return added.empty() && gone.empty() && back.empty() && changed.empty(); }
};
struct Merged {
  Import after;
  Difference difference;
};
// `before` is empty at the first import. Fails where an identity has another kind than before (kConflict) or
// cannot be kept (kInvalid, kLimit).
Result<Merged> merge(const Import& before, const Findings& findings, Instant now);

// The identity of a record: requested, and with what the source says of it as evidence.
Result<inventory::Identity> identity_of(const codec::Json& record);

// Two that may be the same, because a name for them is the same to the letter.
struct Suggestion {
  std::string one, other, alias;
  friend auto operator<=>(const Suggestion&, const Suggestion&) = default;
};
// An identity of the configuration, and the imports that it is linked to.
struct Listed {
  std::string id;
  std::vector<std::string> linked;
  std::optional<inventory::Kind> kind = {};  // absent: not known
};
// Never made, only told. What is linked already is left out, and so are a user and somebody else, and two of
// one import: their own system says that they are two. In the order of names, at most `most`.
std::vector<Suggestion> suggested_links(std::span<const Import> imports, std::span<const Listed> listed,
                                        std::size_t most = 1000);

}  // namespace writ::intake
