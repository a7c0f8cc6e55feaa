#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/parse/reject.hpp>
#include <millrace/feed/source/layout_head_internal.hpp>
#include <millrace/messages/text/listed.hpp>

#include <algorithm>

namespace millrace::feed {

namespace {

void ask_about_hashes(const layout_head& head, std::vector<std::string>& out) {
  const auto lines
    = std::to_string(head.hash_rows != 0 ? head.hash_rows : head.hash_like_rows)
      + " of its first, as '" + printable(head.first_hash, 80) + "'";
  if (head.hash_rows != 0)
    out.push_back("lines that begin with '#' are taken for rows (" + lines
                  + "); comment = \"#\" leaves such out");
  else if (head.hash_like_rows != 0)
    out.push_back(
      "lines that begin with '#' are left out, though they have as many "
      "fields as rows ("
      + lines + "); without comment = \"#\" they are read");
}

/// The preset that reads files with such a header; empty: none is known.
std::string preset_of_header(const layout_head& head) {
  if (!head.header || head.json)
    return {};
  const auto has = [&](const std::string& name) {
    return std::find(head.names.begin(), head.names.end(), name)
           != head.names.end();
  };
  for (const auto name : preset_names()) {
    // Those of one's own files, whose names anybody's may have.
    if (name.starts_with("csv-"))
      continue;
    const auto each = preset(name);
    if (!each || !each->header || each->delimiter != head.delimiter)
      continue;
    bool all = true;
    size_t known = 0;
    for (const auto& column : each->columns)
      for (const auto& wanted : column.headers) {
        all = all && has(wanted);
        ++known;
      }
    if (all && known > 2)
      return std::string{name};
  }
  return {};
}

} // namespace

std::vector<std::string> questions_of(const layout_head& head) {
  std::vector<std::string> out;
  ask_about_hashes(head, out);
  if (!head.mixed.empty())
    out.push_back(
      "left out: " + text::joined(head.mixed)
      + "; lists in some lines and values in others: the lines are of "
        "several kinds, and each kind wants a layout of its own (only = "
        "[\"PATH=VALUE\"] takes the lines of one)");
  if (!head.repeated.empty())
    out.push_back("left out: " + text::joined(head.repeated)
                  + "; a line has the key twice, and which is "
                    "meant nobody knows");
  const auto lists = text::joined(head.left_out);
  if (!lists.empty())
    out.push_back(
      "left out: " + lists
      + "; a position takes one element of a list (path = \"bids.0\"), and "
        "each = \"bids\" makes a row per element");
  if (head.not_json != 0)
    out.push_back(std::to_string(head.not_json) + " of its first "
                  + std::to_string(head.lines) + " lines "
                  + (head.not_json == 1 ? "is no object of JSON and gives"
                                        : "are no objects of JSON and give")
                  + " no row, from line "
                  + std::to_string(head.first_not_json + 1) + " on: '"
                  + printable(head.text_not_json, 80) + "'");
  if (head.headers != 0)
    out.push_back(
      std::to_string(head.headers)
      + (head.headers == 1 ? " of its lines is" : " of its lines are")
      + " the header again, as where files were put together, and "
      + (head.is_short ? "rejected" : "passed over"));
  if (head.counts_rows)
    out.push_back(
      "the header has one name fewer than rows have fields: the first field, "
      "which counts rows, is taken for the one without a name, as R writes it");
  if (head.unplaced != 0)
    out.push_back("the line before the first row has "
                  + std::to_string(head.unplaced) + " names, and rows have "
                  + std::to_string(head.fields) + " fields ('"
                  + printable(head.unplaced_names, 80)
                  + "'): which name is of which field cannot be seen, and none "
                    "is taken. Does a text or a time hold the delimiter?");
  if (!head.first_skipped.empty())
    out.push_back("lines before the "
                  + std::string{head.header ? "header" : "first row"}
                  + " are passed over (skip_lines), from '"
                  + printable(head.first_skipped, 80) + "' on");
  std::string others;
  for (const auto& [fields, lines] : head.other_lines)
    others += (others.empty() ? "" : ", ") + std::to_string(lines)
              + (lines == 1 ? " has " : " have ") + std::to_string(fields);
  if (!others.empty())
    out.push_back("its lines have " + std::to_string(head.fields)
                  + " fields, but for others (" + others
                  + "), which give no row: is the delimiter '"
                  + std::string(1, head.delimiter) + "'?");
  if (const auto known = preset_of_header(head); !known.empty())
    out.push_back("the preset '" + known
                  + "' is for files with this header, with their zone and "
                    "dates: 'millrace layout --preset "
                  + known + "' shows it, and --layout " + known
                  + " reads them");
  return out;
}

std::string seen_in(const layout_head& head) {
  constexpr size_t shown_max = 8;
  std::string out
    = head.json          ? "lines of JSON"
      : head.fields == 1 ? "no delimiter of tab | ; , or blank"
      : head.delimiter == '\t'
        ? "fields between tabs"
        : "fields between '" + std::string(1, head.delimiter) + "'";
  if (!head.json)
    out += head.header ? ", a header" : ", no header";
  for (size_t i = 0; i < std::min(head.fields, shown_max); ++i) {
    out += i == 0 ? "; " : ", ";
    if (head.header)
      out += head.names[i] + " ";
    const auto& value = head.rows.empty() ? std::string{} : head.rows[0][i];
    out += "'" + value.substr(0, 40) + "'";
  }
  return out + (head.fields > shown_max ? ", ..." : "");
}

std::string presets_for(const layout_head& head) {
  size_t count = 0;
  std::string like;
  std::string rest;
  for (const auto name : preset_names()) {
    const auto each = preset(name);
    const bool is_like = each && !head.json && !head.header && !each->header
                         && each->fields != 0 && each->decode == decoding::none
                         && each->fields == head.fields
                         && each->delimiter == head.delimiter;
    count += is_like;
    auto& names = is_like ? like : rest;
    names.append(names.empty() ? "" : " ").append(name);
  }
  if (like.empty())
    return rest;
  return like + (count == 1 ? " is" : " are") + " for such lines of "
         + std::to_string(head.fields) + " fields; there are " + rest + " too";
}

} // namespace millrace::feed
