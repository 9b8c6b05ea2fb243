// What is known of the log elsewhere: where its chain stood when that was last noted.
//
// A chain cannot show by itself that its end is missing, or that all of it was exchanged. So the database
// notes the head, once a second while records are written and at the end, and at the next start the log has
// to hold that record. What an end by force leaves unnoted is what was written in its last second.
#pragma once

#include <optional>

#include "audit/chain.h"
#include "base/result.h"

namespace writ::audit {

// Survives a crash once save_head() returned. Thread-safe.
class HeadStore {
 public:
  virtual ~HeadStore() = default;
  virtual Result<std::optional<Head>> load_head() = 0;
  virtual Result<void> save_head(const Head& head) = 0;
};

}  // namespace writ::audit
