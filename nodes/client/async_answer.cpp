#include <millrace/messages/base/caught.hpp>
#include <millrace/nodes/assembly/thread_visit.hpp>
#include <millrace/nodes/client/answer_sink_internal.hpp>
#include <millrace/nodes/client/async_answer.hpp>
#include <millrace/query/execution/partial.hpp>

#include <caf/send.hpp>

#include <atomic>
#include <mutex>
#include <utility>

namespace millrace::nodes {

/// Of an answer: what its owner, its sink and the rooms of its rows share.
struct rows_room::shared {
  answer_calls calls;                 ///< Of the sink's handlers alone.
  answer_end so_far;                  ///< Of these, too.
  std::atomic<bool> withdrawn{false}; ///< Nothing is called but `on_end`.
  std::atomic<bool> let_go{false};    ///< Nothing is called.
  std::atomic<bool> over{false};
  std::atomic<uint64_t> taken_bytes{0};

  [[nodiscard]] bool may_call() const noexcept { return !let_go && !over; }

  /// Before anything is called, and before there is an owner.
  void set_sink(const caf::actor_addr& who) {
    const std::lock_guard lock{mutex_};
    sink_ = who;
  }
  /// Null: it ended.
  [[nodiscard]] caf::actor sink() const {
    const std::lock_guard lock{mutex_};
    return caf::actor_cast<caf::actor>(sink_);
  }

  void stop() const noexcept {
    const thread_visit visit;
    if (const auto to = sink())
      caf::anon_send_exit(to, caf::exit_reason::kill);
  }

  void end(error fault) {
    if (let_go || over.exchange(true))
      return;
    so_far.fault = std::move(fault);
    // Its calls may own what owns the answer.
    const auto last = std::exchange(calls, {});
    if (last.on_end)
      last.on_end(std::move(so_far));
  }

  error came(const std::shared_ptr<shared>& self, const chunk& piece) {
    const auto told = query::statistics_of(piece.bytes());
    if (!told)
      return told.failure();
    so_far.statistics += *told;
    auto rows = query::joined_rows(chunks{piece});
    if (!rows)
      return rows.failure();
    rows_room room{self, piece.size()};
    // The first piece names the columns; a part of a store that has nothing
    // for the answer names none.
    if (rows->columns.empty())
      return {};
    so_far.rows += rows->row_count;
    calls.on_rows(*std::move(rows), std::move(room));
    return {};
  }

  /// @returns false when there is nothing more to hear
  bool hear(const std::shared_ptr<shared>& self, answer_event what) {
    if (!may_call())
      return false;
    if (withdrawn) {
      end({errc::cancelled, "the question was withdrawn"});
      return false;
    }
    auto fault = caught("what an answer is given to", [&]() -> error {
      if (auto* cut = std::get_if<query_cut>(&what)) {
        so_far.cut = std::move(*cut);
        if (calls.on_cut)
          calls.on_cut(so_far.cut);
        return {};
      }
      const auto* piece = std::get_if<chunk>(&what);
      return piece ? came(self, *piece) : error{};
    });
    auto* failed = std::get_if<error>(&what);
    if (failed && !fault)
      fault = std::move(*failed);
    const bool is_last = fault || std::holds_alternative<answer_is_over>(what);
    if (is_last)
      end(std::move(fault));
    return !is_last;
  }

private:
  mutable std::mutex mutex_; ///< Guards `sink_`.
  caf::actor_addr sink_;
};

rows_room::rows_room(std::shared_ptr<shared> of, uint64_t bytes)
  : of_{std::move(of)}, bytes_{bytes} {}

rows_room& rows_room::operator=(rows_room&& other) noexcept {
  if (this != &other) {
    give_back();
    of_ = std::move(other.of_);
    bytes_ = other.bytes_;
  }
  return *this;
}

void rows_room::give_back() noexcept {
  const auto of = std::exchange(of_, nullptr);
  if (!of)
    return;
  const auto taken = of->taken_bytes += bytes_;
  const thread_visit visit;
  if (const auto to = of->sink())
    caf::anon_send(to, ack_atom_v, byte_number{taken});
}

namespace {

/// Tells its sink who it is before anything can be called.
caf::behavior async_sink(caf::event_based_actor* self,
                         const gateway_actor& gateway,
                         const std::string& parameters,
                         std::chrono::milliseconds deadline,
                         const std::function<bool(answer_event)>& to) {
  return answer_sink(self, gateway, parameters, deadline,
                     [self, to](answer_event what) {
                       if (!to(std::move(what)))
                         self->quit();
                     });
}

} // namespace

async_answer async_answer::ask(process_host& host, const gateway_actor& gateway,
                               const std::string& parameters,
                               std::chrono::milliseconds deadline,
                               answer_calls calls) {
  auto of = std::make_shared<rows_room::shared>();
  of->calls = std::move(calls);
  const thread_visit visit;
  auto sink = host.system().spawn(
    [of, gateway, parameters, deadline](caf::event_based_actor* self) {
      of->set_sink(self->address());
      // One that is withdrawn hears nothing more of the gateway.
      self->attach_functor([of] {
        if (of->withdrawn)
          of->end({errc::cancelled, "the question was withdrawn"});
        else
          of->end({errc::closed, "its program ends"});
      });
      return async_sink(
        self, gateway, parameters, deadline,
        [of](answer_event what) { return of->hear(of, std::move(what)); });
    });
  of->set_sink(sink.address());
  return async_answer{std::move(of)};
}

async_answer::async_answer(std::shared_ptr<rows_room::shared> of) noexcept
  : of_{std::move(of)} {}

async_answer& async_answer::operator=(async_answer&& other) noexcept {
  if (this != &other) {
    const async_answer before{std::exchange(of_, std::move(other.of_))};
  }
  return *this;
}

async_answer::~async_answer() {
  if (!of_ || of_->over)
    return;
  of_->let_go = true;
  of_->stop();
}

void async_answer::cancel() noexcept {
  if (!of_ || of_->over)
    return;
  of_->withdrawn = true;
  of_->stop();
}

void async_answer::detach() noexcept { of_ = nullptr; }

bool async_answer::is_over() const noexcept { return !of_ || of_->over; }

} // namespace millrace::nodes
