#include <millrace/persistence/stores/freezing_files_internal.hpp>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <mutex>
#include <string>
#include <utility>

namespace millrace::persistence {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

namespace freezing {

class disk final : public rocksdb::FileSystemWrapper {
public:
  explicit disk(std::shared_ptr<rocksdb::FileSystem> target);

  const char* Name() const override { return "freezing"; }

  /// Of the write that was refused; OK: none was.
  [[nodiscard]] rocksdb::IOStatus failure() const;

  rocksdb::IOStatus
  NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                  std::unique_ptr<rocksdb::FSWritableFile>* out,
                  rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus
  ReopenWritableFile(const std::string& path,
                     const rocksdb::FileOptions& options,
                     std::unique_ptr<rocksdb::FSWritableFile>* out,
                     rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus
  ReuseWritableFile(const std::string& path, const std::string& old_path,
                    const rocksdb::FileOptions& options,
                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus Truncate(const std::string& path, size_t size,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDir(const std::string& path,
                              const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& path,
                                       const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteDir(const std::string& path,
                              const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;

private:
  struct state {
    mutable std::mutex mutex;
    rocksdb::IOStatus failure; ///< OK: not frozen.

    [[nodiscard]] bool frozen() const;
    /// What a writer asks for: it never hears of a failure.
    template <class F>
    rocksdb::IOStatus written(F&& ask);
    /// What else changes the disk.
    template <class F>
    rocksdb::IOStatus changed(F&& ask) const;
  };
  class file;

  template <class F>
  rocksdb::IOStatus opened(std::unique_ptr<rocksdb::FSWritableFile>* out,
                           F&& open);

  std::shared_ptr<state> state_ = std::make_shared<state>();
};

bool disk::state::frozen() const {
  const std::scoped_lock lock{mutex};
  return !failure.ok();
}

template <class F>
IOStatus disk::state::written(F&& ask) {
  if (frozen())
    return IOStatus::OK();
  auto done = ask();
  if (done.ok())
    return done;
  const std::scoped_lock lock{mutex};
  if (failure.ok())
    failure = std::move(done);
  return IOStatus::OK();
}

template <class F>
IOStatus disk::state::changed(F&& ask) const {
  return frozen() ? IOStatus::OK() : ask();
}

/// One file; without a target nothing of it is on the disk.
class disk::file final : public FSWritableFile {
public:
  file(std::shared_ptr<state> of, std::unique_ptr<FSWritableFile> target)
    : of_{std::move(of)}, target_{std::move(target)} {}

  IOStatus Append(const Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    return done([&] { return target_->Append(data, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& sum,
                  IODebugContext* debug) override {
    return done([&] { return target_->Append(data, options, sum, debug); });
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset,
                            const IOOptions& options,
                            IODebugContext* debug) override {
    return done(
      [&] { return target_->PositionedAppend(data, offset, options, debug); });
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options,
                    IODebugContext* debug) override {
    return done([&] { return target_->Truncate(size, options, debug); });
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return done([&] { return target_->Close(options, debug); });
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return done([&] { return target_->Flush(options, debug); });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return done([&] { return target_->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return done([&] { return target_->Fsync(options, debug); });
  }
  IOStatus RangeSync(uint64_t offset, uint64_t bytes, const IOOptions& options,
                     IODebugContext* debug) override {
    return done(
      [&] { return target_->RangeSync(offset, bytes, options, debug); });
  }
  /// Space that cannot be set aside is not missed yet.
  IOStatus Allocate(uint64_t offset, uint64_t bytes, const IOOptions& options,
                    IODebugContext* debug) override {
    return target_ && !of_->frozen()
             ? target_->Allocate(offset, bytes, options, debug)
             : IOStatus::OK();
  }
  void PrepareWrite(size_t offset, size_t bytes, const IOOptions& options,
                    IODebugContext* debug) override {
    if (target_ && !of_->frozen())
      target_->PrepareWrite(offset, bytes, options, debug);
  }
  void SetPreallocationBlockSize(size_t size) override {
    if (target_)
      target_->SetPreallocationBlockSize(size);
  }
  uint64_t GetFileSize(const IOOptions& options,
                       IODebugContext* debug) override {
    return target_ ? target_->GetFileSize(options, debug) : 0;
  }
  IOStatus InvalidateCache(size_t offset, size_t bytes) override {
    return target_ ? target_->InvalidateCache(offset, bytes) : IOStatus::OK();
  }
  bool IsSyncThreadSafe() const override {
    return !target_ || target_->IsSyncThreadSafe();
  }
  bool use_direct_io() const override {
    return target_ && target_->use_direct_io();
  }
  size_t GetRequiredBufferAlignment() const override {
    return target_ ? target_->GetRequiredBufferAlignment()
                   : FSWritableFile::GetRequiredBufferAlignment();
  }

private:
  template <class F>
  IOStatus done(F&& ask) {
    return target_ ? of_->written(ask) : IOStatus::OK();
  }

  std::shared_ptr<state> of_;
  std::unique_ptr<FSWritableFile> target_;
};

disk::disk(std::shared_ptr<rocksdb::FileSystem> target)
  : FileSystemWrapper{std::move(target)} {}

IOStatus disk::failure() const {
  const std::scoped_lock lock{state_->mutex};
  return state_->failure;
}

template <class F>
IOStatus disk::opened(std::unique_ptr<FSWritableFile>* out, F&& open) {
  std::unique_ptr<FSWritableFile> target;
  auto done = state_->changed([&] { return open(&target); });
  if (done.ok())
    *out = std::make_unique<file>(state_, std::move(target));
  return done;
}

IOStatus disk::NewWritableFile(const std::string& path,
                               const FileOptions& options,
                               std::unique_ptr<FSWritableFile>* out,
                               IODebugContext* debug) {
  return opened(out, [&](auto* made) {
    return target()->NewWritableFile(path, options, made, debug);
  });
}

IOStatus disk::ReopenWritableFile(const std::string& path,
                                  const FileOptions& options,
                                  std::unique_ptr<FSWritableFile>* out,
                                  IODebugContext* debug) {
  return opened(out, [&](auto* made) {
    return target()->ReopenWritableFile(path, options, made, debug);
  });
}

IOStatus disk::ReuseWritableFile(const std::string& path,
                                 const std::string& old_path,
                                 const FileOptions& options,
                                 std::unique_ptr<FSWritableFile>* out,
                                 IODebugContext* debug) {
  return opened(out, [&](auto* made) {
    return target()->ReuseWritableFile(path, old_path, options, made, debug);
  });
}

IOStatus disk::DeleteFile(const std::string& path, const IOOptions& options,
                          IODebugContext* debug) {
  return state_->changed(
    [&] { return target()->DeleteFile(path, options, debug); });
}

IOStatus disk::Truncate(const std::string& path, size_t size,
                        const IOOptions& options, IODebugContext* debug) {
  return state_->changed(
    [&] { return target()->Truncate(path, size, options, debug); });
}

IOStatus disk::CreateDir(const std::string& path, const IOOptions& options,
                         IODebugContext* debug) {
  return state_->changed(
    [&] { return target()->CreateDir(path, options, debug); });
}

IOStatus disk::CreateDirIfMissing(const std::string& path,
                                  const IOOptions& options,
                                  IODebugContext* debug) {
  return state_->changed(
    [&] { return target()->CreateDirIfMissing(path, options, debug); });
}

IOStatus disk::DeleteDir(const std::string& path, const IOOptions& options,
                         IODebugContext* debug) {
  return state_->changed(
    [&] { return target()->DeleteDir(path, options, debug); });
}

IOStatus disk::RenameFile(const std::string& from, const std::string& to,
                          const IOOptions& options, IODebugContext* debug) {
  return state_->changed(
    [&] { return target()->RenameFile(from, to, options, debug); });
}

IOStatus disk::LinkFile(const std::string& from, const std::string& to,
                        const IOOptions& options, IODebugContext* debug) {
  return state_->changed(
    [&] { return target()->LinkFile(from, to, options, debug); });
}

} // namespace freezing

struct freezing_files::impl {
  std::shared_ptr<freezing::disk> disk
    = std::make_shared<freezing::disk>(rocksdb::FileSystem::Default());
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
};

freezing_files::freezing_files() : impl_{std::make_unique<impl>()} {}
freezing_files::~freezing_files() = default;

rocksdb::Env* freezing_files::env() const noexcept { return impl_->env.get(); }

rocksdb::Status freezing_files::failure() const {
  return impl_->disk->failure();
}

} // namespace millrace::persistence
