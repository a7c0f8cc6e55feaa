#include <millrace/nodes/cli/log/item_printer.hpp>
#include <millrace/nodes/cli/log/items.hpp>

#include <cstdio>

namespace millrace::nodes {

using persistence::log_message;

void print_line(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

item_printer::item_printer(output_format output, uint32_t bytes_max,
                           bool as_array)
  : json_{output == output_format::json}, array_{as_array}, bytes_max_{
                                                              bytes_max} {
  if (!json_)
    print_line(item_head());
  else if (array_)
    std::fputs("[", stdout);
}

std::string
item_printer::text_of(const persistence::log_reader::item& item) const {
  const auto* message = std::get_if<log_message>(&item);
  if (!json_)
    return message ? item_line(*message, bytes_max_)
                   : item_line(std::get<stream_event>(item));
  const auto object = message ? item_json(*message, bytes_max_)
                              : item_json(std::get<stream_event>(item));
  return object.dump();
}

void item_printer::print(const std::string& text) {
  if (json_ && array_)
    std::fputs(first_ ? "\n" : ",\n", stdout);
  first_ = false;
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!json_ || !array_)
    std::fputc('\n', stdout);
}

void item_printer::end() {
  if (json_ && array_)
    std::fputs(first_ ? "]\n" : "\n]\n", stdout);
}

} // namespace millrace::nodes
