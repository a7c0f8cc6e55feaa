#include <millrace/messages/protocol/wire.hpp>

#include <caf/exit_reason.hpp>

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
  return {errc::unavailable, "the other side is gone ("
                               + caf::to_string(err.category()) + " "
                               + std::to_string(err.code()) + ")"};
}

} // namespace millrace
