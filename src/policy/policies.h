// The policies in force, loaded from files: *.cedar texts and the static entities, compiled to the snapshot
// that decisions read.
//
// Whatever is wrong is reported with its place and excerpt; with an error there is no snapshot at all. With
// schemas, beside which Writ's base schema stands, the policies have to pass strict validation and the
// entities to conform. A
// policy is called by its @id annotation, else by where it stands ("billing.cedar:12"). One that is annotated
// @shadow is checked like any other and does not decide (decision/shadow.h). Used at start-up, at each reload
// and by `writ check`.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "cedar/ast.h"
#include "cedar/entities.h"
#include "cedar/issue.h"
#include "cedar/schema.h"
#include "config/world.h"
#include "decision/decision.h"
#include "files/issue.h"
#include "policy/policy_texts.h"

namespace writ::policy {

// With a reason, a policy takes on by it that hiding a fact changes what it says; else there is a warning.
inline constexpr std::string_view kHidingAnnotation = "accept_hidden";

// A file of policies, and where everything in it stands.
struct PolicyFileText {
  explicit PolicyFileText(std::shared_ptr<const std::string> of) : text(std::move(of)), lines(*text) {}

  std::shared_ptr<const std::string> text;
  cedar::LineIndex lines;
};

// Where a policy is written.
struct PolicySource {
  files::Place place;
  std::shared_ptr<const PolicyFileText> file;
  // It is a grant's link of the template that is written there, which nobody may change for it alone.
  bool is_grant = false;

  // Of a part of it.
  files::Place place_of(cedar::Span span) const {
    const auto at = file->lines.at(span.begin);
    return {place.file, at.line, at.column};
  }
};

struct LoadedPolicies {
  std::shared_ptr<const decision::PolicySnapshot> snapshot;
  std::size_t count;    // of policies that decide
  std::size_t shadows;  // of those that do not
  std::size_t grants;   // of links of templates, beside those
  // What the snapshot was made of, without shadows, for whoever tests or explains it.
  cedar::PolicySet policies;
  std::vector<PolicySource> sources;  // by policy
  std::vector<cedar::Policy> shadow_policies;
  std::vector<PolicySource> shadow_sources;  // by shadow policy
  cedar::SchemaPtr schema;                   // null: the configuration names none
};

inline constexpr std::size_t kMaxPolicyFileBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxEntitiesBytes = std::size_t{256} << 20;

// What becomes of a grant whose template is not among the policies.
enum class UnknownTemplate : std::uint8_t {
  kIsAnError,
  kGrantsNothing,  // and is a warning: the policies are others than those that the grants were written beside
};

// Nothing when there are errors; they are in `issues`. What policies name and the world does not have is
// reported as a warning.
std::optional<LoadedPolicies> load_policies(const PolicyTexts& texts, const config::World& world,
                                            files::Issues& issues,
                                            UnknownTemplate unknown = UnknownTemplate::kIsAnError);
// The same with other grants than the world's own.
std::optional<LoadedPolicies> load_policies(const PolicyTexts& texts, const config::World& world,
                                            std::span<const config::DeclaredGrant> grants,
                                            files::Issues& issues,
                                            UnknownTemplate unknown = UnknownTemplate::kIsAnError);

// Adds the entities of a JSON array; with a schema (it may be null) they have to conform. Of Writ's own types
// the text says only what the inventory does not know, groups and tags for example, so what the schema
// requires of them need not be there.
Result<void> add_entities(cedar::EntitiesBuilder& builder, const codec::Json& array,
                          const cedar::Schema* schema);

}  // namespace writ::policy
