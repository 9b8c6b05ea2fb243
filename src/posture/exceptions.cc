#include "posture/exceptions.h"

#include <fmt/format.h>
#include <map>

#include "inventory/identity.h"
#include "posture/checks.h"

namespace writ::posture {

std::vector<Exemption> read_exceptions(const files::Fields& fields) {
  files::Source& source = fields.source();
  std::vector<Exemption> read;
  std::map<std::string, int, std::less<>> lines;
  const auto& list = fields.list("exceptions");
  if (list.size() > kMaxExemptions) {
    source.error(list[kMaxExemptions],
                 fmt::format("there are {} exceptions, at most {} are read", list.size(), kMaxExemptions),
                 "mend some of the findings");
    return read;
  }
  for (const files::YamlNode& node : list) {
    const files::Fields each(&node, source, "an exception", {"finding", "owner", "reason", "until"});
    const auto finding = each.required_text("finding");
    const auto owner = each.required_text("owner");
    const auto reason = each.required_text("reason");
    const auto until = each.required_text("until");
    if (!finding || !owner || !reason || !until) continue;
    const auto colon = finding->find(':');
    if (colon == std::string::npos || colon + 1 == finding->size()) {
      source.error(*each.find("finding"), fmt::format("`{}` is not the id of a finding", *finding),
                   "write it as the report does: `bearer-secret:nightly-export`");
      continue;
    }
    if (find_check(finding->substr(0, colon)) == nullptr) {
      source.error(*each.find("finding"), fmt::format("there is no check `{}`", finding->substr(0, colon)),
                   "write it as the report does: `bearer-secret:nightly-export`");
      continue;
    }
    const auto date = inventory::date_from_text(*until);
    if (!date) {
      source.error(*each.find("until"), fmt::format("`{}` is not a date", *until), "write it as 2027-03-31");
      continue;
    }
    if (const auto [first, is_new] = lines.try_emplace(*finding, node.line); !is_new) {
      source.error(node, fmt::format("`{}` is excepted twice, first in line {}", *finding, first->second),
                   "keep one of them");
      continue;
    }
    read.push_back({*finding, *owner, *reason, *date, source.place(node)});
  }
  return read;
}

std::vector<Exemption> parse_exceptions(std::string_view text, const std::string& file,
                                        files::Issues& issues) {
  if (text.size() > kMaxExemptionBytes) {
    issues.error({file, 0, 0},
                 fmt::format("the file has {} bytes, at most {} are read", text.size(), kMaxExemptionBytes));
    return {};
  }
  const auto tree = files::parse_yaml(text, file, issues);
  if (!tree) return {};
  files::Source source{file, std::filesystem::path(file).parent_path(), issues};
  const files::Fields fields(&*tree, source, "the file", {"exceptions"});
  if (fields.require("exceptions") == nullptr) return {};
  return read_exceptions(fields);
}

}  // namespace writ::posture
