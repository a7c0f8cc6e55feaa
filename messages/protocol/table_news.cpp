#include <millrace/messages/protocol/table_news.hpp>

namespace millrace {

std::string to_string(table_outcome outcome) {
  switch (outcome) {
    case table_outcome::taken:
      return "taken";
    case table_outcome::known:
      return "known";
    case table_outcome::reads_again:
      return "reads_again";
    case table_outcome::down:
      return "down";
    case table_outcome::unconcerned:
      return "unconcerned";
    case table_outcome::declared:
      break;
  }
  return "declared";
}

} // namespace millrace
