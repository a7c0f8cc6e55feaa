#pragma once

#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/text/number_text.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// Takes the values of a layout's paths out of lines of JSON. Owner: one
/// thread.
class json_splitter {
public:
  explicit json_splitter(const json_lines& wanted);
  ~json_splitter();
  json_splitter(const json_splitter&) = delete;
  json_splitter& operator=(const json_splitter&) = delete;

  /// Appends the values of the rows of one line to `out`, a newline after each,
  /// and where each ends to `ends`: rows times paths of them. A line that the
  /// layout does not want has no rows.
  /// @pre readable for text_slack bytes after the end
  fault split(std::string_view line, std::string& out,
              std::vector<uint32_t>& ends);
  /// After `repeated_key`: the number of the path that has the key; as many as
  /// there are: it is one of `each` or `only`.
  [[nodiscard]] uint32_t repeated_path() const noexcept;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace millrace::feed
