#include <millrace/actors/torq/rdb/write_down.hpp>
#include <millrace/messages/base/caught.hpp>

namespace millrace::torq {

void write_down::start(persistence::env& world, std::string directory,
                       std::function<bool()> was_there,
                       persistence::period_request request, done finished) {
  std::shared_ptr<write_down> self{new write_down{
    world, std::move(directory), std::move(was_there), std::move(finished)}};
  world.io->submit([self, request = std::move(request)]() mutable {
    self->open(std::move(request));
  });
}

write_down::write_down(persistence::env& world, std::string directory,
                       std::function<bool()> was_there, done finished)
  : env_{&world}, directory_{std::move(directory)},
    was_there_{std::move(was_there)}, finished_{std::move(finished)} {}

void write_down::open(persistence::period_request request) {
  if (const auto there = persistence::read_hdb_manifest(*env_->fs, directory_);
      !there && there.failure().code == errc::not_found && was_there_())
    return finish({errc::fenced, directory_
                                   + ": its manifest is not there any more (a "
                                     "disk that is not mounted?)"});
  auto writer = persistence::hdb_writer::open(*env_, directory_);
  if (!writer)
    return finish(writer.failure());
  writer_ = *std::move(writer);
  auto write = persistence::period_write::begin(*writer_, std::move(request));
  if (!write)
    return finish(write.failure());
  write_ = *std::move(write);
  run_stage();
}

void write_down::run_stage() {
  auto jobs = write_->next_stage();
  if (jobs.empty())
    return finish(write_->commit());
  running_ = jobs.size();
  for (auto& job : jobs)
    env_->pool->submit([self = shared_from_this(), job = std::move(job)] {
      self->end_of_job(caught("a period's write-down", job));
    });
}

void write_down::end_of_job(const error& fault) {
  if (fault) {
    const std::scoped_lock lock{mutex_};
    if (!first_fault_)
      first_fault_ = fault;
  }
  if (--running_ != 0)
    return;
  error first;
  {
    const std::scoped_lock lock{mutex_};
    first = first_fault_;
  }
  if (first)
    return finish(first);
  run_stage();
}

void write_down::finish(const error& fault) {
  manifest_version version;
  if (fault && write_)
    write_->abandon();
  else if (writer_)
    version = manifest_version{writer_->manifest().version};
  // Unlock before anybody is told.
  write_.reset();
  writer_.reset();
  finished_(version, fault);
}

} // namespace millrace::torq
