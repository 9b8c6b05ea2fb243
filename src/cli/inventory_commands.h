// The commands below `writ inventory` that have files of their own.
#pragma once

#include "cli/command.h"

namespace writ::cli {

void add_inventory_adopt(Command& inventory);
void add_inventory_grant(Command& inventory);
void add_inventory_key(Command& inventory);
void add_inventory_import(Command& inventory);
void add_inventory_owners(Command& inventory);
void add_inventory_review(Command& inventory);
void add_inventory_rotate(Command& inventory);
void add_inventory_seen(Command& inventory);

}  // namespace writ::cli
