#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/cli/feed_verdict.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

namespace millrace::nodes {

namespace {

std::string archive_of(const feed::source_report& member) {
  return member.source.substr(0, member.source.find('#'));
}

} // namespace

error judge(const std::vector<feed::source_report>& reports,
            uint64_t rejects_max) {
  error fault;
  for (const auto& each : reports) {
    const auto all = each.rejects + each.rejects_before;
    if (all <= rejects_max)
      continue;
    fault.code = errc::bad_data;
    text::add_to_list(
      fault.context,
      each.source + ": " + std::to_string(all)
        + (all == 1 ? " line gave no row" : " lines gave no row")
        + (each.rejects_before == 0 ? ""
                                    : ", " + std::to_string(each.rejects_before)
                                        + " of them in an earlier run")
        + (each.first_reject.empty() ? "" : "; first " + each.first_reject),
      "; ");
  }
  std::string empty;
  size_t count = 0;
  for (const auto& each : reports)
    if (each.empty) {
      text::add_to_list(empty, each.source);
      ++count;
    }
  if (count == 0)
    return fault;
  fault.code = errc::bad_data;
  text::add_to_list(fault.context,
                    empty + ": nothing to read, "
                      + (count == 1
                           ? std::string{"the file is empty"}
                           : std::to_string(count) + " files are empty"),
                    "; ");
  return fault;
}

error check_keeps_rejects(const std::string& path) {
  std::error_code fault;
  const auto there = std::filesystem::status(path, fault);
  const auto folder = std::filesystem::path{path}.parent_path();
  if (!std::filesystem::exists(there) && !folder.empty()
      && !std::filesystem::is_directory(folder, fault))
    return {errc::not_found,
            "--reject " + path + ": its directory is not there"};
  if (!std::filesystem::exists(there)
      || std::filesystem::is_regular_file(there))
    return {};
  return {errc::invalid_argument,
          "--reject " + path
            + ": is no file that could keep rejected lines; leave it out, and "
              "give --max-rejects N where lines may give no row"};
}

error check_no_directory(const std::vector<std::string>& files) {
  std::error_code fault;
  for (const auto& each : files)
    if (std::filesystem::is_directory(each, fault))
      return {errc::invalid_argument,
              each + ": is a directory; name the files in it, as " + each
                + (each.ends_with('/') ? "*.csv" : "/*.csv")};
  return {};
}

namespace {

std::string counted(uint64_t count, const char* one, const char* more) {
  return std::to_string(count) + " " + (count == 1 ? one : more);
}

} // namespace

void tell_lines(const std::vector<feed::source_report>& reports) {
  for (const auto& each : reports)
    if (!each.left_out.empty())
      fmt::print(stderr,
                 "{}: not read, for a name that begins with a dot is hidden: "
                 "{}\n",
                 archive_of(each), fmt::join(each.left_out, ", "));
  for (const auto& each : reports)
    if (each.published_before != 0)
      fmt::print(stderr,
                 "{}: {} of its lines were published by an earlier run, which "
                 "was interrupted, as they stood then\n",
                 each.source, each.published_before);
  for (const auto& each : reports)
    if (each.passed_over != 0)
      fmt::print(stderr,
                 "{}: {} not of those that the layout looks for, and passed "
                 "over\n",
                 each.source,
                 counted(each.passed_over, "line is", "lines are"));
  for (const auto& each : reports)
    if (each.skipped_rows != 0)
      fmt::print(stderr,
                 "{}: {} as the layout's comment or trailer does, with as many "
                 "fields as rows, and left out\n",
                 each.source,
                 counted(each.skipped_rows, "line begins", "lines begin"));
  for (const auto& each : reports)
    if (each.headers != 0)
      fmt::print(stderr, "{}: {} the header again, and passed over\n",
                 each.source, counted(each.headers, "line is", "lines are"));
  for (const auto& each : reports)
    if (each.in_quotes != 0)
      fmt::print(stderr,
                 "{}: {} in quotes, which are taken as part of the text: a "
                 "layout with quote = true takes them off\n",
                 each.source,
                 counted(each.in_quotes, "text stands", "texts stand"));
  for (const auto& each : reports)
    if (!each.open_line.empty())
      fmt::print(stderr, "{}: its last line has no newline, and {}: {}\n",
                 each.source,
                 each.open_refused
                   ? "gave no row: it is read again with what is added to it"
                   : "was taken as it stands",
                 each.open_line);
}

} // namespace millrace::nodes
