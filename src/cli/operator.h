// Whoever runs a command in the data folder of a Writ that is stopped, as the audit will say it.
#pragma once

#include <string>

namespace writ::cli {

std::string operator_text();  // "uid 1000 (nora)"

}  // namespace writ::cli
