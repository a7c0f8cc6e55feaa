#include <millrace/messages/text/civil_time.hpp>
#include <millrace/persistence/kdb/kdb_database.hpp>
#include <millrace/persistence/kdb/kdb_symbols.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace millrace::persistence {

namespace {

constexpr uint64_t names_bytes_max = 1u << 20; ///< Of `.d`, and of `par.txt`.
constexpr const char* segments_name = "par.txt";

/// What the directories of partitions are named by.
enum class partitioning { none, date, month, number };

partitioning partitioning_of(const std::string& name) {
  const auto digits = [&](size_t begin, size_t count) {
    return name.size() >= begin + count
           && name.find_first_not_of("0123456789", begin) >= begin + count;
  };
  if (name.size() == 10 && digits(0, 4) && name[4] == '.' && digits(5, 2)
      && name[7] == '.' && digits(8, 2))
    return partitioning::date;
  if (name.size() == 7 && digits(0, 4) && name[4] == '.' && digits(5, 2))
    return partitioning::month;
  return !name.empty() && name.size() < 11 && digits(0, name.size())
           ? partitioning::number
           : partitioning::none;
}

bool is_table(file_system& fs, const std::string& directory) {
  return fs.exists(directory + "/.d");
}

std::string last_name(std::string path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

std::string parent_of(std::string path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.pop_back();
  const auto end = path.rfind('/');
  return end == std::string::npos ? "." : end == 0 ? "/" : path.substr(0, end);
}

/// Reads a database's directories.
class database_reader {
public:
  database_reader(file_system& fs, const std::string& path)
    : fs_{&fs}, path_{path} {
    out_.directory = path;
  }

  result<kdb_database> run() {
    if (is_table(*fs_, path_)) {
      if (auto fault = read_alone())
        return fault;
      return finish();
    }
    if (auto fault = read_root())
      return fault;
    for (const auto& segment : segments_)
      if (auto fault = read_partitions(segment))
        return fault;
    if (tables_.empty())
      return error{errc::not_found,
                   path_
                     + ": no table of kdb+ is there: neither a directory "
                       "with .d, nor one of a partition that has such"
                     + below()};
    return finish();
  }

private:
  /// Databases one level below, for who named a directory too high.
  [[nodiscard]] std::string below() const {
    constexpr size_t shown_max = 3;
    std::vector<std::string> found;
    const auto entries = fs_->list(path_);
    if (!entries || is_below_)
      return {};
    for (const auto& entry : *entries) {
      if (!entry.is_directory || found.size() == shown_max)
        continue;
      database_reader reader{*fs_, path_ + "/" + entry.name};
      reader.is_below_ = true;
      if (reader.run())
        found.push_back(path_ + "/" + entry.name);
    }
    std::string out;
    for (const auto& each : found)
      out += (out.empty() ? "; but in " : ", ") + each;
    return out;
  }

  /// One splayed table. In a partition it is a part of a table, and symbols lie
  /// beside the partitions.
  error read_alone() {
    const auto holder = parent_of(path_);
    const auto name = last_name(holder);
    const auto kind = partitioning_of(name);
    out_.directory = kind == partitioning::none ? holder : parent_of(holder);
    std::optional<int32_t> date;
    if (kind == partitioning::date) {
      const auto days = text::parse_date(name);
      if (!days)
        return {errc::unsupported, holder + ": " + days.failure().context};
      date = *days;
    }
    tables_[last_name(path_)].push_back(
      {kind == partitioning::none ? "" : name, date, path_});
    return {};
  }

  error read_root() {
    const auto entries = fs_->list(path_);
    if (!entries)
      return entries.failure();
    bool here = false;
    for (const auto& entry : *entries) {
      const auto place = path_ + "/" + entry.name;
      const auto kind = partitioning_of(entry.name);
      if (entry.is_directory && kind != partitioning::none)
        here = true;
      else if (entry.is_directory && is_table(*fs_, place))
        tables_[entry.name].push_back({"", {}, place});
      else if (entry.name == segments_name)
        segments_known_ = true;
      else if (!is_domain(entry))
        out_.passed_over.push_back(place);
    }
    if (!segments_known_) {
      segments_.push_back(path_);
      return {};
    }
    // So does q: what par.txt does not name is not looked at.
    if (here)
      out_.passed_over.push_back(path_ + ": its own partitions, for there is "
                                 + segments_name);
    return read_segments();
  }

  bool is_domain(const directory_entry& entry) {
    return !entry.is_directory
           && kdb_symbols::read(*fs_, path_ + "/" + entry.name,
                                uint64_t{1} << 32);
  }

  error read_segments() {
    const auto file = path_ + "/" + segments_name;
    const auto names = read_text_file(*fs_, file, names_bytes_max);
    if (!names)
      return names.failure();
    std::string_view text{*names};
    for (size_t line = 1; !text.empty(); ++line) {
      auto each = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(each.size() + 1, text.size()));
      if (each.ends_with('\r'))
        each.remove_suffix(1);
      if (each.starts_with(':'))
        each.remove_prefix(1);
      if (each.empty())
        continue;
      if (each.find('\0') != std::string_view::npos)
        return {errc::corrupt,
                file + ":" + std::to_string(line) + ": is no path"};
      segments_.push_back(each.starts_with('/')
                            ? std::string{each}
                            : path_ + "/" + std::string{each});
    }
    return segments_.empty()
             ? error{errc::not_found, file + ": names no directory"}
             : error{};
  }

  error read_partitions(const std::string& segment) {
    const auto entries = fs_->list(segment);
    if (!entries)
      return entries.failure();
    for (const auto& entry : *entries) {
      const auto kind = partitioning_of(entry.name);
      const auto place = segment + "/" + entry.name;
      if (!entry.is_directory || kind == partitioning::none) {
        if (segments_known_)
          out_.passed_over.push_back(place);
        continue;
      }
      if (kind_ != partitioning::none && kind_ != kind)
        return {errc::unsupported,
                place + ": partitions of several kinds; the first is "
                  + first_partition_};
      if (kind_ == partitioning::none)
        first_partition_ = place;
      kind_ = kind;
      if (auto fault = read_partition(segment, entry.name))
        return fault;
    }
    return {};
  }

  error read_partition(const std::string& segment, const std::string& name) {
    std::optional<int32_t> date;
    if (kind_ == partitioning::date) {
      const auto days = text::parse_date(name);
      if (!days)
        return {errc::unsupported,
                segment + "/" + name + ": " + days.failure().context};
      date = *days;
    }
    const auto place = segment + "/" + name;
    const auto entries = fs_->list(place);
    if (!entries)
      return entries.failure();
    for (const auto& entry : *entries) {
      const auto table = place + "/" + entry.name;
      if (entry.is_directory && is_table(*fs_, table))
        tables_[entry.name].push_back(
          {segments_.size() > 1 ? last_name(segment) + "/" + name : name, date,
           table});
      else
        out_.passed_over.push_back(table);
    }
    return {};
  }

  kdb_database finish() {
    for (auto& [name, parts] : tables_) {
      std::stable_sort(parts.begin(), parts.end(),
                       [](const auto& a, const auto& b) {
                         return last_name(a.partition) < last_name(b.partition);
                       });
      out_.tables.push_back({name, std::move(parts)});
    }
    return std::move(out_);
  }

  file_system* fs_;
  std::string path_;
  kdb_database out_;
  std::map<std::string, std::vector<kdb_part>> tables_;
  std::vector<std::string> segments_;
  bool segments_known_ = false;
  bool is_below_ = false; ///< Only looked at: it says nothing of its own.
  partitioning kind_ = partitioning::none;
  std::string first_partition_;
};

} // namespace

