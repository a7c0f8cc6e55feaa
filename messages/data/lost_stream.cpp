#include <millrace/messages/data/lost_stream.hpp>

namespace millrace {

std::string lost_stream_text(std::string_view stream, const error& why,
                             std::string_view meanwhile) {
  return "no RT node of stream '" + std::string{stream} + "' can be reached ("
         + to_string(why) + "): " + std::string{meanwhile}
         + "; 'millrace status' shows which node is down, 'millrace up' "
           "starts it";
}

std::string found_stream_text(std::string_view stream) {
  return "an RT node of stream '" + std::string{stream}
         + "' can be reached again";
}

} // namespace millrace
