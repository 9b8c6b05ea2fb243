// EntityDigests: of entities all that can be read from them on, as a digest: what the store says of each, of
// whatever entities stand in its attributes and tags, of what is above it, and so on from there. What an
// evaluation can read beside its request it finds by these steps alone, because no text becomes an entity.
//
// Work is done when it is asked for, and kept. One thread. The store is borrowed, and so are entities beside
// it that were pushed.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cedar/entities.h"
#include "crypto/hash.h"

namespace writ::access {

class EntityDigests {
 public:
  // From an entity on from which more than so many can be read it is all of them, where nothing was pushed.
  static constexpr std::size_t kMostFollowed = 1000;

  explicit EntityDigests(const cedar::Entities& entities, const cedar::EntitySource* pushed = nullptr)
      : entities_(entities), pushed_(pushed) {}

  // Of one that the store may have or not.
  const crypto::Digest& from(cedar::EntityRef uid);
  // The entities that stand in a value, each once.
  static std::vector<cedar::EntityRef> entities_in(cedar::Value value);

 private:
  struct Own {
    crypto::Digest digest;
    std::vector<cedar::EntityRef> next;  // that can be read from it
  };
  const Own& own(cedar::EntityRef uid);
  const crypto::Digest& of_all();

  const cedar::Entities& entities_;
  const cedar::EntitySource* const pushed_;
  cedar::Arena arena_;                                    // of what was pushed
  std::unordered_map<std::string, Own> own_;              // by name, as Cedar writes it
  std::unordered_map<std::string, crypto::Digest> from_;  // the same
  std::optional<crypto::Digest> all_;
};

// So that no two lists of texts make one text.
void put_part(std::string& out, std::string_view text);
void put_part(std::string& out, const crypto::Digest& digest);

}  // namespace writ::access
