#include "reference.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace writ::differential {

Result<std::unique_ptr<Reference>> Reference::start(const std::string& program) {
  std::signal(SIGPIPE, SIG_IGN);
  std::array<int, 2> questions{};
  std::array<int, 2> answers{};
  if (access(program.c_str(), X_OK) != 0)
    return failure(ErrorCode::kNotFound, fmt::format("cannot execute `{}`", program));
  if (pipe2(questions.data(), O_CLOEXEC) != 0 || pipe2(answers.data(), O_CLOEXEC) != 0)
    return failure(ErrorCode::kIo, fmt::format("no pipe: {}", std::strerror(errno)));
  const pid_t child = fork();
  if (child < 0) return failure(ErrorCode::kIo, fmt::format("cannot fork: {}", std::strerror(errno)));
  if (child == 0) {
    dup2(questions[0], STDIN_FILENO);
    dup2(answers[1], STDOUT_FILENO);
    execl(program.c_str(), program.c_str(), nullptr);
    _exit(127);
  }
  close(questions[0]);
  close(answers[1]);
  fcntl(questions[1], F_SETFL, O_NONBLOCK);
  fcntl(answers[0], F_SETFL, O_NONBLOCK);
  return std::unique_ptr<Reference>(new Reference(child, questions[1], answers[0]));
}

Reference::~Reference() {
  close(to_);
  close(from_);
  kill(child_, SIGTERM);
  waitpid(child_, nullptr, 0);
}

void Reference::send(std::string_view line) {
  outgoing_.append(line).push_back('\n');
  serve(0);
}

Result<std::string> Reference::receive() {
  while (answers_.empty()) {
    if (!serve(kPatienceSeconds * 1000))
      return failure(ErrorCode::kUnavailable, ended_ ? "the reference has ended" : "the reference is silent");
  }
  std::string answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

bool Reference::serve(int timeout_ms) {
  if (ended_) return false;
  std::array<pollfd, 2> descriptors{
      {{from_, POLLIN, 0}, {to_, static_cast<short>(outgoing_.empty() ? 0 : POLLOUT), 0}}};
  const int ready = poll(descriptors.data(), descriptors.size(), timeout_ms);
  if (ready <= 0) return ready < 0 && errno == EINTR;
  if ((descriptors[1].revents & POLLOUT) != 0) write_some();
  if ((descriptors[0].revents & (POLLIN | POLLHUP)) != 0) return read_some();
  return true;
}

bool Reference::read_some() {
  std::array<char, 65536> buffer;
  const ssize_t count = read(from_, buffer.data(), buffer.size());
  if (count == 0) ended_ = true;
  if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
  std::size_t begin = 0;
  for (auto end = bytes.find('\n'); end != bytes.npos; end = bytes.find('\n', begin)) {
    incoming_ += bytes.substr(begin, end - begin);
    answers_.push_back(std::move(incoming_));
    incoming_.clear();
    begin = end + 1;
  }
  incoming_ += bytes.substr(begin);
  return true;
}

void Reference::write_some() {
  const ssize_t count = write(to_, outgoing_.data(), outgoing_.size());
  if (count > 0) outgoing_.erase(0, static_cast<std::size_t>(count));
}

}  // namespace writ::differential
