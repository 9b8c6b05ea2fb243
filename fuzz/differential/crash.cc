#include "crash.h"

#include <array>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <unistd.h>

namespace writ::differential {
namespace {

// What a signal handler may look at.
const char* volatile case_bytes = nullptr;
volatile std::size_t case_size = 0;
char* file_name = nullptr;

void write_all(int file, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t count = write(file, bytes, size);
    if (count <= 0) return;
    bytes += count;
    size -= static_cast<std::size_t>(count);
  }
}

void on_crash(int signal) {
  if (case_bytes != nullptr) {
    const int file = open(file_name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    write_all(file, case_bytes, case_size);
    close(file);
    constexpr char kMessage[] =
        "cedar-differential: Writ crashed; the case is in crash.json of the output folder\n";
    write_all(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  }
  std::signal(signal, SIG_DFL);
  raise(signal);
}

}  // namespace

void save_crashes_to(const std::string& file) {
  static std::string name;
  name = file;
  file_name = name.data();
  // A stack that has run over is no place for a handler.
  static std::array<char, 65536> memory;
  stack_t stack{};
  stack.ss_sp = memory.data();
  stack.ss_size = memory.size();
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = on_crash;
  action.sa_flags = SA_ONSTACK;
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigaction(signal, &action, nullptr);
}

CrashNote::CrashNote(const std::string& line) {
  case_size = line.size();
  case_bytes = line.data();
}

CrashNote::~CrashNote() {
  case_bytes = nullptr;
}

}  // namespace writ::differential
