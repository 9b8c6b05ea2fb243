#include "intake/found.h"

#include <fmt/format.h>
#include <utility>

namespace writ::intake {

Found* Findings::add(Found found) {
  if (all_.size() == most_) {
    if (!std::exchange(told_that_too_many_, true))
      issues_.error({found.file}, fmt::format("there are more than {} identities", most_),
                    "import parts of the source under names of their own (--as)");
    return nullptr;
  }
  const auto [at, added] = by_native_.try_emplace(found.native, all_.size());
  if (!added) {
    const Found& first = all_[at->second];
    issues_.error({found.file},
                  fmt::format("`{}` is there twice{}", found.native,
                              first.file == found.file ? "" : ", first in " + first.file),
                  "export the source again; two exports of different days do not belong together");
    return nullptr;
  }
  all_.push_back(std::move(found));
  return &all_.back();
}

Found* Findings::find(std::string_view native) {
  const auto at = by_native_.find(native);
  return at != by_native_.end() ? &all_[at->second] : nullptr;
}

std::optional<Instant> lenient_date(std::string_view text) noexcept {
  std::string plain(text.substr(0, 40));
  if (plain.size() > 10 && plain[10] == ' ') plain[10] = 'T';
  if (plain.ends_with(" UTC")) plain.replace(plain.size() - 4, 4, "Z");
  if (plain.ends_with("+00:00")) plain.replace(plain.size() - 6, 6, "Z");
  if (const auto point = plain.find('.'); point != plain.npos) {
    auto end = plain.find_first_not_of("0123456789", point + 1);
    if (end == plain.npos) end = plain.size();
    std::string digits = plain.substr(point + 1, end - point - 1);
    digits.resize(3, '0');
    plain = plain.substr(0, point + 1) + digits + plain.substr(end);
  }
  return inventory::date_from_text(plain);
}

}  // namespace writ::intake
