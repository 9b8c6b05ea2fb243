// Layers: what a request says, laid over what the test and the file's defaults say. Private to policytest.
//
// A later layer replaces an earlier one key by key, and of a token claim by claim. What the request is about
// goes together: a layer that names a `request` drops an action and a resource from below, and one that
// names `issue` drops both. Nodes are borrowed from the file's tree.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "files/fields.h"

namespace writ::policytest {

// The keys that say a request. The claims of its token are those of token::stated_names().
inline constexpr std::string_view kRequestKeys[] = {"request",  "api",  "action", "resource", "attributes",
                                                    "issue",    "body", "ip",     "token",    "proof",
                                                    "approved", "at",   "expect"};

class Layers {
 public:
  // Takes the keys of a request from a map that may have others too; of the token, unknown ones are reported.
  void lay(const files::YamlNode& map, files::Source& source);
  // One row of a table, as many cells as columns; a column is a key, or a claim as "token.purpose".
  void lay_row(const std::vector<std::string>& columns, const std::vector<files::YamlNode>& cells,
               files::Source& source);

  // Null when it is absent, or was taken away by a null.
  const files::YamlNode* find(std::string_view key) const;
  const files::YamlNode* claim(std::string_view name) const;
  bool without_token() const noexcept { return without_token_; }

 private:
  using Nodes = std::map<std::string, const files::YamlNode*, std::less<>>;
  static const files::YamlNode* find_in(const Nodes& nodes, std::string_view key);
  void lay_token(const files::YamlNode& token, files::Source& source);
  void lay_key(const std::string& key, const files::YamlNode& value, files::Source& source);
  void make_room(bool request, bool entities, bool issue);

  Nodes keys_, claims_;
  bool without_token_ = false;
};

// Whether a column may be called so.
bool is_column(std::string_view name);

}  // namespace writ::policytest
