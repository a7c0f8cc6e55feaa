#pragma once

#include <millrace/feed/source/text_identity.hpp>
#include <millrace/feed/source/text_start_internal.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::feed {

/// A source that this run has read, as far as it did.
struct source_read {
  source_cursor until;
  std::string label; ///< Where it lies now.
};

/// Where the reading of a text goes on, by what was published of it under every
/// name and by every layout: the identity of a text is its beginning, and rows
/// of a line come once. What it is made of outlives it.
class published_place {
public:
  /// @param text begun
  published_place(text_start& text, const std::vector<source_read>& earlier)
    : text_{text}, options_{text.options()}, earlier_{earlier},
      own_{parse_text_identity(text.out().fitted->identity)} {}

  /// None: from its first line. Moves the text's cutter. `bad_data` when it is
  /// not what was published under its name by whatever layout, `already_exists`
  /// when its lines were published otherwise further than under it.
  [[nodiscard]] result<std::optional<source_cursor>> find();

  [[nodiscard]] static error changed(const source_cursor& place);

private:
  /// What a source was read up to that is this one, or another one whose text
  /// may be this one's.
  struct known_source {
    source_cursor until;
    std::string label; ///< Where it lay, or lies.
    text_identity told;
    bool own = false;
    bool layout = false; ///< Other rows were made of its lines.
  };
  [[nodiscard]] bool is_own(const source_cursor& each) const;
  [[nodiscard]] std::vector<known_source> known() const;
  [[nodiscard]] error look(const std::vector<known_source>& all);
  [[nodiscard]] error look_at_longer(const std::vector<known_source>& all);
  [[nodiscard]] result<std::optional<bool>>
  is_begin_of(const known_source& each) const;
  [[nodiscard]] error judge() const;
  [[nodiscard]] error other_rows() const;
  [[nodiscard]] error check_rejects() const;
  [[nodiscard]] const source_cursor* published_here() const;

  text_start& text_;
  const reader_options& options_;
  const std::vector<source_read>& earlier_;
  text_identity own_;
  std::optional<known_source> place_; ///< The furthest one of its own.
  std::optional<known_source> other_; ///< The furthest one of others.
  bool ended_ = false;                ///< The text, before all were looked at.
  uint64_t length_ = 0;               ///< Of it, then.
  uint64_t digest_ = 0;
  std::optional<known_source> longer_; ///< Whose beginning it is.
  bool is_certain_ = false;            ///< Else its first lines say so.
};

} // namespace millrace::feed
