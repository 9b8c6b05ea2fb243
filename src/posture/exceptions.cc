#include "posture/exceptions.h"

#include <fmt/format.h>

namespace writ::posture {

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
  return config::read_exceptions(fields);
}

}  // namespace writ::posture
