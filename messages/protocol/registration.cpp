#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/registration.hpp>

#include <caf/actor_system_config.hpp>

namespace millrace::messages {

void register_with(caf::actor_system_config& cfg) {
  cfg.add_message_types<caf::id_block::millrace>();
  // Typed handles that travel in messages are known by their own name.
  cfg.add_message_type<sink_actor>("millrace::sink_actor");
  cfg.add_message_type<source_actor>("millrace::source_actor");
  cfg.add_message_type<pusher_actor>("millrace::pusher_actor");
  cfg.add_message_type<watcher_actor>("millrace::watcher_actor");
  cfg.add_message_type<hdb_watcher_actor>("millrace::hdb_watcher_actor");
  cfg.add_message_type<rdb_watcher_actor>("millrace::rdb_watcher_actor");
  cfg.add_message_type<result_sink_actor>("millrace::result_sink_actor");
  cfg.add_message_type<result_source_actor>("millrace::result_source_actor");
  cfg.add_error_category(
    caf::atom("millrace"),
    [](uint8_t code, caf::atom_value, const caf::message& context) {
      std::string text;
      if (context.match_elements<std::string>())
        text = context.get_as<std::string>(0);
      return to_string(error{static_cast<errc>(code), std::move(text)});
    });
}

} // namespace millrace::messages
