#include <millrace/messages/protocol/wire.hpp>

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>

namespace millrace {

caf::error to_caf(const error& err) {
  if (!err)
    return caf::none;
  return caf::make_error(err.code, err.context);
}

error from_caf(const caf::error& err) {
  if (!err)
    return {};
  if (err.category() == caf::atom("millrace")) {
    std::string context;
    if (err.context().match_elements<std::string>())
      context = err.context().get_as<std::string>(0);
    return {static_cast<errc>(err.code()), std::move(context)};
  }
  if (err == caf::sec::request_timeout)
    return {errc::timeout, "no answer before the deadline"};
  if (err == caf::sec::cannot_connect_to_node)
    return {errc::unavailable, "nothing listens there"};
  return {errc::unavailable, "it ended, or its connection did"};
}

} // namespace millrace
