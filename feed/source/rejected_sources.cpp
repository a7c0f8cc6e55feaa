#include <millrace/feed/parse/reject.hpp>
#include <millrace/feed/source/fed_rejects_internal.hpp>
#include <millrace/feed/source/reject_file.hpp>
#include <millrace/feed/source/rejected_sources_internal.hpp>
#include <millrace/feed/source/text_identity.hpp>
#include <millrace/feed/source/text_start_internal.hpp>
#include <millrace/messages/text/civil_time.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

namespace millrace::feed {

namespace {

error check_said(const line_reading& reading, const reader_options& options) {
  const auto& table = options.schema.name;
  if (reading.table != table)
    return {errc::invalid_argument,
            "is of table '" + reading.table + "', and not of '" + table
              + "': keep the lines of each table in a file of its own"};
  const auto refused = [](const std::string& was, const std::string& option) {
    return error{errc::invalid_argument,
                 "was read with " + option + " " + was + ", and " + option
                   + " says another: leave it out, for each line brings "
                     "its own"};
  };
  if (reading.date && options.date && *reading.date != *options.date)
    return refused(text::date_text(*reading.date), "--date");
  if (!reading.symbol.empty() && !options.symbol.empty()
      && reading.symbol != options.symbol)
    return refused(reading.symbol, "--symbol");
  return {};
}

} // namespace

result<std::vector<source_info>> list_rejects(persistence::file_system& fs,
                                              const reader_options& options) {
  const auto settled = settle_rejects(fs, options);
  if (!settled)
    return settled.failure();
  std::map<std::string, std::shared_ptr<reject_text>> texts;
  std::vector<source_info> out;
  uint64_t number = 0;
  for (const auto& each : settled->lines) {
    ++number;
    if (is_part(each))
      continue;
    if (each.reading)
      if (auto fault = check_said(*each.reading, options)) {
        fault.context = options.only_rejects + ":" + std::to_string(number)
                        + ": the line " + fault.context;
        return fault;
      }
    auto& text = texts[reading_key(each)];
    if (!text) {
      text = std::make_shared<reject_text>();
      text->reading = each.reading;
      auto& info = out.emplace_back();
      // A member's name follows the path of its archive.
      info.path = each.source;
      if (const auto mark = each.source.rfind('#');
          mark != std::string::npos && !fs.exists(each.source)) {
        info.path = each.source.substr(0, mark);
        info.member = each.source.substr(mark + 1);
      }
      info.rejected = text;
    }
    text->lines.push_back(
      {text->text.size(), each.line, each.offset, each.hash});
    text->text += unprintable(each.text) + "\n";
  }
  for (auto& each : out)
    each.total_bytes = each.rejected->text.size();
  return out;
}

said_of_source said_of(const source_info& info, const reader_options& options) {
  said_of_source out{options.date, options.symbol};
  if (!info.rejected || !info.rejected->reading)
    return out;
  // What a mended layout has no use for would only be in its way.
  const auto& was = *info.rejected->reading;
  if (was.date && uses_date(options.layout))
    out.date = was.date;
  if (!was.symbol.empty() && uses_symbol(options.layout))
    out.symbol = was.symbol;
  return out;
}

namespace {

/// The name of a file, or of a member, up to its first dot, wherever it lies.
std::string_view name_stem(std::string_view name) {
  const auto slash = name.rfind('/');
  name.remove_prefix(slash == name.npos ? 0 : slash + 1);
  return name.substr(0, name.find('.'));
}

/// Whether a text that was read is the one of which lines were rejected; none:
/// that one is not there any more.
std::optional<bool> is_same_text(text_start& text, const source_cursor& each) {
  auto lines = text.lines();
  if (!lines)
    return std::nullopt;
  if (compare_marks(lines->line_marks(), parse_text_identity(each.name).marks)
        .differ)
    return false;
  const auto reached = lines->skip_to(each.offset, each.row);
  if (!reached || !*reached)
    return std::nullopt; // It may have been longer.
  return lines->digest() == each.digest;
}

} // namespace

error check_unread(text_start& text) {
  const auto& info = text.info();
  if (!info.rejected || !info.rejected->reading || info.rejected->lines.empty())
    return {};
  const auto said = said_of(info, text.options());
  const auto& was = *info.rejected->reading;
  if (said.date == was.date && said.symbol == was.symbol)
    return {};
  const auto place
    = parse_text_identity(*source_of_rejects(text.out().fitted->identity))
        .place;
  for (const auto& each : text.options().resume) {
    const auto told = parse_text_identity(each.name);
    if (source_of_rejects(each.name) || told.place != place || told.pipe)
      continue;
    const auto read = std::find_if(
      info.rejected->lines.begin(), info.rejected->lines.end(),
      [&](const auto& line) { return line.offset < each.offset; });
    if (read == info.rejected->lines.end())
      continue;
    const auto same = told.name == info.label() ? std::optional{true}
                                                : is_same_text(text, each);
    const auto line = "line " + std::to_string(read->line);
    if (same == true)
      return {errc::already_exists,
              line
                + " was read with this date and symbol since it was "
                  "rejected: take it out of the reject file"};
    if (!same && name_stem(told.name) == name_stem(info.label()))
      return {errc::already_exists,
              line + " may have been read with this date and symbol, as "
                + told.name
                + ": its file is not there any more to be compared; put it "
                  "back, or take the line out of the reject file"};
  }
  return {};
}

error check_header(const source_info& info,
                   const std::optional<std::string>& now) {
  if (!info.rejected || !info.rejected->reading)
    return {};
  const auto& was = info.rejected->reading->header;
  if (was.has_value() != now.has_value())
    return {errc::bad_data,
            std::string{"its rejected lines were read "}
              + (was ? "under a header, and the layout has none"
                     : "without a header, and the layout has one")
              + ": leave `header` as it was"};
  if (!was || *was == line_hash(*now))
    return {};
  return {errc::bad_data,
          "its header is not the one any more that its rejected lines were "
          "read under: write that header and the lines into a file, feed it, "
          "and take them out of the reject file"};
}

} // namespace millrace::feed
