#include <millrace/nodes/host/exit_codes.hpp>

namespace millrace::nodes {

int exit_code_of(errc code) noexcept {
  switch (code) {
    case errc::none:
      return exit_ok;
    case errc::not_found:
    case errc::invalid_argument:
    case errc::already_exists:
    case errc::unsupported:
      return exit_usage;
    case errc::malformed_message:
    case errc::corrupt:
    case errc::bad_position:
    case errc::ahead:
    case errc::pruned:
    case errc::bad_id:
    case errc::id_behind:
    case errc::oversize:
    case errc::schema_mismatch:
    case errc::bad_data:
    case errc::overflow:
    case errc::fenced:
    case errc::limit_exceeded:
    case errc::before_cutover:
      return exit_data;
    case errc::closed:
    case errc::unavailable:
    case errc::backend_lost:
      return exit_unavailable;
    case errc::internal:
      return exit_internal;
    case errc::locked:
      return exit_locked;
    case errc::storage_failed:
    case errc::no_space:
      return exit_io;
    case errc::timeout:
    case errc::moved:
    case errc::busy:
    case errc::overloaded:
    case errc::origin_unverified:
    case errc::cancelled:
      return exit_retry;
    case errc::permission:
      return exit_permission;
    case errc::config:
      return exit_config;
  }
  return exit_internal;
}

} // namespace millrace::nodes
