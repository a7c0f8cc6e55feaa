#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/log/item_printer.hpp>
#include <millrace/nodes/cli/log/log_options.hpp>
#include <millrace/nodes/cli/log/open_log.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/lines/parse_position.hpp>

namespace millrace::nodes {

namespace {

void declare(option_list& list, log_dump_options& into) {
  declare_log(list, into);
  list.text("--from", into.from, "Where to begin; default: begin")
    .shown_as("POSITION");
  list.number("--count", into.count, "At most so many; 0: all");
  list.number("--bytes", into.bytes, "Payload bytes shown; default: 32");
  list.flag("--resync", into.resync,
            "After damage go on at the next intact record");
}

int run(const log_dump_options& options) {
  std::optional<position> from;
  if (!options.from.empty()) {
    auto at = parse_position(options.from);
    if (!at)
      return fail(at.failure());
    from = *at;
  }
  auto reader = open_log(options.directory, from, options.resync);
  if (!reader)
    return fail(reader.failure());
  item_printer printer{options.output, options.bytes, true};
  for (uint64_t i = 0; options.count == 0 || i < options.count; ++i) {
    auto item = (*reader)->next();
    if (!item) {
      printer.end();
      return fail(item.failure());
    }
    if (std::holds_alternative<persistence::log_end>(*item))
      break;
    printer.print(printer.text_of(*item));
  }
  printer.end();
  if (const auto& why = (*reader)->stalled(); !why.empty())
    return fail(
      {errc::corrupt, why + "; --resync goes on at the next intact record"});
  return exit_ok;
}

} // namespace

const command<log_dump_options> log_dump_command{
  {"dump", "Print messages and events in stream order",
   "millrace log dump --from log.0.0@0 --count 10 market"},
  declare,
  run};

} // namespace millrace::nodes
