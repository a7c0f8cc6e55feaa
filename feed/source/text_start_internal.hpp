#pragma once

#include <millrace/feed/source/piece_cutter.hpp>
#include <millrace/feed/source/reader.hpp>
#include <millrace/feed/source/source.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::feed {

/// A source at the place where its reading begins.
struct opened_text {
  /// None: the text is empty, so that it has no header and needs none.
  std::optional<piece_cutter> cutter;
  std::shared_ptr<const binding> fitted;
  bool resumed = false; ///< After published rows.
};

/// Opens one source at its first row, more than once if need be. What it is
/// made of outlives it.
class text_start {
public:
  text_start(persistence::file_system& fs, const source_info& info,
             const reader_options& options)
    : fs_{&fs}, info_{&info}, options_{&options} {}

  /// To the first line after the header; fits the layout the first time.
  [[nodiscard]] error begin();
  /// The text at its first line, whatever its header and layout are.
  [[nodiscard]] result<piece_cutter> lines();

  [[nodiscard]] opened_text& out() noexcept { return out_; }
  /// See piece_cutter::line_marks; after `begin`. None of a pipe, which is not
  /// waited for, and of rejected lines.
  [[nodiscard]] const std::vector<uint32_t>& marks() const noexcept {
    return marks_;
  }
  /// What the name of a file says in its rows, for a source whose name in
  /// cursors does not tell: as this layout makes it of the file's name, where
  /// it is by this one that it was read. After `begin`.
  void tell_named(text_identity& of) const;
  /// Lines before the first row.
  [[nodiscard]] uint64_t head_lines() const noexcept { return head_lines_; }
  [[nodiscard]] const source_info& info() const noexcept { return *info_; }
  [[nodiscard]] const reader_options& options() const noexcept {
    return *options_;
  }
  [[nodiscard]] persistence::file_system& fs() const noexcept { return *fs_; }

private:
  [[nodiscard]] piece_cutter::options how() const;
  [[nodiscard]] result<piece_cutter>
  open_cutter(std::optional<std::string>& header);
  [[nodiscard]] std::unique_ptr<source>
  decoded(std::unique_ptr<source> from) const;
  [[nodiscard]] result<source_info> file_of() const;
  [[nodiscard]] result<std::optional<std::string>>
  take_header(piece_cutter& from) const;
  [[nodiscard]] bool is_nameless(std::string_view line) const;
  [[nodiscard]] error fit(std::vector<std::string> names,
                          const std::optional<std::string>& header);
  void name_it(const std::optional<std::string>& header);

  persistence::file_system* fs_;
  const source_info* info_;
  const reader_options* options_;
  opened_text out_;
  binding_request request_; ///< Of `out_.fitted`.
  std::vector<uint32_t> marks_;
  uint64_t head_lines_ = 0;
};

} // namespace millrace::feed
