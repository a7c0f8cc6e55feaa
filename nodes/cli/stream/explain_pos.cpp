#include <millrace/actors/rt/sequence/provenance.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/lines/parse_position.hpp>

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace millrace::nodes {

namespace {

using text::json_value;

void declare(option_list& list, stream_explain_options& into) {
  list.text("STREAM", into.stream, "Name of the [[stream]]").required();
  list
    .read(
      "POSITION",
      [&into](const std::string& text) {
        const auto at = parse_position(text);
        if (!at)
          return at.failure();
        into.at = *at;
        return error{};
      },
      "A number, 0x..., or log.<session>.<roll>@<offset>, of the merged log, "
      "where the message begins")
    .required()
    .shown_as("");
  list.flag("--delivered", into.delivered,
            "It is the one that 'sub' and subscribers are given with the "
            "message, which ends there");
  list
    .text(
      "--publisher", into.publisher,
      "The position is one of this publisher's log: say where it was merged")
    .shown_as("DIRECTORY");
  list
    .text("--lineage", into.lineage,
          "Which life of the publisher's directory, if it had several")
    .shown_as("HEX");
  list
    .text("--rt", into.process,
          "The rt process whose files are read; default: the first that has "
          "some on this host")
    .shown_as("RT");
  declare_config(list, into.config);
  declare_output(list, into.output);
}

struct stream_files {
  std::string process;
  std::string directory;
};

result<stream_files> files_of(const cluster_config& config,
                              const stream_explain_options& options) {
  if (auto known = ordered_stream(config, options.stream); !known)
    return known.failure();
  auto& fs = persistence::posix_file_system();
  std::string looked;
  for (const auto* member : config.members_of(options.stream)) {
    if (!options.process.empty() && member->name != options.process)
      continue;
    auto directory = config.stream_directory(member->name, options.stream);
    if (fs.exists(directory + "/out"))
      return stream_files{member->name, std::move(directory)};
    text::add_to_list(looked, directory);
  }
  if (looked.empty())
    return error{errc::not_found, "stream '" + options.stream
                                    + "': no rt process '" + options.process
                                    + "' orders it"};
  return error{errc::not_found,
               "stream '" + options.stream + "': no files on this host ("
                 + looked + "); run it on the host of one of its rt processes"};
}

result<rt::input_place> place_of(const stream_files& files,
                                 const stream_explain_options& options) {
  const auto lives = rt::lives_of_input(persistence::posix_file_system(),
                                        files.directory, options.publisher);
  if (!lives && lives.failure().code != errc::not_found)
    return lives.failure();
  std::string known;
  std::optional<rt::input_name> found;
  size_t fitting = 0;
  for (const auto& life : lives ? *lives : std::vector<rt::input_name>{}) {
    text::add_to_list(known, to_string(life.lineage));
    if (!options.lineage.empty() && to_string(life.lineage) != options.lineage)
      continue;
    found = life;
    ++fitting;
  }
  if (fitting > 1)
    return error{errc::invalid_argument,
                 options.publisher
                   + ": had several lives; say --lineage, one "
                     "of "
                   + known};
  if (!found)
    return error{errc::not_found,
                 files.process + ": has no copy of a publisher's directory '"
                   + options.publisher + "'"
                   + (known.empty() ? "" : " of that lineage, only " + known)};
  return rt::input_place{*found, options.at};
}

json_value json_of(const rt::input_place& place) {
  return {{"directory", place.input.directory},
          {"lineage", to_string(place.input.lineage)},
          {"session", place.at.session()},
          {"position", place.at.value},
          {"place", to_string(place.at)}};
}

json_value json_of(const rt::merged_part& part) {
  return {{"directory", part.input.directory},
          {"lineage", to_string(part.input.lineage)},
          {"from", part.from.value},
          {"to", part.to.value}};
}

std::string line_of(const rt::merged_part& part) {
  return fmt::format("{} from {} ({}) to {} ({}), lineage {}",
                     part.input.directory, to_string(part.from),
                     part.from.value, to_string(part.to), part.to.value,
                     to_string(part.input.lineage));
}

json_value json_of(const rt::provenance& what) {
  auto sources = json_value::array();
  for (const auto& each : what.sources)
    sources.add(json_of(each));
  auto unread = json_value::array();
  for (const auto& each : what.unread)
    unread.add(to_string(each));
  auto gone = json_value::array();
  for (const auto& each : what.gone)
    gone.add(json_of(each));
  json_value out{{"begin", what.begin.value},
                 {"end", what.end.value},
                 {"place", to_string(what.begin)},
                 {"made", what.made},
                 {"origin", what.origin},
                 {"id", what.id},
                 {"time", what.ts},
                 {"sources", std::move(sources)},
                 {"unread", std::move(unread)},
                 {"gone", std::move(gone)},
                 {"certain", what.certain()}};
  if (what.period)
    out.add("period", text::date_text(what.period->value));
  return out;
}

std::string lines_of(const rt::provenance& what) {
  auto out = fmt::format("merged     {} ({}) to {}\n", to_string(what.begin),
                         what.begin.value, to_string(what.end));
  if (what.period)
    return out + "what       the end of period " + to_string(*what.period)
           + ": written by the merge itself\n";
  if (!what.made.empty())
    return out
           + fmt::format("what       {}{}: written by the merge itself\n",
                         what.made,
                         what.origin.empty() ? "" : " of " + what.origin);
  out += fmt::format("message    origin {}, id {}, {}\n", what.origin, what.id,
                     text::time_text(what.ts));
  for (const auto& each : what.sources)
    out += fmt::format("{} {}, session {}, at {} ({}), lineage {}\n",
                       what.sources.size() == 1 ? "came from " : "maybe from",
                       each.input.directory, each.at.session(),
                       to_string(each.at), each.at.value,
                       to_string(each.input.lineage));
  for (const auto& each : what.unread)
    out += fmt::format("not read   {}: it may have had the message before, and "
                       "files of it are gone or damaged\n",
                       to_string(each));
  for (const auto& each : what.gone)
    out += fmt::format("{} {}: that is gone\n",
                       what.sources.empty() && what.gone.size() == 1
                         ? "came from "
                         : "maybe from",
                       line_of(each));
  if (what.sources.empty() && what.gone.empty())
    out += "came from  a file that is gone\n";
  if (what.sources.size() > 1)
    out
      += "which of them came first is not written down yet: ask again later\n";
  return out;
}

void print(const stream_explain_options& options, const stream_files& files,
           json_value facts, const std::string& lines) {
  facts.add("stream", options.stream);
  facts.add("rt", files.process);
  fmt::print("{}", options.output == output_format::json ? facts.dump(2) + "\n"
                                                         : lines);
}

/// Where the file of a publisher's log is gone: the question was well put, and
/// the history may still know half of the answer.
int explain_gone(const stream_explain_options& options,
                 const stream_files& files, const rt::input_place& from,
                 const error& why) {
  const auto what = rt::explain_gone_input(persistence::posix_file_system(),
                                           files.directory, from);
  if (!what)
    return fail(what.failure());
  // Where all files are gone the log looks as if it had not come so far.
  if (!*what && why.code == errc::ahead)
    return fail(why);
  json_value facts{{"begin", {}}, {"asked", json_of(from)}};
  std::string lines = "gone       " + why.context + "\n";
  if (*what) {
    const auto& [part, out_from, out_to] = **what;
    facts.add("merged_with", json_of(part));
    facts.add("merged_from", out_from.value);
    lines += fmt::format("merged     with {}\nto         a place from {} ({})",
                         line_of(part), to_string(out_from), out_from.value);
    if (out_to != position{}) {
      facts.add("merged_to", out_to.value);
      lines += fmt::format(" to {} ({})", to_string(out_to), out_to.value);
    }
    lines += " on\n";
  } else {
    lines += "merged     nobody knows any more whether, and where\n";
  }
  print(options, files, std::move(facts), lines);
  return exit_negative;
}

int explain_publishers(const stream_explain_options& options,
                       const stream_files& files) {
  const auto from = place_of(files, options);
  if (!from)
    return fail(from.failure());
  const auto what = rt::explain_input(persistence::posix_file_system(),
                                      files.directory, *from);
  if (!what
      && (what.failure().code == errc::pruned
          || what.failure().code == errc::ahead))
    return explain_gone(options, files, *from, what.failure());
  if (!what)
    return fail(what.failure());
  auto facts = *what ? json_of(**what) : json_value{{"begin", {}}};
  facts.add("asked", json_of(*from));
  if (!*what) {
    print(options, files, std::move(facts),
          "not in the merged log: not merged yet, no message for "
          "subscribers, or in files that are gone\n");
    return exit_negative;
  }
  const auto& sources = (*what)->sources;
  const bool merged
    = (*what)->certain() && !sources.empty() && sources.front() == *from;
  const bool dropped = (*what)->certain() && !merged;
  facts.add("duplicate", dropped);
  print(options, files, std::move(facts),
        (dropped ? "dropped    as a duplicate of this one\n" : "")
          + lines_of(**what));
  return (*what)->certain() ? exit_ok : exit_negative;
}

int run(const stream_explain_options& options) {
  if (options.delivered && !options.publisher.empty())
    return fail({errc::invalid_argument,
                 "--delivered is of the merged log, --publisher of another"});
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  const auto files = files_of(*config, options);
  if (!files)
    return fail(files.failure());
  if (!options.publisher.empty())
    return explain_publishers(options, *files);
  auto& fs = persistence::posix_file_system();
  const auto at = options.delivered
                    ? rt::begin_of_delivered(fs, files->directory, options.at)
                    : result<position>{options.at};
  const auto what = at ? rt::explain_merged(fs, files->directory, *at)
                       : result<rt::provenance>{at.failure()};
  if (!what) {
    const auto code = fail(what.failure());
    // The question was well put: nobody has the answer any more.
    return what.failure().code == errc::pruned ? static_cast<int>(exit_negative)
                                               : code;
  }
  print(options, *files, json_of(*what), lines_of(*what));
  return what->certain() ? exit_ok : exit_negative;
}

} // namespace

const command<stream_explain_options> stream_explain_pos_command{
  {"explain-pos",
   "Say which publisher's log a message of a stream came from, and where it "
   "lies there; exit code 1 when that cannot be known any more",
   "millrace stream explain-pos market log.0.0@0 --config "
   "examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
