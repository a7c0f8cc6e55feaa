#include <millrace/nodes/cli/cluster/own_program.hpp>
#include <millrace/nodes/cli/command/failure.hpp>

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
           const std::string& who_has_it) {
  const auto here = std::filesystem::path{own_program()}.parent_path();
  const auto beside = (here / program).string();
  const auto installed
    = (here / "../libexec/millrace" / program).lexically_normal().string();
  words.insert(words.begin(), beside);
  for (const auto& file : {beside, installed}) {
    words.front() = file;
    std::vector<char*> arguments;
    for (auto& word : words)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execvp(arguments.front(), arguments.data());
    if (errno != ENOENT)
      return fail({errc::unavailable, file + ": " + std::strerror(errno)});
  }
  return fail({errc::unavailable, "neither " + beside + " nor " + installed
                                    + " is there: " + who_has_it});
}

} // namespace millrace::nodes
