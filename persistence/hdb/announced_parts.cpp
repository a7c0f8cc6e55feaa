#include <millrace/persistence/hdb/announced_parts.hpp>

#include <algorithm>
#include <span>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace millrace::persistence {

namespace {

// Groups, as they were added: a path per line, then "end", a tab, and the
// XXH3-64 of the group's lines. Earlier releases wrote one group, and "end"
// alone without a newline.
constexpr std::string_view end_word = "end";
constexpr uint64_t list_bytes_max = uint64_t{64} << 20;

std::string group_of(const auto& paths) {
  std::string out;
  for (const auto& path : paths)
    out += path + "\n";
  const auto sum = XXH3_64bits(out.data(), out.size());
  out += std::string{end_word} + "\t" + std::to_string(sum) + "\n";
  return out;
}

/// "<partition>/<table>/<number>", as a writer makes them.
bool is_part_path(std::string_view path) {
  const auto slashes = std::count(path.begin(), path.end(), '/');
  return slashes == 2 && path.front() != '/' && path.front() != '.'
         && path.find("/.") == std::string_view::npos;
}

/// Of all groups that are whole.
std::vector<std::string> paths_in(std::string_view text) {
  std::vector<std::string> out;
  std::vector<std::string_view> lines;
  size_t group = 0;
  for (size_t at = 0; at < text.size();) {
    const auto length = std::min(text.find('\n', at), text.size()) - at;
    const auto line = text.substr(at, length);
    const auto next = std::min(at + length + 1, text.size());
    if (!line.starts_with(end_word)) {
      lines.push_back(line);
      at = next;
      continue;
    }
    const auto sum = XXH3_64bits(text.data() + group, at - group);
    const bool whole
      = line.size() == end_word.size()
          ? group == 0 && next == text.size()
          : line.substr(end_word.size()) == "\t" + std::to_string(sum);
    if (whole)
      for (const auto& path : lines)
        if (is_part_path(path))
          out.emplace_back(path);
    lines.clear();
    group = at = next;
  }
  return out;
}

} // namespace

announced_parts::announced_parts(file_system& fs, std::string directory)
  : fs_{&fs}, path_{std::move(directory) + "/.announced"} {}

result<std::vector<std::string>> announced_parts::read() {
  const auto text = read_own_file(*fs_, path_, list_bytes_max);
  if (!text && text.failure().code == errc::not_found)
    return std::vector<std::string>{};
  if (!text && fs_->list(path_)) {
    if (auto fault = set_aside(*fs_, path_))
      return fault;
    return std::vector<std::string>{};
  }
  if (!text)
    return text.failure();
  return paths_in({reinterpret_cast<const char*>(text->data()), text->size()});
}

error announced_parts::add(const std::vector<std::string>& paths) {
  paths_.insert(paths.begin(), paths.end());
  if (!file_)
    return rewrite();
  const auto text = group_of(paths);
  if (size_ + text.size() > list_bytes_max)
    return rewrite();
  auto fault = file_->write_at(size_, std::as_bytes(std::span{text}));
  if (!fault)
    fault = file_->sync();
  size_ += text.size();
  // Half a group may be there: what comes next must not follow it.
  if (fault)
    file_.reset();
  return fault;
}

error announced_parts::forget(const std::vector<std::string>& named) {
  size_t known = 0;
  for (const auto& path : named)
    known += paths_.erase(path);
  if (paths_.empty()) {
    // One that stays does no harm: the next writer finds all of it named.
    (void)remove();
    return {};
  }
  return known == 0 ? error{} : rewrite();
}

error announced_parts::remove() {
  file_.reset();
  return fs_->remove(path_);
}

error announced_parts::rewrite() {
  file_.reset();
  const auto text = group_of(paths_);
  if (auto fault = replace_own_file(*fs_, path_, std::as_bytes(std::span{text}),
                                    list_bytes_max))
    return fault;
  auto opened = fs_->open(path_, open_mode::write);
  if (!opened)
    return opened.failure();
  file_ = *std::move(opened);
  size_ = text.size();
  return {};
}

} // namespace millrace::persistence
