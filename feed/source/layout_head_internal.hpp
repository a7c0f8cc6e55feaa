#pragma once

#include <millrace/feed/source/source.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// What is told of it is in layout_head_text.cpp.

namespace millrace::feed {

/// What the first lines of a text look like.
struct layout_head {
  bool json = false;     ///< Lines are documents: `paths` are what they hold.
  bool comments = false; ///< Some lines begin with #, and are none of these:
  size_t hash_rows = 0;  ///< lines that do, and are rows all the same.
  size_t hash_like_rows = 0;   ///< Comments with as many fields as rows.
  std::string_view first_hash; ///< The first of either.
  bool quote = false;          ///< Fields may be in double quotes.
  char delimiter = ',';        ///< Of lines with several fields.
  size_t fields = 1;           ///< Of most lines.
  /// Of each field: blanks stand around some values; not in `rows`.
  std::vector<bool> padded;
  /// Of each field: before values, and not before those of all fields alike.
  std::vector<bool> ragged;
  size_t skipped = 0; ///< Lines before the header, or the first row.
  std::string_view first_skipped; ///< Of them, the first that is not blank.
  bool header = false;            ///< The first line has names.
  /// The header has one name fewer than rows have fields: the one that lacks
  /// is empty in `names`, and fields are told by their places.
  bool is_short = false;
  bool counts_rows = false; ///< The same, and the first field counts rows.
  size_t unplaced = 0; ///< Names that cannot be told which field they are of,
  std::string_view unplaced_names; ///< and the line that holds them.
  std::string_view header_text;    ///< As it stands.
  size_t headers = 0;              ///< Lines that are the header again.
  std::vector<std::string> names;  ///< Of the header, or keys of JSON.
  std::vector<std::string> paths;
  std::vector<std::string> left_out; ///< Lists of JSON.
  std::vector<std::string> mixed;    ///< Lists in some lines, values in others.
  std::vector<std::string> repeated; ///< Keys that a line has twice.
  std::vector<std::string> empty;    ///< Null in all lines of JSON.
  size_t lines = 0;                  ///< Of JSON, and others among them.
  size_t not_json = 0;               ///< Of these, those that are none,
  size_t first_not_json = 0;         ///< and the first one, from 0.
  std::string_view text_not_json;    ///< What stands there.
  std::vector<std::vector<std::string>> rows; ///< Those with `fields` fields.
  std::map<size_t, size_t> other_lines;       ///< Fields, and lines of so many.
  std::string_view body;                      ///< The text after the header.
};

/// @param head whole lines; what is returned points into it
/// `bad_data` when there are none, or it is one document of JSON, or it has a
/// header alone.
[[nodiscard]] result<layout_head> read_layout_head(std::string_view head);

/// What only a person can know of its lines.
[[nodiscard]] std::vector<std::string> questions_of(const layout_head& head);

/// "delimiter ',', a header, the fields time and price" and so on.
[[nodiscard]] std::string seen_in(const layout_head& head);

/// The names of presets, those whose lines look like these first.
[[nodiscard]] std::string presets_for(const layout_head& head);

} // namespace millrace::feed
