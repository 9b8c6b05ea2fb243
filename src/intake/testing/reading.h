// What one import of files finds, for tests.
#pragma once

#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "intake/imports.h"

namespace writ::intake::testing {

inline const Instant kMonday = instant_from_unix_seconds(1'767'225'600);

// Reads files of one source, and tells what it found or what was wrong.
class Reading {
 public:
  Reading(Source source, std::vector<std::pair<std::string, std::string>> files) {
    std::vector<File> all;
    for (auto& [name, text] : files) all.push_back({name, text});
    read_source(source, all, findings);
  }
  Reading(Source source, std::string text) : Reading(source, {{"export", std::move(text)}}) {}

  const Found& at(std::string_view native) {
    const Found* found = findings.find(native);
    EXPECT_NE(found, nullptr) << native << "; " << problems();
    static const Found kNone{.native = "none", .kind = inventory::Kind::kUser};
    return found != nullptr ? *found : kNone;
  }
  std::string problems() const {
    std::string all;
    for (const auto& issue : issues.all()) all += render(issue) + "\n";
    return all;
  }

  files::Issues issues;
  Findings findings{issues};
};

}  // namespace writ::intake::testing
