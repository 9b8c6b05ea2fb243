// Names for Writ and Cedar, out of a document that may call things anything.
//
// Whatever comes out is ASCII letters, digits and a few signs, so that it can stand in Cedar, YAML and
// comments as it is. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace writ::init {

// "Orders API" → "orders-api"; empty when nothing of it is left.
std::string slug(std::string_view text);
// "line_items" → "LineItems", "lineItems" → "LineItems"; empty when there are no ASCII letters in it, or when
// it has others.
std::string pascal(std::string_view text);
std::string camel(std::string_view text);  // "lineItems"
// "orders" → "order", "categories" → "category", "status" → "status", "line-aliases" → "line-alias".
std::string singular(std::string_view word);
// "orderId", "order_id", "orderNumber" → "order": what a parameter names.
std::string named_by(std::string_view parameter);
// Can stand as the name of an action: 1 to 128 of letters, digits and `_-./:`.
bool is_action_name(std::string_view text) noexcept;
// A parameter's name as routes have it, unlike those that are taken.
std::string parameter_name(std::string_view text, const std::vector<std::string>& taken);
// "api", "v2", "2024-01-01": parts of a path that say nothing of what lies below.
bool is_of_version(std::string_view segment) noexcept;

}  // namespace writ::init
