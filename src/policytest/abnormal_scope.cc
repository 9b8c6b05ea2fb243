// What is asked: the neighbours of the action, of the resource, and of the way there.
#include <algorithm>
#include <fmt/format.h>

#include "cedar/parse.h"
#include "policytest/abnormal_derive.h"

namespace writ::policytest {

// Without a route: what matters is what it leads to, and what it says of the resource.
Target Deriver::explicit_target() const {
  Target target = original_.target;
  target.api = permit_.api;
  target.action = cedar::parse_entity(permit_.action).value();
  target.resource = cedar::parse_entity(permit_.resource).value();
  // Only a route reads a body.
  if (original_.target.routed()) target.body.clear();
  if (way_) target.attributes = way_->attributes();
  return target;
}

void Deriver::add_target(Dimension dimension, std::string what, Target target) {
  add(dimension, std::move(what)).target = std::move(target);
}

void Deriver::actions() {
  if (original_.target.issue || api_ == nullptr) return;
  const Target target = explicit_target();
  for (const std::string& action : api_->actions) {
    if (action == target.action.id) continue;
    Target next = target;
    next.action.id = action;
    // Over its own route, if there is one: that says of the resource what a request would bring.
    if (way_) {
      if (const auto way = ways_.to(permit_.api, next.action, next.resource, way_->values))
        next = *ways_.target(*way, original_.target);
    }
    add_target(Dimension::kNextAction, fmt::format("{} on {}", action, permit_.resource), std::move(next));
  }
}

void Deriver::next_resource(const cedar::EntityUid& resource) {
  Target next = explicit_target();
  next.resource = resource;
  auto what = fmt::format("{} on {}", next.action.id, task::uid_text(resource));
  const auto way = way_ ? ways_.by(*way_->route, resource.id, way_->values) : std::nullopt;
  if (const auto target = way ? ways_.target(*way, original_.target) : std::nullopt) next = *target;
  add_target(Dimension::kNextResource, std::move(what), std::move(next));
}

void Deriver::resources() {
  if (original_.target.issue || api_ == nullptr) return;
  const auto own = explicit_target().resource;
  std::size_t count = 0;
  for (const cedar::Entity& entity : suite_.entities->all()) {
    if (entity.uid.type() != own.type || entity.uid.id() == own.id) continue;
    if (++count > kMaxResources) break;
    next_resource({own.type, std::string(entity.uid.id())});
  }
  if (way_) return resources_on_the_way();
  next_resource({own.type, std::string(kAnother)});
  variants_.back().request.target.attributes = {};
  if (!is_task_of(suite_, own)) resources_by_attributes();
}

// What the path says is each other thing in turn: resources that nobody knows but by their path, and other
// tenants' above all.
void Deriver::resources_on_the_way() {
  std::set<std::string> done{original_.target.path};
  for (const Variant& variant : variants_)
    if (variant.dimension == Dimension::kNextResource) done.insert(variant.request.target.path);
  for (const auto& [name, value] : way_->values) {
    const auto gap = fmt::format("{{{}}}", name);
    std::set<std::string> values{std::string(kAnother)};
    for (const auto& [attribute, text] : way_->route->attributes)
      if (text.find(gap) != text.npos) values.merge(tenants());
    for (const std::string& other : values) {
      Way way = *way_;
      way.values[name] = other;
      auto target = ways_.target(way, original_.target);
      if (!target || !done.insert(target->path).second) continue;
      auto what = fmt::format("{} on {}", way.route->action, task::uid_text(way.resource()));
      if (way.resource() == way_->resource()) what += fmt::format(" with {} `{}`", name, other);
      add_target(Dimension::kNextResource, std::move(what), *std::move(target));
    }
  }
}

// The same of attributes that a test gives itself.
void Deriver::resources_by_attributes() {
  const auto* attributes = original_.target.attributes.if_object();
  if (attributes == nullptr) return;
  for (const auto& [name, value] : *attributes) {
    const auto* text = value.if_string();
    if (text == nullptr) continue;
    for (const std::string& other : tenants()) {
      if (other == *text || (name != "tenant" && other != kAnother)) continue;
      Target next = explicit_target();
      next.attributes.set(name, other);
      auto what = fmt::format("{} on {} with {} `{}`", next.action.id, permit_.resource, name, other);
      add_target(Dimension::kNextResource, std::move(what), std::move(next));
    }
  }
}

// Another route to the same: it may say less of the resource.
void Deriver::routes() {
  if (!way_) return;
  for (const auto& route : ways_.routes()) {
    if (&route == way_->route || route.api != way_->route->api || route.action != way_->route->action ||
        route.resource_type != way_->route->resource_type)
      continue;
    const auto way = ways_.by(route, way_->resource().id, way_->values);
    auto target = way ? ways_.target(*way, original_.target) : std::nullopt;
    if (!target) continue;
    auto what = fmt::format("{} {}", target->method, target->path);
    add_target(Dimension::kOtherRoute, std::move(what), *std::move(target));
  }
}

// What a policy takes for optional is not there.
void Deriver::attributes() {
  if (original_.target.issue || api_ == nullptr) return;
  const auto resource = explicit_target().resource;
  if (is_task_of(suite_, resource)) return;
  for (const std::string& name : facts_->of_some_resources) {
    auto what = fmt::format("without `resource.{}`", name);
    if (original_.target.attributes.find(name) != nullptr) {
      Target next = explicit_target();
      std::erase_if(*next.attributes.if_object(), [&](const auto& each) { return each.first == name; });
      add_target(Dimension::kHiddenAttribute, std::move(what), std::move(next));
    } else {
      add_in(Dimension::kHiddenAttribute, std::move(what), without_attribute(suite_, resource, name));
    }
  }
}

}  // namespace writ::policytest
