#include "access/frame.h"

#include <fmt/format.h>

namespace writ::access {

std::vector<token::Actor> actors_of(const Chain& chain) {
  std::vector<token::Actor> actors;
  // An application that a user signed in to holds the user's token and is not an actor.
  const bool handed_on =
      chain.size() > 2 ||
      (chain.size() == 2 && (chain[1].is_agent() || chain[0].kind() != inventory::Kind::kUser));
  if (!handed_on) return actors;
  for (std::size_t i = chain.size() - 1; i > 0; --i) actors.push_back({chain[i].id, std::nullopt});
  return actors;
}

std::vector<const ChainLink*> parties_of(const Chain& chain) {
  std::vector<const ChainLink*> parties{&chain.front()};
  for (std::size_t i = chain.size() - 1; i > 0; --i) parties.push_back(&chain[i]);
  return parties;
}

std::string text_of(const Chain& chain) {
  std::string text;
  for (const ChainLink& each : chain) {
    if (!text.empty()) text += " → ";
    text += each.id;
  }
  return text;
}

}  // namespace writ::access
