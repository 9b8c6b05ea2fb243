// How commands print: data to standard output, for people or as JSON; what went wrong to standard error.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json.h"

namespace writ::cli {

// Text for people, ending in one line break. What would act on their terminal is shown (cli/visible.h).
void print_text(std::string_view text);
// Text for programs and files, as it is: CSV, patches, schemas, tokens.
void print_exact(std::string_view text);
// Indented JSON.
void print_json(const codec::Json& json);
// Text for people, on standard error.
void print_error(std::string_view text);
// "writ: MESSAGE" on standard error; returns kBroken for `return fail(...)`.
int fail(const Error& error);
int fail(std::string_view message);

// A text value of a JSON object for printing; other values as JSON; "" when absent.
std::string show(const codec::Json& object, std::string_view name);
// A line for each member of an object: its name, in so many columns, and its value.
std::string members_text(const codec::Json& object, std::size_t columns);
// A line for each element of the list of that name in an answer; `none` when there is none.
std::string list_text(const codec::Json& answer, std::string_view name,
                      std::string (*line)(const codec::Json&), std::string_view none);

}  // namespace writ::cli
