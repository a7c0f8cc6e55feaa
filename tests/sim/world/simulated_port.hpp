#pragma once

#include <millrace/nodes/servers/port/listener.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace millrace::sim {

class simulated_listener;

/// The open ports of one simulated process.
struct port_table {
  std::map<uint16_t, simulated_listener*> open;
};

/// A program of others, connected to a port of a simulated node. What it sends
/// is there at once.
class port_client {
public:
  /// @pre a port that is open
  port_client(port_table& ports, uint16_t port);
  ~port_client();
  port_client(const port_client&) = delete;
  port_client& operator=(const port_client&) = delete;

  void send(std::string bytes);
  /// It sends no more, and reads on.
  void end_input();
  void close();
  /// What came since the last call.
  [[nodiscard]] std::string take();
  /// While it does not read, what is for it is not sent.
  void stop_reading();
  [[nodiscard]] bool is_open() const;

private:
  friend class simulated_listener;
  struct ends;
  std::shared_ptr<ends> ends_;
};

/// Opens a port of a simulated process. `locked` when it is open.
[[nodiscard]] result<std::unique_ptr<nodes::listener>>
open_simulated_port(std::shared_ptr<port_table> ports,
                    const nodes::listen_options& options);

} // namespace millrace::sim
