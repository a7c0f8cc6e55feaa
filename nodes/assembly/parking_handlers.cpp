#include <millrace/actors/rt/subscribe/fatal_watch.hpp>
#include <millrace/actors/torq/rdb/dead_letters.hpp>
#include <millrace/nodes/assembly/parking_handlers.hpp>

#include <utility>

namespace millrace::nodes {

namespace {

/// What the handlers share; the subscriber's alone.
struct parking {
  process_host* host;
  std::string process;
  std::string stream;
  std::string reject_file;
  std::shared_ptr<rt::subscription> control;
  std::unique_ptr<rt::fatal_watch> watch;
  std::unique_ptr<torq::dead_letters> letters{}; ///< Once there is one.
  lineage_id life{};
  bool told_unwatched = false;

  void warn(const char* id, std::string text) const {
    host->tell({notice::severity::warning, "process", process, id,
                "stream '" + stream + "': " + std::move(text)});
  }
  [[nodiscard]] error keep(const rt::message& m, position end);
  void park(const rt::message& m, position end);
  void take(const rt::message& m, position end,
            const std::function<void(const rt::message&, position)>& on);
};

error parking::keep(const rt::message& m, position end) {
  if (!letters) {
    auto opened = torq::dead_letters::open(*host->env().fs, reject_file);
    if (!opened)
      return opened.failure();
    letters = *std::move(opened);
  }
  if (auto fault = letters->keep(
        {stream,
         end,
         m.header.on,
         m.header.id,
         {},
         0,
         "it ended its process again and again whenever it was taken",
         m.payload}))
    return fault;
  return letters->sync();
}

void parking::park(const rt::message& m, position end) {
  if (auto fault = keep(m, end))
    return control->refuse(
      {fault.code, "a message that ended its process again and again cannot be "
                   "kept: "
                     + fault.context});
  warn("parked", "a message of '" + std::string{m.header.on} + "' at "
                   + to_string(end)
                   + " ended this process again and again, is passed over and "
                     "is kept in "
                   + reject_file);
}

void parking::take(
  const rt::message& m, position end,
  const std::function<void(const rt::message&, position)>& on) {
  const rt::fatal_watch::place here{life, end};
  if (watch->is_parked(here))
    return park(m, end);
  watch->watch(here, [&] { on(m, end); });
  const bool is_blind = bool{watch->fault()};
  if (is_blind && !told_unwatched)
    warn("unwatched", "a message that ends this process again and again would "
                      "not be passed over: "
                        + to_string(watch->fault()));
  told_unwatched = is_blind;
}

} // namespace

result<rt::subscription_handlers>
parking_handlers(process_host& host, const std::string& process,
                 const std::string& stream, rt::subscription_handlers handlers,
                 std::shared_ptr<rt::subscription> control) {
  const auto& data = host.config().data_directory;
  auto watch = rt::fatal_watch::open(
    *host.env().fs, data + "/taken/" + process + "." + stream,
    rt::park_after_default, host.env().ended_by_fault);
  if (!watch)
    return watch.failure();
  auto in = std::make_shared<parking>(
    parking{&host, process, stream, data + "/rejects/" + process,
            std::move(control), *std::move(watch)});
  if (const auto& damage = in->watch->damage(); !damage.empty())
    in->warn("damaged", damage);
  if (handlers.on_message)
    handlers.on_message
      = [in, on = std::move(handlers.on_message)](
          const rt::message& m, position end) { in->take(m, end, on); };
  handlers.on_flow
    = [in, on = std::move(handlers.on_flow)](lineage_id life, position end) {
        in->life = life;
        in->watch->flow_began(end);
        if (on)
          on(life, end);
      };
  return handlers;
}

} // namespace millrace::nodes
