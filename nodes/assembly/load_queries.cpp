#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/load_queries.hpp>
#include <millrace/nodes/configuration/read_queries.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace millrace::nodes {

namespace {

constexpr size_t file_bytes_max = size_t{16} << 20;

/// The queries of all files, those of the configuration first.
class query_list {
public:
  explicit query_list(const cluster_config& config) : config_{config} {}

  void add(const query_config& what) {
    const auto [at, is_new] = found_.emplace(what.name, &what);
    if (is_new)
      return;
    if (*at->second != what)
      fault(what, what.line, "name",
            "'" + what.name + "' is a query of " + at->second->file + ":"
              + std::to_string(at->second->line) + " too");
  }
  void fault(const query_config& of, uint32_t line, const char* key,
             const std::string& why) {
    add_line(of.file + ":" + std::to_string(line) + ":query." + key + ": "
             + why);
  }
  void add_line(const std::string& line) {
    text::add_to_list(faults_, line, "\n");
  }

  /// Tries each, with the tables as they are declared.
  result<std::shared_ptr<const query::named_queries>> take() {
    auto out = std::make_shared<query::named_queries>();
    for (const auto& [name, what] : found_)
      out->emplace(name, query::named_query{what->language, what->parameters,
                                            what->text, what->description});
    for (const auto& [name, what] : query::built_in_queries())
      out->emplace(name, what);
    const auto find = [this](std::string_view name) -> const table_schema* {
      const auto* table = config_.table(name);
      return table == nullptr ? nullptr : &table->schema;
    };
    for (const auto& [name, what] : found_)
      if (const auto why = query::check(*out, name, find))
        fault(*what, what->text_line, "text", why.context);
    if (!faults_.empty())
      return error{errc::config, faults_};
    return std::shared_ptr<const query::named_queries>{std::move(out)};
  }

private:
  const cluster_config& config_;
  std::map<std::string, const query_config*> found_;
  std::string faults_;
};

} // namespace

result<std::shared_ptr<const query::named_queries>>
load_queries(persistence::file_system& fs, const cluster_config& config) {
  query_list out{config};
  for (const auto& each : config.queries)
    out.add(each);
  // Their queries stay where they are: the list points to them.
  std::map<std::string, std::vector<query_config>> read;
  for (const auto& process : config.processes)
    for (const auto& path : process.query_files) {
      if (read.contains(path))
        continue;
      const auto text = persistence::read_text_file(fs, path, file_bytes_max);
      if (!text) {
        out.add_line(config.path + ":" + std::to_string(process.load_line)
                     + ":process.load: " + text.failure().context);
        continue;
      }
      auto queries = parse_queries(*text, path);
      if (!queries) {
        out.add_line(queries.failure().context);
        continue;
      }
      for (const auto& each :
           read.emplace(path, *std::move(queries)).first->second)
        out.add(each);
    }
  return out.take();
}

} // namespace millrace::nodes
