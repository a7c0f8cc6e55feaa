#include <millrace/nodes/cli/command/kind_of_directory.hpp>
#include <millrace/nodes/cli/log/log_options.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/log/log_directory.hpp>

namespace millrace::nodes {

namespace {

/// A log that lost a part of what makes it one is still looked at.
error check_log(const std::string& path) {
  auto& fs = persistence::posix_file_system();
  return check_kind(fs, path, {"a log directory", [&fs](const std::string& at) {
                                 const auto files
                                   = persistence::list_log_files(fs, at);
                                 return fs.exists(at + "/.lineage")
                                        || (files && !files->empty());
                               }});
}

/// The merged log of a stream of $MILLRACE_CONFIG, where it lies on this host.
result<std::string> find_log(const std::string& text) {
  auto& fs = persistence::posix_file_system();
  const auto path = configuration_path({});
  // One that is named as a path is told when it is opened.
  if (fs.exists(text) || text.find('/') != text.npos)
    return text;
  if (!path)
    return error{errc::not_found,
                 "'" + text
                   + "' is not a directory here, and $MILLRACE_CONFIG does not "
                     "say of which cluster it would be a stream"};
  const auto config = load_configuration(fs, *path);
  if (!config)
    return config.failure();
  if (const auto known = configured_stream(*config, text); !known)
    return error{errc::not_found, "'" + text + "' is not a directory here; "
                                    + known.failure().context};
  for (const auto* member : config->members_of(text)) {
    auto out = config->stream_directory(member->name, text) + "/out";
    if (fs.exists(out))
      return out;
    // One that may not be looked into is told when it is opened.
    if (const auto files = persistence::list_log_files(fs, out);
        !files && files.failure().code == errc::permission)
      return out;
  }
  if (const auto* publisher = config->publisher_of(text))
    return config->log_path + "/" + publisher->name + "." + text;
  return error{errc::not_found,
               "no rt process of this host has a log of stream '" + text
                 + "' yet"};
}

} // namespace

void declare_log(option_list& list, log_options& into) {
  list
    .read(
      "LOG",
      [&into](const std::string& text) {
        auto found = find_log(text);
        if (!found)
          return found.failure();
        if (auto fault = check_log(*found);
            fault && fault.code != errc::permission)
          return fault;
        into.directory = *std::move(found);
        return error{};
      },
      "A log directory, or the name of a [[stream]] of $MILLRACE_CONFIG")
    .required()
    .shown_as("");
  declare_output(list, into.output);
}

} // namespace millrace::nodes
