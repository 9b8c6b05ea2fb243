// writ inventory grant: what identities are given until a day, over /v1 (docs/grants.md).
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/inventory_commands.h"
#include "cli/output.h"
#include "cli/remote.h"

namespace writ::cli {
namespace {

using codec::Json;

struct InventoryGrantOptions : ApiOptions {
  std::string id, of_template, principal, resource, until, review_by, owner, description;
};

std::string grant_line(const Json& grant) {
  return fmt::format("{:<28} {:<9} until {:<12} {} {}", show(grant, "id"), show(grant, "status"),
                     show(grant, "lapses_at"), show(grant, "template"), show(grant, "principal"));
}

std::string grants_text(const Json& answer) {
  return list_text(answer, "grants", grant_line, "there are no grants");
}

std::string grant_text(const Json& grant) {
  return members_text(grant, 14);
}

int give(const InventoryGrantOptions& options) {
  Json body =
      Json::object({{"id", options.id}, {"template", options.of_template}, {"principal", options.principal}});
  for (const auto& [name, value] : {std::pair("resource", &options.resource),
                                    {"expires_at", &options.until},
                                    {"review_by", &options.review_by},
                                    {"owner", &options.owner},
                                    {"description", &options.description}}) {
    if (!value->empty()) body.set(name, *value);
  }
  return call_api(options, "POST", "/v1/grants", grant_text, body);
}

}  // namespace

void add_inventory_grant(Command& inventory) {
  auto& grant = inventory.add("grant", "what identities are given until a day: templates of the policies");

  auto listed = std::make_shared<InventoryGrantOptions>();
  auto& list = add_api_command(grant, "list", "list the grants, with when they lapse", *listed);
  list.runs([listed] { return call_api(*listed, "GET", "/v1/grants", grants_text); });

  auto given = std::make_shared<InventoryGrantOptions>();
  auto& giving = add_api_command(grant, "give", "link a template for one identity, until a day", *given);
  giving.option("id", given->id, "the id of the grant, and of the linked policy").required();
  giving.option("--template", given->of_template, "the @id of a template").required();
  giving.option("--principal", given->principal, "the identity that gets it").required();
  giving.option("--resource", given->resource, "for ?resource, as Cedar writes it");
  giving.option("--until", given->until, "the day on which it expires: 2027-01-31");
  giving.option("--review-by", given->review_by, "the day on which it lapses, unless somebody confirms it");
  giving.option("--owner", given->owner, "the id of the user who answers for it");
  giving.option("--description", given->description, "what it is there for");
  giving.runs([given] { return give(*given); });

  auto reviewed = std::make_shared<InventoryGrantOptions>();
  auto& review = add_api_command(grant, "review", "confirm that a grant is needed, until a date", *reviewed);
  review.option("id", reviewed->id, "the grant's id").required();
  review.option("--until", reviewed->until, "the date of the next review: 2027-01-31").required();
  review.runs([reviewed] {
    return call_api(*reviewed, "POST", "/v1/grants/review", grant_text,
                    Json::object({{"id", reviewed->id}, {"review_by", reviewed->until}}));
  });

  auto revoked = std::make_shared<InventoryGrantOptions>();
  auto& revoke = add_api_command(grant, "revoke", "take a grant away, at once", *revoked);
  revoke.option("id", revoked->id, "the grant's id").required();
  revoke.runs([revoked] {
    return call_api(*revoked, "POST", "/v1/grants/revoke", grant_text, Json::object({{"id", revoked->id}}));
  });
}

}  // namespace writ::cli
