#include <millrace/feed/source/parse_pool.hpp>

namespace millrace::feed {

struct parse_pool::slot {
  finished result;
  bool done = false;
};

/// What helpers see. They keep it alive when they come too late.
struct parse_pool::shared {
  batch_limits limits;
  uint32_t line_bytes_max = 0;
  std::mutex mutex;
  std::condition_variable slot_done;
  std::deque<std::shared_ptr<slot>> waiting;
  std::vector<std::unique_ptr<csv_parser>> parsers;
  uint32_t helpers = 0;
};

parse_pool::parse_pool(persistence::executor* helpers, uint32_t threads,
                       const batch_limits& limits, uint32_t line_bytes_max)
  : shared_{std::make_shared<shared>()}, helpers_{helpers},
    threads_{helpers ? std::max(threads, 1u) : 1} {
  shared_->limits = limits;
  shared_->line_bytes_max = line_bytes_max;
}

parse_pool::~parse_pool() {
  std::lock_guard lock{shared_->mutex};
  shared_->waiting.clear();
}

bool parse_pool::wants_more() const noexcept {
  return order_.size() < (threads_ == 1 ? 1 : 2 * threads_);
}

bool parse_pool::empty() const noexcept { return order_.empty(); }

std::shared_ptr<parse_pool::slot> parse_pool::claim(shared& all) {
  std::lock_guard lock{all.mutex};
  if (all.waiting.empty())
    return nullptr;
  auto claimed = std::move(all.waiting.front());
  all.waiting.pop_front();
  return claimed;
}

void parse_pool::work(const std::shared_ptr<shared>& all,
                      const std::shared_ptr<slot>& claimed) {
  std::unique_ptr<csv_parser> parser;
  {
    std::lock_guard lock{all->mutex};
    if (!all->parsers.empty()) {
      parser = std::move(all->parsers.back());
      all->parsers.pop_back();
    }
  }
  auto& result = claimed->result;
  if (!parser || parser->fitted() != result.fitted)
    parser = std::make_unique<csv_parser>(result.fitted, all->limits,
                                          all->line_bytes_max);
  parser->parse(result.piece, result.parsed);
  std::lock_guard lock{all->mutex};
  all->parsers.push_back(std::move(parser));
  claimed->done = true;
  all->slot_done.notify_all();
}

void parse_pool::add(text_piece piece, std::shared_ptr<const binding> fitted,
                     size_t source, uint64_t progress) {
  auto added = std::make_shared<slot>();
  added->result.piece = std::move(piece);
  added->result.fitted = std::move(fitted);
  added->result.source = source;
  added->result.progress = progress;
  order_.push_back(added);
  bool help = false;
  {
    std::lock_guard lock{shared_->mutex};
    shared_->waiting.push_back(std::move(added));
    help = shared_->helpers + 1 < threads_;
    shared_->helpers += help;
  }
  if (help)
    helpers_->submit([all = shared_] {
      while (auto claimed = claim(*all))
        work(all, claimed);
      std::lock_guard lock{all->mutex};
      --all->helpers;
    });
}

parse_pool::finished parse_pool::take() {
  auto oldest = std::move(order_.front());
  order_.pop_front();
  for (;;) {
    {
      std::unique_lock lock{shared_->mutex};
      if (!oldest->done && shared_->waiting.empty())
        // A helper has claimed it and is at work.
        shared_->slot_done.wait(lock, [&] { return oldest->done; });
      if (oldest->done)
        return std::move(oldest->result);
    }
    if (auto claimed = claim(*shared_))
      work(shared_, claimed);
  }
}

} // namespace millrace::feed
