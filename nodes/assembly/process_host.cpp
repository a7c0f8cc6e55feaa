#include <millrace/actors/rt/publish/pusher.hpp>
#include <millrace/actors/rt/subscribe/subscriber.hpp>
#include <millrace/actors/torq/registry/registrar.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/parking_handlers.hpp>
#include <millrace/nodes/assembly/process_host.hpp>

#include <cstdlib>
#include <string_view>
#include <utility>

namespace millrace::nodes {

namespace {

/// Where the directories of publishers lie.
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
  // It is of the host, whoever needs it first.
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

result<publication> process_host::publish(const std::string& stream,
                                          publish_options options) {
  std::vector<endpoint> nodes;
  if (!stream.starts_with('/')) {
    auto found
      = places_of_stream(config(), stream, stream_use::publish, options.at);
    if (!found)
      return found.failure();
    nodes = *std::move(found);
  }
  auto settings = publisher_options_of(config(), stream, options.name);
  if (!settings)
    return settings.failure();
  settings->origin = std::move(options.origin);
  settings->resumes = options.resumes;
  settings->roll_bytes = options.roll_bytes.value_or(settings->roll_bytes);
  if (!nodes.empty())
    if (auto fault = found_cluster())
      return fault;
  settings->copies = nodes.size();
  auto opened = rt::publisher::open(env(), *std::move(settings));
  if (!opened)
    return opened.failure();
  publication made{*std::move(opened), {}};
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
  settings.start = options.start;
  settings.local_copy = std::move(options.local_copy);
  auto archived = options.archived
                    ? result<rt::archived_exchange>{*options.archived}
                    : archived_by_variable();
  if (!archived)
    return archived.failure();
  settings.archived = *archived;
  settings.warn = [this, stream](const std::string& id,
                                 const std::string& text) {
    const bool goes_on = id == "damaged_on_the_way" || id.starts_with("copy_");
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
