#include <millrace/messages/data/table_batch.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/rejects.hpp>
#include <millrace/nodes/host/cluster_identity.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/lines/line_rows.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/query/table/result_text.hpp>

#include <cstdio>
#include <map>

namespace millrace::nodes {

namespace {

constexpr uint64_t reject_file_bytes_max = uint64_t{4} << 30;
/// How torq::dead_letters ends the line of a batch that was taken after all.
constexpr std::string_view taken_mark = "\"taken\":true}";

table_schema letters_schema(bool payload) {
  table_schema out;
  out.name = "rejects";
  out.columns
    = {{"rdb", column_type::string},     {"stream", column_type::string},
       {"position", column_type::long_}, {"origin", column_type::string},
       {"id", column_type::long_},       {"table", column_type::string},
       {"rows", column_type::long_},     {"reason", column_type::string}};
  if (payload)
    out.columns.push_back({"payload", column_type::string});
  return out;
}

error add_letter(batch_builder& into, const std::string& rdb,
                 const text::json_value& letter) {
  const auto& columns = into.schema().columns;
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto& value = letter.at(columns[i].name);
    if (columns[i].type == column_type::long_) {
      const auto number = value.integer();
      if (!number)
        return {errc::corrupt, "'" + columns[i].name + "' is not a number"};
      into.append(i, *number);
    } else if (i == 0) {
      into.append_string(i, rdb);
    } else if (const auto* text = value.text()) {
      into.append_string(i, *text);
    } else {
      return {errc::corrupt, "'" + columns[i].name + "' is not a text"};
    }
  }
  into.end_row();
  return {};
}

/// Which batch a line is about.
std::string batch_of(const text::json_value& letter) {
  std::string out;
  for (const auto* key : {"stream", "position", "origin", "id"})
    out += letter.at(key).dump() + ' ';
  return out;
}

/// The letters of one process that wait; a last line without an end is being
/// written. torq::dead_letters writes them.
error read_letters(const std::string& path, const std::string& rdb,
                   batch_builder& into) {
  const auto bytes = persistence::read_file(persistence::posix_file_system(),
                                            path, reject_file_bytes_max);
  if (!bytes)
    return bytes.failure().code == errc::not_found ? error{} : bytes.failure();
  const std::string_view all{reinterpret_cast<const char*>(bytes->data()),
                             bytes->size()};
  // The line by which each was taken after all, of those that were.
  std::map<std::string, size_t> taken;
  for (const bool lists : {false, true}) {
    auto rest = all;
    for (size_t number = 1, end;
         (end = rest.find('\n')) != std::string_view::npos;
         rest.remove_prefix(end + 1), ++number) {
      const auto line = rest.substr(0, end);
      if (line.ends_with(taken_mark) == lists)
        continue;
      const auto letter = text::parse_json(line);
      error fault;
      if (!letter)
        fault = letter.failure();
      else if (!lists)
        taken[batch_of(*letter)] = number;
      else if (const auto by
               = taken.empty() ? taken.end() : taken.find(batch_of(*letter));
               by == taken.end() || by->second < number)
        fault = add_letter(into, rdb, *letter);
      if (fault)
        return {errc::corrupt,
                path + ":" + std::to_string(number) + ": " + fault.context};
    }
  }
  return {};
}

query::result_format result_format_of(output_format output) {
  if (output == output_format::csv)
    return query::result_format::csv;
  return output == output_format::json ? query::result_format::json
                                       : query::result_format::table;
}

void declare(option_list& list, rejects_options& into) {
  declare_config(list, into.config);
  list.text("PROCESS", into.process, "Only those of this process");
  list.flag("--payload", into.payload,
            "Also the batch itself, in hexadecimal digits");
  declare_output_or_csv(list, into.output);
}

int run(const rejects_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  // No file is none kept; but not where the whole directory is another's, or is
  // not mounted.
  const auto founded = asked_cluster_id(persistence::posix_file_system(),
                                        config->data_directory);
  if (!founded)
    return fail(founded.failure());
  if (*founded == unfounded_cluster)
    return fail({errc::not_found,
                 config->data_directory
                   + ": nothing of this cluster was "
                     "started with it on this host ('data' of [cluster] names "
                     "it)"});
  batch_builder letters{letters_schema(options.payload)};
  bool found = options.process.empty();
  int code = exit_ok;
  std::vector<std::string> rdbs;
  for (const auto& process : config->processes) {
    const auto file = config->data_directory + "/rejects/" + process.name;
    if (process.type != process_type::rdb
        && !persistence::posix_file_system().exists(file))
      continue;
    rdbs.push_back(process.name);
    if (!options.process.empty() && options.process != process.name)
      continue;
    found = true;
    // Its file is on the disk of its host.
    if (const auto here = process.node.empty()
                            ? result<const node_config*>{nullptr}
                            : node_of_this_host(*config, process.node);
        !here) {
      code = fail(
        {here.failure().code, process.name + ": " + here.failure().context});
      continue;
    }
    if (const auto fault = read_letters(file, process.name, letters))
      return fail(fault);
  }
  if (!found)
    return fail({errc::not_found, config->path + ": no rdb is named '"
                                    + options.process + "'"
                                    + text::meant(options.process, rdbs)});
  const auto bytes = letters.encode();
  const auto batch = decode_batch(bytes);
  if (!batch)
    return fail(batch.failure());
  const auto text
    = query::to_text(to_table(*batch), result_format_of(options.output));
  std::fwrite(text.data(), 1, text.size(), stdout);
  return code;
}

} // namespace

const command<rejects_options> rejects_command{
  {"rejects",
   "List the batches that fit no table, or that ended the rdb that took them",
   "millrace rejects --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
