// Fixes: remedies with the patch that does them, or the reason why none does. Private to the module.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "posture/patch.h"
#include "posture/scene.h"

namespace writ::posture {

struct Setting {
  std::string_view key;
  std::string value;  // as YAML, on one line
};

// The identity with these keys, each added or in the place of what it is now. One that was imported is
// declared, under a name that people choose, and linked; one that was made over the API is not in the file.
Remedy with_keys(Remedy remedy, const Scene& scene, const ListedIdentity& each,
                 std::initializer_list<Setting> settings);
// The configuration with these edits; one that could not be made is nothing, and then there is no patch.
Remedy with_edits(Remedy remedy, const Scene& scene, const std::vector<std::optional<TextEdit>>& edits);
// The configuration with this key of a map at the top: {"limits", "max_chain"}.
Remedy with_setting(Remedy remedy, const Scene& scene, std::string_view map, Setting setting);
// The configuration without this grant, which is one of many links of its template.
Remedy without_grant(Remedy remedy, const Scene& scene, std::string_view id);
// The policies without this one; of a grant's, without the grant.
Remedy without_policy(Remedy remedy, const Scene& scene, std::size_t index);

// What a review or an end is set to where nobody says otherwise: three months, a year.
std::string in_three_months(Instant now);
std::string in_a_year(Instant now);

// "name" as it is, and `aws:arn:…` in quotes.
std::string yaml_word(std::string_view text);
// The node of an API, of an issuer: the item of a list whose key has this text; null: it is not there.
const files::YamlNode* item_with(const files::YamlNode* list, std::string_view key, std::string_view text);
const files::YamlNode* node_at(const Scene& scene, std::initializer_list<std::string_view> path);

}  // namespace writ::posture
