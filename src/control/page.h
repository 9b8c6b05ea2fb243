// Page: a long list in pieces, the newest first. Each piece says how to ask for the next one, by what was
// last in it and not by a number, so that what comes or goes meanwhile neither hides nor repeats anything.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace writ::control {

// In one answer.
inline constexpr std::size_t kMaxListed = 1000;
// Looked at for one answer: a caller that may see few of very many gets short pages, and others their turn.
inline constexpr std::size_t kMaxExamined = 10'000;

struct Page {
  using Place = std::pair<Instant, std::string>;  // when it began, and its id; as task::Registry::Place

  std::size_t limit = kMaxListed;
  std::optional<Place> after = {};
};

// One answer of a list.
template <class Item>
struct Listing {
  std::vector<Item> items;
  Instant now;                           // the moment of which is told
  std::optional<Page::Place> next = {};  // nothing: nothing follows
};

// Fills a page with what the caller may see. `more(after)` gives some of what comes after a place, the newest
// first, and none when nothing does.
template <class Item, class More, class PlaceOf, class MaySee>
Listing<Item> fill(const Page& page, Instant now, More more, PlaceOf place_of, MaySee may_see) {
  Listing<Item> listing{.items = {}, .now = now};
  std::size_t examined = 0;
  auto last = page.after;
  for (;;) {
    const std::vector<Item> some = more(last);
    if (some.empty()) return listing;
    for (const Item& item : some) {
      if (listing.items.size() == page.limit || examined == kMaxExamined) {
        listing.next = last;
        return listing;
      }
      ++examined;
      last = place_of(item);
      if (may_see(item)) listing.items.push_back(item);
    }
  }
}

// The same of what has no time: in the order of ids.
struct IdPage {
  std::size_t limit = kMaxListed;
  std::string after = {};  // an id, which need not be there (any more)
};

}  // namespace writ::control
