#include <millrace/messages/data/position.hpp>

namespace millrace {

std::string to_string(position pos) {
  return "log." + std::to_string(pos.session()) + "."
         + std::to_string(pos.roll()) + " @ " + std::to_string(pos.offset());
}

} // namespace millrace
