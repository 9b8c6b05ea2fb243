#include "simulate/running.h"

#include "facts/pushed.h"
#include "simulate/inquiry.h"

namespace writ::simulate {

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
  auto prospect = TRY(parts_.what_if.ask(asked, state, parts_.redaction));
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
