#include "context/vocabulary.h"

#include <algorithm>
#include <fmt/format.h>

namespace writ::context {
namespace {

using enum FactSource;

constexpr FactSource kOfToken[] = {kToken};
constexpr FactSource kOfTokenAndInventory[] = {kToken, kInventory};
constexpr FactSource kOfTokenAndTask[] = {kToken, kTask};
constexpr FactSource kOfAll[] = {kToken, kInventory, kTask};
constexpr FactSource kOfRequest[] = {kRequest};
constexpr FactSource kOfConfiguration[] = {kConfiguration};
constexpr FactSource kOfPeople[] = {kPeople};

constexpr bool kMaybe = true, kAlways = false;

constexpr PathEntry kVocabulary[] = {
    {"user", "User", kMaybe, kOfTokenAndInventory, "the user whom the request is for"},
    {"application", "Application", kMaybe, kOfTokenAndInventory, "the application among the parties"},
    {"service", "Service", kMaybe, kOfTokenAndInventory, "the service among the parties"},
    {"agent", "Agent", kMaybe, kOfTokenAndInventory, "the agent among the parties; of several the nearest"},
    {"chain.depth", "Long", kAlways, kOfToken, "the length of the actor chain"},
    {"chain.ids", "Set<String>", kAlways, kOfToken, "the ids in the actor chain"},
    {"task", "Task", kMaybe, kOfTokenAndTask, "the token's task"},
    {"purpose", "String", kMaybe, kOfTokenAndTask, "the token's claim, else the task's purpose"},
    {"tenant", "String", kMaybe, kOfAll, "the token's claim, else what inventory and task say"},
    {"environment", "String", kMaybe, kOfTokenAndInventory,
     "the token's claim, else what the inventory says"},
    {"token.issued", "datetime", kAlways, kOfToken, "when the token was issued"},
    {"token.senderBound", "Bool", kAlways, kOfToken, "the caller proved to hold the token's key"},
    {"token.acr", "String", kMaybe, kOfToken, "how the user logged in"},
    {"token.authTime", "datetime", kMaybe, kOfToken, "when the user logged in"},
    {"credential.kind", "String", kMaybe, kOfToken,
     "what the client authenticated with when the token was issued"},
    {"credential.created", "datetime", kMaybe, kOfToken, "since when there is that credential"},
    {"request.time", "datetime", kAlways, kOfRequest, "when the request is decided"},
    {"request.ip", "ipaddr", kMaybe, kOfRequest, "the caller's address"},
    {"request.method", "String", kMaybe, kOfRequest, "the method"},
    {"request.path", "String", kMaybe, kOfRequest, "the decoded path"},
    {"calendars", "Set<String>", kAlways, kOfConfiguration, "the calendars in force at `request.time`"},
    {"approved", "Bool", kAlways, kOfPeople, "people have approved this very call"},
    {"amounts.*", "decimal", kMaybe, kOfRequest, "what the route's `amounts` find, as budgets count it"},
    {"input.*", "as declared", kMaybe, kOfRequest, "what the route's `context` finds in the request"},
};

bool is_open(const PathEntry& entry) noexcept {
  return entry.path.ends_with(".*");
}

// `"a-b"` where the syntax has no such name.
std::string written_name(std::string_view name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  constexpr std::string_view kReserved[] = {"true", "false", "if", "then", "else", "in", "is", "like", "has"};
  const bool reserved = std::ranges::find(kReserved, name) != std::end(kReserved);
  return plain && !reserved ? std::string(name) : fmt::format("\"{}\"", name);
}

std::string open_members(const OwnPaths::Types& own) {
  std::string out;
  for (const auto& [name, type] : own)
    out += fmt::format("{}{}?: {}", out.empty() ? " " : ", ", written_name(name), type);
  return out.empty() ? out : out + " ";
}

std::string_view record_of(std::string_view path) {
  const auto dot = path.find('.');
  return dot == path.npos ? std::string_view() : path.substr(0, dot);
}

std::string member(std::string_view name, const PathEntry& entry) {
  return fmt::format("{}{}: {}", name, entry.optional ? "?" : "", entry.type);
}

}  // namespace

std::string_view source_name(FactSource source) noexcept {
  constexpr std::string_view kNames[] = {"token", "inventory", "task", "request", "configuration", "people"};
  return kNames[static_cast<std::size_t>(source)];
}

std::span<const PathEntry> vocabulary() noexcept {
  return kVocabulary;
}

const PathEntry* find_path(std::string_view path) noexcept {
  const auto* found = std::ranges::find_if(kVocabulary, [&](const PathEntry& entry) {
    if (!is_open(entry)) return entry.path == path;
    return path == record_of(entry.path) || record_of(path) == record_of(entry.path);
  });
  return found != std::end(kVocabulary) ? found : nullptr;
}

std::string context_members(const OwnPaths& own) {
  std::string out;
  const auto all = vocabulary();
  for (std::size_t i = 0; i < all.size();) {
    if (i > 0) out += ",\n";
    const auto record = record_of(all[i].path);
    if (is_open(all[i])) {
      out +=
          fmt::format("    {}: {{{}}}", record, open_members(record == "amounts" ? own.amounts : own.input));
      ++i;
      continue;
    }
    if (record.empty()) {
      out += "    " + member(all[i].path, all[i]);
      ++i;
      continue;
    }
    out += fmt::format("    {}: {{ ", record);
    for (std::size_t first = i; i < all.size() && record_of(all[i].path) == record; ++i)
      out += (i > first ? ", " : "") + member(all[i].path.substr(record.size() + 1), all[i]);
    out += " }";
  }
  return out + "\n";
}

}  // namespace writ::context
