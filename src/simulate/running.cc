#include "simulate/running.h"

#include <fmt/format.h>
#include <future>

#include "base/blocking.h"
#include "context/tenant.h"
#include "enforce/told_facts.h"
#include "facts/pushed.h"
#include "simulate/inquiry.h"
#include "sources/sources.h"

namespace writ::simulate {
namespace {

// Of the source's attributes, those that the question does not state itself.
std::vector<std::string> unstated(const Hypothesis& asked, const sources::AskedSource& source) {
  const auto& all = source.settings().reading.attributes;
  if (!asked.attributes) return all;
  cedar::Arena arena;
  const auto& stated = asked.attributes(arena).as_record();
  std::vector<std::string> rest;
  for (const auto& name : all)
    if (stated.find(name) == nullptr) rest.push_back(name);
  return rest;
}

sources::AskedSource::Answer told_by(sources::AskedSource& source, const sources::SourceQuery& query,
                                     const cedar::SchemaPtr& schema) {
  if (auto told = source.cached(query, schema.get())) return told;
  may_block("a source of facts");
  constexpr std::uint64_t kOperators = 0;  // they share the room of one caller
  std::promise<sources::AskedSource::Answer> promise;
  source.ask(query, schema, kOperators, [&](auto answer) { promise.set_value(std::move(answer)); });
  return promise.get_future().get();
}

}  // namespace

Result<control::Simulated> RunningSimulator::simulate(const codec::Json& question, Instant now) const {
  const auto in_force = parts_.current.get();
  auto inquiry = TRY(read_inquiry(question, {.inventory = *in_force->inventory,
                                             .routes = *in_force->routes,
                                             .tasks = parts_.tasks,
                                             .issuer = parts_.issuer,
                                             .token_lifetime = parts_.token_lifetime,
                                             .now = now}));
  auto& asked = inquiry.hypothesis;
  const auto task = asked.claims && asked.claims->task ? parts_.tasks.find(*asked.claims->task) : nullptr;
  const enforce::Deciding state{*in_force->inventory, *in_force->policies, task.get(),
                                in_force->pushed.get()};
  std::shared_ptr<const sources::ToldFacts> told;
  std::vector<context::FactNote> notes(asked.notes.begin(), asked.notes.end());
  std::optional<Denial> untold;
  const auto source = sources::source_of(in_force->sources, asked.resource.type);
  const auto awaited = source != nullptr ? unstated(asked, *source) : std::vector<std::string>();
  if (!awaited.empty() && asked.claims && TRY(parts_.what_if.needs_facts(asked, state, awaited))) {
    const auto tenant =
        context::tenant_of(*asked.claims, in_force->inventory->find(asked.claims->subject), task.get());
    const sources::SourceQuery query{tenant ? std::optional<std::string>(*tenant) : std::nullopt,
                                     asked.resource.id};
    auto answer = told_by(*source, query, in_force->policies->schema);
    if (answer && (*answer)->schema != in_force->policies->schema) {
      untold = {Reason::kIndeterminate,
                "the schema changed while this question waited for facts; ask it again"};
    } else if (answer) {
      told = *std::move(answer);
      enforce::append_notes(notes, source->paths(), source->label(), *told);
      asked.notes = notes;
      asked.attributes = enforce::with_told(std::move(asked.attributes), *told);
    } else {
      untold = {Reason::kFactsUnavailable, fmt::format("{}: {}", source->label(), answer.error().why)};
    }
  }
  auto prospect =
      untold ? Prospect{std::move(untold), {}, {}} : TRY(parts_.what_if.ask(asked, state, parts_.redaction));
  return control::Simulated{.api = std::move(asked.api),
                            .action = std::move(asked.action),
                            .resource = std::move(asked.resource),
                            .time = asked.time,
                            .left_out = std::move(inquiry.left_out),
                            .explain = inquiry.explain,
                            .prospect = std::move(prospect),
                            .policy_revision = in_force->policies->revision};
}

}  // namespace writ::simulate
