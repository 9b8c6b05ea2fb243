#include "facts/names.h"

namespace writ::facts {

std::uint32_t NameTable::number_of(std::string_view name) {
  if (const auto known = numbers_.find(name); known != numbers_.end()) return known->second;
  const auto number = static_cast<std::uint32_t>(texts_.size());
  texts_.push_back(arena_->text(name));
  numbers_.emplace(texts_.back()->view(), number);
  return number;
}

std::shared_ptr<const Names> NameTable::names() {
  if (published_ == nullptr || published_->texts.size() != texts_.size())
    published_ = std::make_shared<const Names>(Names{arena_, texts_});
  return published_;
}

}  // namespace writ::facts
