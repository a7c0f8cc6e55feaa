#pragma once

#include <millrace/bench/child_process.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::bench {

/// A part of a measurement in a process of its own: this program once more,
/// started with `part_option`. Both sides talk in lines.
class part_process {
public:
  /// @param words the part's name and its arguments
  [[nodiscard]] static result<std::unique_ptr<part_process>>
  start(const std::vector<std::string>& words);

  /// The next line that the part says; waits for it, ten minutes at most.
  [[nodiscard]] result<std::string> hear();
  /// The same as a list of numbers.
  [[nodiscard]] result<std::vector<int64_t>> hear_numbers();
  [[nodiscard]] error tell(std::string_view line);
  /// It stands still from now on.
  void stop() noexcept { process_->stop(); }

private:
  part_process() = default;

  std::string name_;
  descriptor to_;
  descriptor from_;
  std::string heard_;
  std::unique_ptr<child_process> process_;
};

/// What stands before the name of a part in the words of its process.
inline constexpr auto part_option = "--part";

// For a part.

/// To the process that started this part.
void say(std::string_view line);
/// The next line from there; none: that process has ended.
[[nodiscard]] std::optional<std::string> await_line();

/// Plays a part, until it is over. @returns the exit code.
[[nodiscard]] int run_part(const std::vector<std::string>& words);

} // namespace millrace::bench
