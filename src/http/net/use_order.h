// UseOrder: the connections of one loop, from the one that has done nothing for longest to the one that was
// used last. Each step costs the same, however many there are. Loop thread only. Internal to http.
#pragma once

#include <utility>

namespace writ::http {

class UseOrder {
 public:
  // What stands in the order; it stays where it is in memory while it does.
  struct Place {
    Place *older = nullptr, *newer = nullptr;
    bool in_order = false;
  };

  void add(Place& place) noexcept {
    place = {.older = newest_, .newer = nullptr, .in_order = true};
    (newest_ != nullptr ? newest_->newer : oldest_) = &place;
    newest_ = &place;
  }
  void remove(Place& place) noexcept {
    if (!std::exchange(place.in_order, false)) return;
    (place.older != nullptr ? place.older->newer : oldest_) = place.newer;
    (place.newer != nullptr ? place.newer->older : newest_) = place.older;
  }
  void used(Place& place) noexcept {
    if (&place == newest_ || !place.in_order) return;
    remove(place);
    add(place);
  }
  Place* oldest() const noexcept { return oldest_; }

 private:
  Place *oldest_ = nullptr, *newest_ = nullptr;
};

}  // namespace writ::http
