// Level validation (RFC 76): how many entities in turn a policy follows from the request, so that a caller
// knows how much of the hierarchy it has to load. Private to the cedar module.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cedar/validate/typecheck.h"

namespace writ::cedar {

class LevelChecker {
 public:
  LevelChecker(const ValidationTree& tree, const TypedTree& typed, const RequestTypes& request,
               std::uint32_t max_level, const Typechecker::Report& report)
      : tree_(tree), typed_(typed), request_(request), max_level_(max_level), report_(report) {}

  void run();

 private:
  static constexpr std::size_t kMaxSteps = 2'000'000;

  const TreeNode& node(NodeId id) const noexcept { return tree_.node(id); }
  bool is_of(NodeId id, TypeKind kind) const;
  void check(NodeId id);
  void check_target(NodeId access, NodeId target);
  // How many entities are read to know the entity `id`; `path` is what is read of it afterwards, innermost
  // last.
  std::uint32_t level_of(NodeId id, std::vector<std::string_view> path);
  std::uint32_t level_of_field(const TreeNode& record, std::vector<std::string_view> path);
  void complain_of_literal(NodeId id);

  const ValidationTree& tree_;
  const TypedTree& typed_;
  const RequestTypes& request_;
  std::uint32_t max_level_;
  const Typechecker::Report& report_;
  std::size_t steps_ = 0;
};

}  // namespace writ::cedar
