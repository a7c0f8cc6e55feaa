#include <millrace/persistence/disk/kdb_directory.hpp>

#include <algorithm>

namespace millrace::persistence {

namespace {

bool looks_like_a_date(const std::string& name) noexcept {
  constexpr std::string_view shape = "0000.00.00";
  return std::equal(name.begin(), name.end(), shape.begin(), shape.end(),
                    [](char c, char like) {
                      return like == '.' ? c == '.' : c >= '0' && c <= '9';
                    });
}

} // namespace

bool is_of_kdb(file_system& fs, const std::string& directory) {
  // As hdb_manifest_name says, of a floor above this one.
  if (fs.exists(directory + "/manifest"))
    return false;
  const auto entries = fs.list(directory);
  if (!entries)
    return false;
  for (const auto& entry : *entries) {
    if (!entry.is_directory) {
      if (entry.name == "sym" || entry.name == "par.txt" || entry.name == ".d")
        return true;
      continue;
    }
    if (fs.exists(directory + "/" + entry.name + "/.d"))
      return true;
    if (!looks_like_a_date(entry.name))
      continue;
    const auto date = directory + "/" + entry.name;
    const auto tables = fs.list(date);
    if (tables
        && std::any_of(tables->begin(), tables->end(), [&](const auto& table) {
             return fs.exists(date + "/" + table.name + "/.d");
           }))
      return true;
  }
  return false;
}

error check_not_of_kdb(file_system& fs, const std::string& directory) {
  if (!is_of_kdb(fs, directory))
    return {};
  const auto slash = directory.rfind('/');
  if (looks_like_a_date(directory.substr(slash + 1)) && slash != directory.npos)
    return {errc::config, "'" + directory
                            + "' is a partition of a database of kdb+: "
                              "'millrace load --kdb "
                            + directory.substr(0, slash)
                            + "' takes the rows of all in; name a directory "
                              "of its own"};
  return {errc::config,
          "'" + directory + "' is a database of kdb+: 'millrace load --kdb "
            + directory + "' takes its rows in; name a directory of its own"};
}

} // namespace millrace::persistence
