// writ decide --replay: which recorded decisions would other policies make otherwise?
#pragma once

#include <string>
#include <vector>

namespace writ::cli {

struct ReplayOptions {
  std::string log;
  std::string config;
  std::vector<std::string> policies;  // in place of the configuration's; empty: the configuration's
  std::string data;                   // in place of the configuration's
  bool json = false;
};

// kYes: no decision flips; kNo: some do.
int replay(const ReplayOptions& options);

}  // namespace writ::cli
