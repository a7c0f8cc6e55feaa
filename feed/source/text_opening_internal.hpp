#pragma once

#include <millrace/feed/source/published_place_internal.hpp>
#include <millrace/feed/source/reader.hpp>
#include <millrace/feed/source/source.hpp>
#include <millrace/feed/source/text_start_internal.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::feed {

/// Opens a source, reads its header, and goes to where `options.resume` says
/// that it was left. `bad_data` when it is not what was published under its
/// name; `already_exists` when more of it was published under another one, or
/// was read before as one of `earlier`.
[[nodiscard]] result<opened_text>
open_text(persistence::file_system& fs, const source_info& info,
          const reader_options& options,
          const std::vector<source_read>& earlier = {});

/// Whether sources can be read one after the other, before a row of any is
/// given. What it is made of outlives it.
class text_check {
public:
  text_check(persistence::file_system& fs, const reader_options& options)
    : fs_{&fs}, options_{&options} {}

  /// What `open_text` would say of the source; `already_exists` when its text
  /// is that of one before.
  /// @param info outlives the object
  [[nodiscard]] error add(const source_info& info);

private:
  /// How far a text was read, and what stands there.
  struct extent {
    uint64_t offset = 0;
    uint64_t digest = 0;
    friend bool operator==(const extent&, const extent&) = default;
  };
  struct known_text {
    const source_info* info = nullptr;
    std::string rows; ///< What makes rows of its lines, and where they go.
    std::vector<uint32_t> marks;
    uint64_t begin = 0; ///< Where its reading does.
    extent head;
    std::optional<extent> whole; ///< Read when another one begins so.
  };
  [[nodiscard]] result<extent> whole_of(const source_info& info) const;
  [[nodiscard]] result<std::optional<uint64_t>>
  digest_at(const source_info& info, uint64_t offset) const;
  [[nodiscard]] result<bool> begins_with(known_text& a, known_text& b) const;

  persistence::file_system* fs_;
  const reader_options* options_;
  std::vector<known_text> known_;
};

} // namespace millrace::feed
