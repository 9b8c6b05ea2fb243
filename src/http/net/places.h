// Places: how many connections a listener has room for, and who has them.
//
// One source has a limit of its own, unless it is one of the operator's proxies. When all places are taken, a
// newcomer gets one from the source that has most of them, if that has more than the newcomer's would have:
// whoever takes many loses them first. Where nobody has more, one that has none may have the place that was
// idle for longest (server.cc). Taken at accept and given back at close, never per request.
// Thread-safe; a lock held for a few look-ups. Internal to http.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "http/source.h"

namespace writ::http {

class Places {
 public:
  Places(std::size_t total, std::size_t per_source) : total_(total), per_source_(per_source) {}

  struct Holder {
    Source source;
    bool proxy = false;  // exempt from the limit per source, and never made to give a place up
  };

  enum class Answer { kTaken, kSourceFull, kFull };
  Answer take(Holder holder);
  void give_back(Holder holder) noexcept;
  // A place is known to be somebody else's: a proxy's was its caller's. kTaken, or all stays as it is.
  Answer pass_on(Holder from, Holder to);

  // Whose idle connection should make room for a newcomer; nothing when no source has more than its.
  std::optional<Source> holder_of_most(Holder newcomer) const;
  bool has_none(Holder newcomer) const;

 private:
  Answer take_locked(Holder holder);
  void give_back_locked(Holder holder) noexcept;

  const std::size_t total_, per_source_;
  mutable std::mutex mutex_;
  std::size_t taken_ = 0;
  std::unordered_map<Source, std::size_t> held_;
  std::set<std::pair<std::size_t, Source>> by_number_;
};

}  // namespace writ::http
