#include <millrace/sim/world/simulated_port.hpp>

#include <utility>

namespace millrace::sim {

using nodes::connection_id;

struct port_client::ends {
  simulated_listener* at = nullptr; ///< Null: closed.
  connection_id id = 0;
  std::string to_node; ///< Until it reads on.
  bool node_reads = true;
  bool input_ended = false;
  std::string to_client;
  std::string held; ///< The client does not read it.
  bool client_reads = true;
  bool finishing = false;
};

class simulated_listener final : public nodes::listener {
public:
  simulated_listener(std::shared_ptr<port_table> ports,
                     const nodes::listen_options& how)
    : ports_{std::move(ports)}, options_{how} {
    ports_->open[options_.port] = this;
  }
  ~simulated_listener() override {
    ports_->open.erase(options_.port);
    for (auto& [id, each] : clients_)
      each->at = nullptr;
  }

  /// Clients may be there already, as in the queue of a socket.
  void begin(teller tell) override {
    tell_ = std::move(tell);
    for (const auto& [id, each] : clients_) {
      tell_(nodes::connection_opened{id});
      brought(*each);
    }
  }

  void take(const std::shared_ptr<port_client::ends>& client) {
    if (tell_ && clients_.size() >= options_.connections_max) {
      tell_(nodes::connection_refused{
        {errc::limit_exceeded,
         std::to_string(options_.connections_max) + " connections are open"}});
      return;
    }
    client->at = this;
    client->id = ++last_id_;
    clients_[client->id] = client;
    if (tell_)
      tell_(nodes::connection_opened{client->id});
  }

  void brought(port_client::ends& client) {
    if (!tell_)
      return;
    if (client.node_reads && !client.to_node.empty()) {
      client.node_reads = false;
      tell_(
        nodes::bytes_received{client.id, std::exchange(client.to_node, {})});
    } else if (client.node_reads && client.input_ended) {
      client.node_reads = false;
      tell_(nodes::input_ended{client.id});
    }
  }

  void close(port_client::ends& client, const error& why) {
    client.at = nullptr;
    const auto id = client.id;
    clients_.erase(id);
    if (tell_)
      tell_(nodes::connection_closed{id, why});
  }

  void read_on(connection_id id) override {
    if (auto* client = find(id)) {
      client->node_reads = true;
      brought(*client);
    }
  }

  void send(connection_id id, std::string bytes) override {
    auto* client = find(id);
    if (client == nullptr)
      return;
    if (!client->client_reads) {
      client->held += bytes;
      return;
    }
    const auto size = bytes.size();
    client->to_client += bytes;
    tell_(nodes::bytes_sent{id, size});
  }

  void finish(connection_id id) override {
    auto* client = find(id);
    if (client != nullptr && client->held.empty())
      close(*client, {});
    else if (client != nullptr)
      client->finishing = true;
  }

  void drop(connection_id id) override {
    if (auto* client = find(id))
      close(*client, {});
  }

private:
  port_client::ends* find(connection_id id) {
    const auto found = clients_.find(id);
    return found == clients_.end() ? nullptr : found->second.get();
  }

  std::shared_ptr<port_table> ports_;
  nodes::listen_options options_;
  teller tell_;
  std::map<connection_id, std::shared_ptr<port_client::ends>> clients_;
  connection_id last_id_ = 0;
};

port_client::port_client(port_table& ports, uint16_t port)
  : ends_{std::make_shared<ends>()} {
  ports.open.at(port)->take(ends_);
}

port_client::~port_client() { close(); }

void port_client::send(std::string bytes) {
  if (!is_open())
    return;
  ends_->to_node += bytes;
  ends_->at->brought(*ends_);
}

void port_client::end_input() {
  if (!is_open())
    return;
  ends_->input_ended = true;
  ends_->at->brought(*ends_);
}

void port_client::close() {
  if (is_open())
    ends_->at->close(*ends_, {errc::closed, "the client closed it"});
}

std::string port_client::take() { return std::exchange(ends_->to_client, {}); }

void port_client::stop_reading() { ends_->client_reads = false; }

bool port_client::is_open() const { return ends_->at != nullptr; }

result<std::unique_ptr<nodes::listener>>
open_simulated_port(std::shared_ptr<port_table> ports,
                    const nodes::listen_options& options) {
  if (ports->open.contains(options.port))
    return error{errc::locked, "port " + std::to_string(options.port)
                                 + " is in use by another process"};
  return std::unique_ptr<nodes::listener>{
    std::make_unique<simulated_listener>(std::move(ports), options)};
}

} // namespace millrace::sim
