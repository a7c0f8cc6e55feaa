#include <millrace/messages/protocol/endpoint.hpp>

namespace millrace {

std::string to_string(const endpoint& at) {
  return at.name + " at " + at.host + ":" + std::to_string(at.port);
}

} // namespace millrace
