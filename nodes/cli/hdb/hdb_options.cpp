#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/cli/command/kind_of_directory.hpp>
#include <millrace/nodes/cli/hdb/hdb_options.hpp>
#include <millrace/persistence/disk/kdb_directory.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

/// Also one that lost its manifest: what is left are directories of dates.
bool is_database(persistence::file_system& fs, const std::string& path) {
  if (fs.exists(path + "/" + persistence::hdb_manifest_name))
    return true;
  const auto entries = fs.list(path);
  return entries
         && std::any_of(entries->begin(), entries->end(), [](const auto& each) {
              return each.is_directory && text::parse_date(each.name);
            });
}

} // namespace

void declare_database(option_list& list, std::string& directory) {
  list
    .read(
      "DIRECTORY",
      [&directory](const std::string& text) {
        auto& fs = persistence::posix_file_system();
        if (persistence::is_of_kdb(fs, text))
          return error{errc::invalid_argument,
                       "'" + text
                         + "' is a database of kdb+: 'millrace load --kdb "
                         + text + "' takes its rows in"};
        if (auto fault = check_kind(
              fs, text,
              {"the directory of a historical database",
               [&fs](const std::string& at) { return is_database(fs, at); }});
            // Who opens it says that this user may not.
            fault && fault.code != errc::permission)
          return fault;
        directory = text;
        return error{};
      },
      "Directory of the database")
    .required()
    .shown_as("");
}

void hdb_options::declare(option_list& list, hdb_options& into) {
  declare_database(list, into.directory);
  list.text("-t,--table", into.table, "Only this table");
  list
    .read(
      "-p,--partition",
      [&into](const std::string& text) {
        // A date, however it is written.
        const auto date = text::parse_date(text);
        into.partition = date ? text::date_text(*date, '.') : text;
        return error{};
      },
      "Only this partition")
    .shown_as("TEXT");
  declare_output(list, into.output);
}

error check_choice(const hdb_options& options,
                   const persistence::hdb_manifest& manifest) {
  const auto& parts = manifest.parts;
  if (options.table.empty() && options.partition.empty())
    return {};
  if (std::any_of(parts.begin(), parts.end(),
                  [&](const auto& part) { return options.chooses(part); }))
    return {};
  if (!options.table.empty()
      && manifest.newest_schema(options.table) == nullptr)
    return {errc::not_found,
            options.directory + ": " + manifest.no_table(options.table)};
  std::string what;
  if (!options.table.empty())
    what += " of table '" + options.table + "'";
  if (!options.partition.empty())
    what += " in partition '" + options.partition + "'";
  return {errc::not_found, options.directory + ": no part" + what};
}

std::map<std::string, table_schema>
newest_tables(const persistence::hdb_manifest& manifest,
              const std::string& table) {
  std::map<std::string, table_schema> out;
  for (const auto& schema : manifest.schemas)
    if (table.empty() || schema.name == table)
      out.insert_or_assign(schema.name, *manifest.newest_schema(schema.name));
  return out;
}

uint64_t bytes_of(const persistence::hdb_part& part) noexcept {
  uint64_t total = 0;
  for (const auto& file : part.files)
    total += file.bytes;
  return total;
}

} // namespace millrace::nodes
