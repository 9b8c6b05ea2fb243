// What a GraphQL request does: the operation that a server executes of it, by the specification of October
// 2021, and its root fields (docs/graphql.md).
//
// Read strictly, so that no server finds another operation in it: an executable document alone, and the one
// operation that `operationName` picks. Whether fields and arguments exist is the server's to say. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/json.h"

namespace writ::gateway {

enum class GraphqlKind : std::uint8_t { kQuery, kMutation, kSubscription };
std::string_view kind_name(GraphqlKind kind) noexcept;  // "query", "mutation", "subscription"

struct GraphqlOperation {
  GraphqlKind kind;
  std::string name;                 // empty: it has none
  std::vector<std::string> fields;  // at its root, each once: not their aliases, and also those of fragments
};

inline constexpr std::size_t kMaxGraphqlDepth = 64;
inline constexpr std::size_t kMaxGraphqlTokens = 20'000;

// Fails with kInvalid, or with kLimit. `operation_name`: absent where the request names none.
Result<GraphqlOperation> read_graphql(std::string_view document,
                                      std::optional<std::string_view> operation_name);

// Of the body of a POST: an object with `query`, and perhaps `operationName`, `variables` and `extensions`. A
// list (a batch), a persisted query, and whatever else some server goes by are kInvalid.
Result<GraphqlOperation> read_graphql_request(const codec::Json& body);

}  // namespace writ::gateway