const kdb_table* kdb_database::table(const std::string& name) const noexcept {
  const auto found
    = std::find_if(tables.begin(), tables.end(),
                   [&](const auto& each) { return each.name == name; });
  return found == tables.end() ? nullptr : &*found;
}

result<kdb_database> read_kdb_database(file_system& fs,
                                       const std::string& path) {
  return database_reader{fs, path}.run();
}

kdb_column* kdb_open_part::column(const std::string& name) noexcept {
  for (auto& each : columns)
    if (each.name == name)
      return &each.column;
  return nullptr;
}

result<kdb_open_part> open_kdb_part(file_system& fs, const kdb_part& part) {
  const auto file = part.directory + "/.d";
  const auto names = kdb_symbols::read(fs, file, names_bytes_max);
  if (!names)
    return names.failure();
  kdb_open_part out;
  std::set<std::string> seen;
  for (size_t i = 0; i < names->size(); ++i) {
    std::string name{(*names)[i]};
    if (name.empty() || name.starts_with('.')
        || name.find('/') != std::string::npos || !seen.insert(name).second)
      return kdb_damage(file, 8, "'" + name + "' is no name of a column here");
    auto column = kdb_column::open(fs, part.directory + "/" + name);
    if (!column)
      return column.failure();
    out.columns.push_back({std::move(name), *std::move(column)});
  }
  if (out.columns.empty())
    return kdb_damage(file, 8, "it names no column");
  std::optional<uint64_t> rows;
  for (const auto& [name, column] : out.columns)
    if (!rows)
      rows = column.rows();
  if (!rows)
    return error{errc::unsupported,
                 part.directory
                   + ": none of its columns says how many rows there are"};
  for (auto& [name, column] : out.columns)
    if (auto fault = column.settle_rows(*rows))
      return fault;
  out.rows = *rows;
  return out;
}

} // namespace millrace::persistence
