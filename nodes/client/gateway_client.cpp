#include <millrace/messages/protocol/unpack.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/client/answer_sink_internal.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/countdown.hpp>
#include <millrace/nodes/client/gateway_client.hpp>
#include <millrace/nodes/client/registered_processes.hpp>
#include <millrace/query/execution/partial.hpp>

#include <caf/event_based_actor.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

namespace millrace::nodes {

namespace {

struct raw_answer {
  chunks parts;
  query_cut cut;
};

/// Asks once; ends with the answer, the deadline, or the gateway: CAF lets a
/// request to an actor that is lost wait for its deadline.
std::future<result<raw_answer>> ask_once(runtime& host,
                                         const gateway_actor& gateway,
                                         const std::string& parameters,
                                         std::chrono::milliseconds deadline) {
  auto answer = std::make_shared<std::promise<result<raw_answer>>>();
  auto future = answer->get_future();
  const thread_visit visit;
  host.system().spawn([=](caf::event_based_actor* self) {
    self->set_down_handler([self, answer](const caf::down_msg&) {
      answer->set_value(error{errc::closed, "the gateway ended meanwhile"});
      self->quit();
    });
    self->monitor(gateway);
    const auto fail = [self, answer](const caf::error& why) {
      answer->set_value(from_caf(why));
      self->quit();
    };
    self->request(gateway, caf::timespan{deadline}, query_atom_v, parameters)
      .then(
        [self, answer, fail, deadline](const bundle& parts,
                                       const query_cut& cut) {
          unpack(
            self, parts, [deadline] { return caf::timespan{deadline}; },
            [self, answer, cut](chunks all) {
              answer->set_value(raw_answer{std::move(all), cut});
              self->quit();
            },
            fail);
        },
        fail);
  });
  return future;
}

} // namespace

result<gateway_answer> ask_gateway(runtime& host, const gateway_actor& gateway,
                                   const std::string& parameters,
                                   std::chrono::milliseconds deadline) {
  auto answer = ask_once(host, gateway, parameters, deadline).get();
  if (!answer)
    return answer.failure();
  gateway_answer out;
  out.cut = std::move(answer->cut);
  for (const auto& part : answer->parts) {
    const auto told = query::statistics_of(part.bytes());
    if (!told)
      return told.failure();
    out.statistics += *told;
  }
  auto table = query::joined_rows(answer->parts);
  if (!table)
    return table.failure();
  out.table = *std::move(table);
  return out;
}

// -- rows as they come --------------------------------------------------------

/// What the sink of an answer hands to the thread that reads it.
class answer_channel {
public:
  using happening = answer_event;

  void put(happening what) {
    {
      const std::lock_guard lock{mutex_};
      happened_.push_back(std::move(what));
    }
    wake_.notify_one();
  }
  /// Waits for it: the gateway keeps the time, and its end is told.
  happening take(const std::function<bool()>& interrupted) {
    constexpr std::chrono::milliseconds look{50};
    std::unique_lock lock{mutex_};
    const auto has_one = [&] { return !happened_.empty(); };
    if (!interrupted)
      wake_.wait(lock, has_one);
    while (!wake_.wait_for(lock, look, has_one))
      if (interrupted())
        return error{errc::cancelled, "interrupted"};
    auto out = std::move(happened_.front());
    happened_.pop_front();
    return out;
  }

  /// Whether something came within so long.
  bool came_within(std::chrono::milliseconds time) {
    std::unique_lock lock{mutex_};
    return wake_.wait_for(lock, time, [&] { return !happened_.empty(); });
  }

private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<happening> happened_;
};

struct answer_reader::state {
  std::shared_ptr<answer_channel> channel;
  caf::actor sink;
  query_cut cut;
  query::answer_statistics statistics;
  uint64_t taken_bytes = 0;
  bool is_over = false;
  std::function<bool()> interrupted;

