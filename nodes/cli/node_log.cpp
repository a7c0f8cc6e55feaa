#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/node_log.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

namespace millrace::nodes {

namespace {

constexpr uint64_t piece_bytes = 64 * 1024;

using opened_log = std::pair<std::unique_ptr<persistence::file>, uint64_t>;

result<opened_log> open_node_log(persistence::file_system& fs,
                                 const std::string& path) {
  auto opened = fs.open(path, persistence::open_mode::read);
  if (!opened && opened.failure().code == errc::not_found)
    return error{errc::not_found,
                 path + " is not there: 'millrace up' on this host makes it"};
  if (!opened)
    return opened.failure();
  const auto size = (*opened)->size();
  if (!size)
    return size.failure();
  return opened_log{std::move(*opened), *size};
}

result<std::string> read_piece(persistence::file& from, uint64_t at,
                               uint64_t bytes) {
  std::string out(bytes, '\0');
  size_t done = 0;
  while (done < out.size()) {
    const auto got = from.read_at(
      at + done, std::as_writable_bytes(std::span{out}.subspan(done)));
    if (!got)
      return got.failure();
    if (*got == 0)
      break;
    done += *got;
  }
  out.resize(done);
  return out;
}

} // namespace

std::string node_log_path(const cluster_config& config, std::string_view node) {
  return config.node_directory(node) + "/node.log";
}

result<log_piece> read_last_lines(persistence::file_system& fs,
                                  const std::string& path, uint64_t count) {
  auto opened = open_node_log(fs, path);
  if (!opened)
    return opened.failure();
  auto& [file, size] = *opened;
  log_piece out;
  // Back, piece by piece, until one line more than wanted begins there.
  for (uint64_t bytes = std::min(size, piece_bytes);;
       bytes = std::min(size, 2 * bytes)) {
    auto text = read_piece(*file, size - bytes, bytes);
    if (!text)
      return text.failure();
    text->resize(text->rfind('\n') + 1);
    const auto lines
      = static_cast<uint64_t>(std::count(text->begin(), text->end(), '\n'));
    if (lines <= count && bytes < size)
      continue;
    out.end = size - bytes + text->size();
    size_t begin = 0;
    for (uint64_t i = count; i < lines; ++i)
      begin = text->find('\n', begin) + 1;
    out.text = text->substr(begin);
    return out;
  }
}

result<log_piece> read_log_from(persistence::file_system& fs,
                                const std::string& path, uint64_t from) {
  auto opened = open_node_log(fs, path);
  if (!opened)
    return opened.failure();
  auto& [file, size] = *opened;
  const auto begin = size < from ? 0 : from;
  auto text
    = read_piece(*file, begin, std::min(size - begin, 16 * piece_bytes));
  if (!text)
    return text.failure();
  text->resize(text->rfind('\n') + 1);
  const auto end = begin + text->size();
  return log_piece{*std::move(text), end};
}

std::string json_lines(std::string_view text) {
  static constexpr std::array<std::string_view, 6> keys{
    "time", "host", "proctype", "procname", "level", "id"};
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('{')) {
      out.append(line) += '\n';
      continue;
    }
    auto object = text::json_value::object();
    auto rest = line;
    for (const auto key : keys) {
      const auto bar = rest.find('|');
      if (bar == rest.npos)
        break;
      object.add(std::string{key}, rest.substr(0, bar));
      rest.remove_prefix(bar + 1);
    }
    if (object.entries().size() != keys.size()) {
      object = text::json_value::object();
      rest = line;
    }
    object.add("message", rest);
    out += object.dump() + '\n';
  }
  return out;
}

} // namespace millrace::nodes
