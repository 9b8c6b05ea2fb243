// The tenant of a request, before it is put together as a context. Context::tenant() is the same.
#pragma once

#include <optional>
#include <string_view>

#include "inventory/snapshot.h"
#include "task/live_task.h"
#include "token/claims.h"

namespace writ::context {

// `owner` is the subject (or the client that acts for itself); null: the inventory does not know it. `task`
// may be null. A view.
std::optional<std::string_view> tenant_of(const token::AccessClaims& claims, const inventory::Member* owner,
                                          const task::LiveTask* task) noexcept;

}  // namespace writ::context
