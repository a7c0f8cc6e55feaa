#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/own_program.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace millrace::nodes {

std::string own_program() {
  std::error_code fault;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", fault);
  return fault ? "millrace" : path.string();
}

int become(const std::string& program, std::vector<std::string> words,
           const std::string& made_by) {
  const auto file
    = std::filesystem::path{own_program()}.replace_filename(program).string();
  words.insert(words.begin(), file);
  std::vector<char*> arguments;
  for (auto& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  if (errno == ENOENT)
    return fail({errc::unavailable,
                 file + " is not there, and no package has it: a build with "
                   + made_by + " makes it beside its millrace"});
  return fail({errc::unavailable, file + ": " + std::strerror(errno)});
}

} // namespace millrace::nodes
