#include "store/issuer_prefixes.h"

#include <fmt/format.h>

namespace writ::store {
namespace {

std::string with_prefix(std::string_view prefix) {
  return prefix.empty() ? "without a prefix" : fmt::format("with the prefix `{}`", prefix);
}

}  // namespace

Result<void> keep_issuer_prefixes(Database& database, const IssuerPrefixes& now) {
  IssuerPrefixes before;
  auto load = TRY(database.prepare("SELECT issuer, prefix FROM issuer_prefixes"));
  TRY(load.for_each_row([&](const Statement& row) -> Result<void> {
    before.emplace(row.text(0), row.text(1));
    return {};
  }));
  if (before == now) return {};
  for (const auto& [issuer, prefix] : now) {
    const auto found = before.find(issuer);
    if (found != before.end() && found->second != prefix)
      return failure(
          ErrorCode::kConflict,
          fmt::format("the users of issuer `{}` are named {}, and the configuration names them {}: "
                      "whom somebody stopped would come back by another name; give the "
                      "`subject_prefix` back, or start Writ once without this issuer and stop "
                      "them anew",
                      issuer, with_prefix(found->second), with_prefix(prefix)));
  }
  auto transaction = TRY(Transaction::begin(database));
  TRY(database.execute("DELETE FROM issuer_prefixes"));
  auto save = TRY(database.prepare("INSERT INTO issuer_prefixes (issuer, prefix) VALUES (?1, ?2)"));
  for (const auto& [issuer, prefix] : now) TRY(save.bind(1, issuer).bind(2, prefix).run());
  return transaction.commit();
}

}  // namespace writ::store
