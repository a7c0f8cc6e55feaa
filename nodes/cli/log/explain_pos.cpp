#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/log/item_printer.hpp>
#include <millrace/nodes/cli/log/items.hpp>
#include <millrace/nodes/cli/log/log_options.hpp>
#include <millrace/nodes/cli/log/open_log.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/lines/parse_position.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <fmt/format.h>

namespace millrace::nodes {

namespace {

using text::json_value;
using namespace persistence;

/// Of the payload that is shown.
constexpr uint32_t shown_bytes_max = 32;

void declare(option_list& list, log_explain_options& into) {
  declare_log(list, into);
  list
    .text("POSITION", into.position,
          "A number, 0x..., or log.<session>.<roll>@<offset>")
    .required()
    .shown_as("");
}

int run(const log_explain_options& options) {
  auto at = parse_position(options.position);
  if (!at)
    return fail(at.failure());
  const auto file = log_file_name(at->session(), at->roll());
  const bool present
    = posix_file_system().exists(options.directory + "/" + file);
  json_value out{
    {"position", at->value},    {"hex", fmt::format("{:#x}", at->value)},
    {"session", at->session()}, {"roll", at->roll()},
    {"offset", at->offset()},   {"file", file},
    {"file_present", present}};
  auto reader = open_log(options.directory, *at);
  std::string finding;
  bool good = false;
  if (!reader) {
    const auto failure = reader.failure();
    if (failure.code != errc::bad_position && failure.code != errc::ahead)
      return fail(failure);
    finding = failure.code == errc::ahead ? "lies beyond the end of the log"
                                          : "is not on a message boundary";
    out["state"] = to_string(failure.code);
  } else {
    auto item = (*reader)->next();
    if (!item)
      return fail(item.failure());
    good = true;
    if (const auto* message = std::get_if<log_message>(&*item)) {
      out["state"] = "message";
      out["next"] = item_json(*message, shown_bytes_max);
      finding = "next message: " + item_line(*message, shown_bytes_max);
    } else if (const auto* event = std::get_if<stream_event>(&*item)) {
      out["state"] = "event";
      out["next"] = item_json(*event);
      finding = "next: " + item_line(*event);
    } else {
      out["state"] = "end";
      finding = "the end of the log, as of now";
    }
  }
  if (options.output == output_format::json) {
    print_line(out.dump(2));
  } else {
    print_line(fmt::format("position  {} ({:#x})", at->value, at->value));
    print_line(fmt::format("place     {}, {}", to_string(*at),
                           present ? "file present" : "no such file"));
    print_line("finding   " + finding);
  }
  return good ? exit_ok : exit_negative;
}

} // namespace

const command<log_explain_options> log_explain_pos_command{
  {"explain-pos", "Say what lies at a position; exit 1 when none can",
   "millrace log explain-pos market log.0.0@0"},
  declare,
  run};

} // namespace millrace::nodes
