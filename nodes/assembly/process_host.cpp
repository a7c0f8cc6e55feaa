#include <millrace/actors/rt/publish/pusher.hpp>
#include <millrace/actors/rt/serve/log_server.hpp>
#include <millrace/actors/rt/subscribe/subscriber.hpp>
#include <millrace/actors/torq/registry/registrar.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/stream_actor_name.hpp>
#include <millrace/messages/text/plain_name.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/assembly/parking_handlers.hpp>
#include <millrace/nodes/assembly/process_host.hpp>

#include <cstdlib>
#include <string_view>
#include <utility>

namespace millrace::nodes {

result<std::string> log_path_of(const cluster_config& config) {
  if (!config.log_path.empty())
    return config.log_path;
  constexpr const char* name = "RT_LOG_PATH";
  const char* variable = std::getenv(name);
  if (variable != nullptr && *variable == '/')
    return std::string{variable};
  return error{
    errc::config,
    std::string{name}
      + (variable == nullptr || *variable == '\0'
           ? std::string{" is not set, and no configuration has a log_path"}
           : ": '" + std::string{variable} + "' is not a full path")
      + ": publishers keep their logs in directories below it"};
}

namespace {

/// How a publisher of a stream is opened: its mode, sizes and places. Of a
/// stream that the configuration does not have nobody knows that it is
/// `cached`: it is safe to take it for `synced`.
result<rt::publisher_options> publisher_options_of(const cluster_config& config,
                                                   const std::string& stream,
                                                   const std::string& name) {
  rt::publisher_options out;
  out.topic = stream;
  out.host = name;
  if (stream.starts_with('/'))
    return out;
  auto log_path = log_path_of(config);
  if (!log_path)
    return log_path.failure();
  out.log_path = *std::move(log_path);
  if (const auto* settings = config.stream(stream)) {
    out.cached = settings->mode == stream_mode::cached;
    out.roll_bytes = settings->roll_bytes;
    out.ids = settings->ids;
  }
  return out;
}

error check_consumer(const std::string& stream,
                     const subscribe_options& options) {
  const auto& name = options.consumer;
  if (name.empty())
    return options.floor_follows
             ? error{errc::invalid_argument,
                     "stream '" + stream
                       + "': floor_follows says what a consumer needs, and "
                         "there is no 'consumer'"}
             : error{};
  if (!text::is_plain_name(name))
    return {errc::invalid_argument,
            "consumer '" + name
              + "': its name is 1 to 64 letters, digits, '_', '-' and '.', not "
                "led by '-' or '.'"};
  if (stream.starts_with('/'))
    return {errc::invalid_argument,
            "consumer '" + name + "': nobody keeps files of " + stream
              + " for one; it is a log of its own, and no stream of a cluster"};
  return {};
}

/// That of this thread; null: there is none.
thread_local process_host::gathering* gathering_now = nullptr;

/// What the seed of the streams calls the variable, and its values.
result<rt::archived_exchange> archived_by_variable() {
  constexpr const char* name = "REPLICATOR_EXCHANGE_ARCHIVED";
  const char* variable = std::getenv(name);
  if (variable == nullptr)
    return rt::archived_exchange::follow;
  const std::string_view value{variable};
  if (value == "0")
    return rt::archived_exchange::own;
  if (value == "1")
    return rt::archived_exchange::lead;
  return error{errc::invalid_argument,
               std::string{name} + ": '" + variable + "' is neither 0 nor 1"};
}

} // namespace

void process_host::set_config(cluster_config next) {
  auto fresh = std::make_unique<const cluster_config>(std::move(next));
  const std::scoped_lock lock{mutex_};
  config_ = fresh.get();
  configs_.push_back(std::move(fresh));
}

process_host::gathering::gathering() {
  MILLRACE_ASSERT(gathering_now == nullptr);
  gathering_now = this;
}

process_host::gathering::~gathering() { gathering_now = nullptr; }

void process_host::take_in(caf::strong_actor_ptr handle) {
  if (gathering_now != nullptr)
    gathering_now->all_.push_back(handle);
  adopt(std::move(handle));
}

registrar_actor process_host::registrar() {
  const std::scoped_lock lock{mutex_};
  if (registrar_)
    return registrar_;
  // It is of the host, no matter who needs it first.
  auto* const others = std::exchange(gathering_now, nullptr);
  registrar_ = spawn(torq::registrar, &env(), connector(),
                     endpoints_of(config(), process_type::discovery));
  gathering_now = others;
  return registrar_;
}

void process_host::forget_actors() {
  locals_->clear();
  const std::scoped_lock lock{mutex_};
  registrar_ = nullptr;
}

/// Nobody else's messages have a place in a stream that no rt orders, and those
/// who read it ask the node of its publisher.
error process_host::check_publisher(const std::string& stream,
                                    const publish_options& options) {
  const auto* publisher = config().publisher_of(stream);
  if (publisher == nullptr || !options.at.rt.empty())
    return {};
  const bool is_node = locals_->find(std::string{front_door_name}) != nullptr;
  if (options.name == publisher->name && is_node)
    return {};
  return {errc::invalid_argument,
          config().path + ": stream '" + stream + "' is published by process '"
            + publisher->name + "' alone, on node '" + publisher->node
            + "': no rt orders it"
            + (is_node ? "; '" + options.name + "' is another publisher"
                       : "; this is no node of its cluster")};
}

/// It ends with the process that publishes, and its name with it.
void process_host::serve_log(publication& made, const std::string& stream) {
  const auto* publisher = config().publisher_of(stream);
  const auto teller = [this, process = publisher->name,
                       type = publisher->type](notice::severity level) {
    return [this, process, type, level](const std::string& id,
                                        const std::string& text) {
      tell({level, type, process, id, text});
    };
  };
  made.server
    = spawn(rt::log_server, &env(), made.out,
            rt::log_server_options{.stream = stream,
                                   .process = publisher->name,
                                   .cached = made.out->options().cached,
                                   .warn = teller(notice::severity::warning),
                                   .note = teller(notice::severity::info)});
  const auto name = stream_actor_name(stream);
  put(name, made.server);
  caf::actor_cast<caf::abstract_actor*>(made.server)
    ->attach_functor([names = std::weak_ptr<local_actors>{locals_}, name,
                      me = made.server.address()] {
      if (const auto all = names.lock())
        all->remove(name, me);
    });
}

result<publication> process_host::publish(const std::string& stream,
                                          publish_options options) {
  if (auto fault = check_publisher(stream, options))
    return fault;
  const bool direct
    = options.at.rt.empty() && config().publisher_of(stream) != nullptr;
  std::vector<endpoint> nodes;
  if (!stream.starts_with('/') && !direct) {
    auto found
      = places_of_stream(config(), stream, stream_use::publish, options.at);
    if (!found)
      return found.failure();
    nodes = *std::move(found);
  }
  auto settings = publisher_options_of(config(), stream, options.name);
  if (!settings)
    return settings.failure();
  settings->writer = std::move(options.writer);
  settings->origin = std::move(options.origin);
  settings->resumes = options.resumes;
  settings->replay = options.replay;
  settings->first_id = options.first_id;
  settings->roll_bytes = options.roll_bytes.value_or(settings->roll_bytes);
  settings->direct = direct;
  if (!stream.starts_with('/'))
    if (auto fault = found_cluster())
      return fault;
  settings->copies = nodes.size();
  auto opened = rt::publisher::open(env(), *std::move(settings));
  if (!opened)
    return opened.failure();
  publication made{*std::move(opened), {}, {}};
  if (direct)
    serve_log(made, stream);
  for (auto& at : nodes)
    made.replicators.push_back(
      spawn(rt::pusher, &env(), made.out, connector(),
            rt::pusher_options{.rt = std::move(at),
                               .stream = stream,
                               .warn = [this, stream](const std::string& text) {
                                 tell({notice::severity::warning, "publisher",
                                       stream, "log_harmed", text});
                               }}));
  return made;
}

result<running_subscription>
process_host::subscribe(const std::string& stream,
                        rt::subscription_handlers handlers,
                        subscribe_options options) {
  rt::subscriber_options settings;
  settings.topic = stream;
  if (auto fault = check_consumer(stream, options))
    return fault;
  settings.at_floor = !options.consumer.empty() && !options.start;
  settings.start = options.start.value_or(start_spec{});
  settings.consumer = std::move(options.consumer);
  settings.floor_follows = options.floor_follows;
  settings.local_copy = std::move(options.local_copy);
  if (const auto* known = config().process(options.consumer);
      known != nullptr && known->type == process_type::rdb)
    return error{errc::invalid_argument,
                 "consumer '" + options.consumer
                   + "': that is an rdb of the configuration, which would lose "
                     "what another subscription of its name needs no more"};
  if (const auto* known = config().stream(stream); known != nullptr
                                                   && !known->publisher.empty()
                                                   && !options.consumer.empty())
    return error{
      errc::invalid_argument,
      "stream '" + stream + "': '" + known->publisher
        + "' publishes it, and no rt orders it, so nobody keeps what "
          "consumer '"
        + options.consumer + "' needs"};
  auto archived = options.archived
                    ? result<rt::archived_exchange>{*options.archived}
                    : archived_by_variable();
  if (!archived)
    return archived.failure();
  settings.archived = *archived;
  settings.warn
    = [this, stream](const std::string& id, const std::string& text) {
        const bool goes_on = id == "damaged_on_the_way" || id == "consumer"
                             || id.starts_with("copy_");
        tell({goes_on ? notice::severity::warning : notice::severity::error,
              "subscriber", stream, id, text});
      };
  if (!stream.starts_with('/')) {
    auto nodes
      = places_of_stream(config(), stream, stream_use::subscribe, options.at);
    if (!nodes)
      return nodes.failure();
    settings.rt = *std::move(nodes);
  }
  auto control = options.control ? std::move(options.control)
                                 : std::make_shared<rt::subscription>(stream);
  if (!options.parks_as.empty()) {
    auto parking = parking_handlers(*this, options.parks_as, stream,
                                    std::move(handlers), control);
    if (!parking)
      return parking.failure();
    handlers = *std::move(parking);
  }
  auto subscriber
    = spawn(rt::subscriber, &env(), connector(), std::move(settings), control,
            std::make_shared<rt::subscription_handlers>(std::move(handlers)));
  return running_subscription{std::move(control), std::move(subscriber)};
}

} // namespace millrace::nodes
