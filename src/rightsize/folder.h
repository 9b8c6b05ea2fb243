// The folder of a proposal: all policies, the tests beside them, and task templates. What `writ check
// --policies FOLDER` and `writ test --policies FOLDER` take. Blocking; one thread.
#pragma once

#include <filesystem>

#include "rightsize/plan.h"
#include "rightsize/suite.h"
#include "rightsize/templates.h"

namespace writ::rightsize {

inline constexpr std::string_view kSuiteFile = "rightsize.test.yaml";

// Fails with kConflict, before anything is written, when the folder has something in it.
Result<void> write_folder(const std::filesystem::path& folder, const RightsizingPlan& plan,
                          const SuiteText& suite, const TemplatesOf& templates);

}  // namespace writ::rightsize
