#include "cli/commands.h"

int main(int argc, char** argv) {
  return writ::cli::run(argc, argv);
}