  ~state() {
    const thread_visit visit;
    caf::anon_send_exit(sink, caf::exit_reason::kill);
  }
};

answer_reader::answer_reader(std::unique_ptr<state> made) noexcept
  : state_{std::move(made)} {}
answer_reader::answer_reader(answer_reader&&) noexcept = default;
answer_reader::~answer_reader() = default;

std::vector<std::string> backends_away(runtime& host,
                                       const gateway_actor& gateway) {
  constexpr std::chrono::seconds patience{1};
  std::vector<std::string> out;
  if (const auto facts
      = ask<status_facts>(host, gateway, patience, status_atom_v))
    for (const auto& [name, entry] : facts->at("backends").entries())
      if (!entry.at("ready").boolean().value_or(true))
        out.push_back(name);
  std::sort(out.begin(), out.end());
  return out;
}

const query::answer_statistics& answer_reader::statistics() const noexcept {
  return state_->statistics;
}

const query_cut& answer_reader::cut() const noexcept { return state_->cut; }

result<answer_reader> answer_reader::ask(runtime& host,
                                         const gateway_actor& gateway,
                                         const std::string& parameters,
                                         std::chrono::milliseconds deadline,
                                         answer_listener to) {
  constexpr std::chrono::seconds patience{2};
  const thread_visit visit;
  auto made = std::make_unique<state>();
  made->channel = std::make_shared<answer_channel>();
  made->sink
    = host.system().spawn(answer_sink, gateway, parameters, deadline,
                          [to_reader = made->channel](answer_event what) {
                            to_reader->put(std::move(what));
                          });
  made->interrupted = std::move(to.interrupted);
  if (to.slow && !made->channel->came_within(patience))
    to.slow();
  auto first = made->channel->take(made->interrupted);
  if (auto* fault = std::get_if<error>(&first))
    return std::move(*fault);
  made->cut = std::get<query_cut>(std::move(first));
  return answer_reader{std::move(made)};
}

result<std::optional<query::table_data>> answer_reader::next() {
  if (state_->is_over)
    return std::optional<query::table_data>{};
  auto what = state_->channel->take(state_->interrupted);
  while (const auto* piece = std::get_if<chunk>(&what)) {
    const auto told = query::statistics_of(piece->bytes());
    if (!told)
      return told.failure();
    state_->statistics += *told;
    auto rows = query::joined_rows(chunks{*piece});
    if (!rows)
      return rows.failure();
    state_->taken_bytes += piece->size();
    {
      const thread_visit visit;
      caf::anon_send(state_->sink, ack_atom_v,
                     byte_number{state_->taken_bytes});
    }
    // The first piece names the columns; a part of a store that has nothing
    // for the answer names none.
    if (!rows->columns.empty())
      return std::optional{*std::move(rows)};
    what = state_->channel->take(state_->interrupted);
  }
  state_->is_over = true;
  if (auto* fault = std::get_if<error>(&what))
    return std::move(*fault);
  return std::optional<query::table_data>{};
}

namespace {

/// Gateways that are registered, those that `spawn` started among them.
result<std::vector<endpoint>>
registered_gateways(runtime& host, const cluster_config& config,
                    std::chrono::milliseconds deadline) {
  const auto rows = registered_processes(
    host, config, std::string{process_type::gateway}, deadline);
  if (!rows)
    return rows.failure();
  std::vector<endpoint> found;
  for (const auto& row : *rows)
    if (row.available)
      found.push_back(row.at);
  return found;
}

} // namespace

result<gateway_actor> find_gateway(runtime& host, const cluster_config& config,
                                   std::chrono::milliseconds deadline) {
  const auto configured = endpoints_of(config, process_type::gateway);
  error last{errc::unavailable, config.path + ": no gateway answers"};
  // All that is asked shares the time.
  const countdown time{*host.env().clock, deadline};
  for (size_t i = 0; i < configured.size(); ++i) {
    // What is left is for discovery, and for those that come after this one.
    auto found = host.find_as<gateway_actor>(
      configured[i],
      time.left() / static_cast<int64_t>(configured.size() - i + 1));
    if (found)
      return found;
    last = found.failure();
  }
  // One that `spawn` has just started takes a moment to be registered.
  guest self{host.system()};
  do {
    const auto registered = registered_gateways(host, config, time.left());
    if (!registered && is_refusal(registered.failure().code))
      return registered.failure();
    if (!registered && configured.empty())
      last
        = {errc::unavailable,
           config.path + ": no gateway answers, and discovery tells of none: "
             + registered.failure().context};
    for (const auto& at : registered ? *registered : std::vector<endpoint>{}) {
      auto found = host.find_as<gateway_actor>(at, time.left());
      if (found)
        return found;
      // That one of them refuses is what somebody can mend.
      if (!is_refusal(last.code))
        last = found.failure();
    }
    self.pause(std::chrono::milliseconds{50});
  } while (!time.over());
  return last;
}

} // namespace millrace::nodes
