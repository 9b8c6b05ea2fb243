// Page: one HTML file that says who can reach what, through which chain, with which context, and what an API
// cannot tell apart (report/html.h: no script, no network, everything escaped). Pure.
#pragma once

#include <string>
#include <vector>

#include "access/asker.h"
#include "access/overview.h"
#include "report/html.h"

namespace writ::access {

struct PageContent {
  const Asker& asker;
  const Answered& answered;  // of all chains, with what is never reached
  Overview overview;
  std::vector<ClassesAnswered> classes;  // of each API that is shown
};

// The page without its frame, for a report of several parts.
report::Markup access_part(const PageContent& content);
std::string access_page(const PageContent& content);

}  // namespace writ::access
