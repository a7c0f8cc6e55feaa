#pragma once

#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace millrace::sim {

/// Contents of files, by their paths below a directory.
using file_map = std::map<std::string, std::vector<std::byte>>;

inline void read_tree(memory_file_system& disk, const std::string& directory,
                      const std::string& below, file_map& into) {
  const auto entries = disk.list(directory + below);
  if (!entries)
    return;
  for (const auto& entry : *entries) {
    const auto path = below + "/" + entry.name;
    if (entry.is_directory)
      read_tree(disk, directory, path, into);
    else
      into[path] = disk.content(directory + path);
  }
}

/// All files below a directory.
inline file_map tree_of(memory_file_system& disk,
                        const std::string& directory) {
  file_map out;
  read_tree(disk, directory, "", out);
  return out;
}

/// The directory holds these, and nothing else.
inline void restore_tree(memory_file_system& disk, const std::string& directory,
                         const file_map& files) {
  EXPECT_FALSE(disk.remove_all(directory));
  for (const auto& [name, bytes] : files) {
    const auto path = directory + name;
    EXPECT_FALSE(disk.create_directories(path.substr(0, path.rfind('/'))));
    auto file = disk.open(path, persistence::open_mode::write);
    ASSERT_TRUE(file) << to_string(file.failure());
    EXPECT_FALSE((*file)->write_at(0, bytes));
    EXPECT_FALSE((*file)->sync());
  }
}

} // namespace millrace::sim
