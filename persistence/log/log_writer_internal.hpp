#pragma once

#include <millrace/persistence/log/log_internal.hpp>
#include <millrace/persistence/log/log_writer.hpp>
#include <millrace/persistence/log/tail_verdict.hpp>

/// What a log writer holds: shared by its two halves, writing and recovery. Not
/// for others.
namespace millrace::persistence {

struct log_writer::impl {
  impl(env& outside, log_writer_options chosen)
    : world{&outside}, options{std::move(chosen)} {}

  env* world;
  log_writer_options options;
  std::unique_ptr<directory_lock> lock;
  lineage_id lineage;
  std::map<std::string, int64_t> recovered;
  std::map<std::string, int64_t> surviving;   ///< From intact records alone.
  std::map<std::string, int64_t> earlier_ids; ///< Of files rolled since then.
  bool clean = true;
  bool files_taken = false; ///< By what the notes tell of.

  std::shared_ptr<file> current;
  std::shared_ptr<detail::synced_file> marks;
  detail::unsynced dirty;
  record_builder builder{{}, {}};
  bool handed_over = false;  ///< The builder's bytes are written.
  bool seal_pending = false; ///< The builder's last record is the file's seal.
  /// The builder's last record says that the owner ended.
  bool closing_pending = false;
  bool closing_written = false;
  bool continues = false;    ///< An earlier owner began the current file.
  bool sealed = false;       ///< The current file is; the next one is to come.
  uint64_t reserved_end = 0; ///< Offset up to which space is reserved.
  position recorded;
  std::optional<position>
    damaged_from; ///< In the current file, as it was found.
  position synced;
  uint64_t next_session = 0; ///< When one begins at `open`.

  seal_info tally; ///< Of the current file.
  /// Bytes of the seal record of the current tally.
  uint64_t seal_bytes = 0;
  std::string last_origin;
  seal_info::id_range* last_range = nullptr;

  bool restored = false; ///< A file that had lost its name was put back.
  error failure; ///< Set once; everything answers `closed` from then on.
  bool ended = false;

  [[nodiscard]] file_system& fs() const { return *world->fs; }
  [[nodiscard]] const std::string& directory() const {
    return options.directory;
  }
  [[nodiscard]] bool resumes() const {
    return options.session == session_policy::resume || rebuilds();
  }
  [[nodiscard]] bool rebuilds() const {
    return options.session == session_policy::rebuild;
  }
  void crash_point(const char* name) const {
    world->crash_point(
      ((resumes() ? "log." : "pub.") + std::string{name}).c_str());
  }

  [[nodiscard]] error closed_error() const {
    return {errc::closed, failure.context};
  }
  error fail(error fault);
  [[nodiscard]] detail::synced_mark mark_at(position end, bool closed) const {
    return {end, world->fs->boot_id(), false, closed};
  }

  void begin_tally(seal_info from);
  void note_ids(std::string_view origin, int64_t first, int64_t last);
  error open_file(uint64_t session, uint64_t roll, bool is_new);
  error open_next_file();
  error begin_next_session(uint64_t session);
  error pass_damage(const log_file_info& last, std::optional<position> trusted,
                    file_scan& scan);
  error resume_in(const log_file_info& last, const file_scan& scan);
  [[nodiscard]] result<seal_info> ids_in(const log_file_info& info,
                                         const file_scan& scan) const;
  error recover_ids(const std::vector<log_file_info>& files,
                    const seal_info& last);
  error recover(std::vector<log_file_info> files);
  error seal_survivor(const log_file_info& last, const file_scan& scan);
  error seal_closed(const log_file_info& last, const file_scan& scan);
  error warn_of_repair();
  error recover_last(const std::vector<log_file_info>& files,
                     const std::optional<detail::synced_mark>& mark);
  [[nodiscard]] result<tail_facts::ending_type>
  ending_after_damage(const log_file_info& last) const;
  [[nodiscard]] result<file_scan>
  look_at_last(const log_file_info& last,
               const std::optional<detail::synced_mark>& mark) const;
  error find_nothing(const std::optional<detail::synced_mark>& mark);
  void use_no_session_again(const std::vector<log_file_info>& files,
                            const std::optional<detail::synced_mark>& mark);
  error continue_in(const log_file_info& last, const file_scan& scan);
  error go_on(const log_file_info& last, const file_scan& scan,
              const tail_verdict& verdict);
  error go_past(const log_file_info& last, const file_scan& scan,
                const tail_verdict& verdict, position known_end);
  error cut_tail(const log_file_info& last, const file_scan& scan);
  /// The buffer, of what was written.
  void begin_anew_if_written() {
    if (handed_over)
      builder.restart();
    handed_over = false;
  }
  error write(const std::function<void(const written&)>& on_write);
  void put_own(record_kind kind, std::span<const std::byte> payload);
  error put_seal(bool session_end);
  error put_end();
  error take_back(error fault);
  error keep_ids(position covered);
  error seal_file(bool session_end,
                  const std::function<void(const written&)>& on_write);
  error roll(const std::function<void(const written&)>& on_write);
  error end_session(const std::function<void(const written&)>& on_write);
  error make_room(record_kind kind, payload_kind payload,
                  std::string_view origin, size_t frame_bytes,
                  const std::function<void(const written&)>& on_write);
  [[nodiscard]] bool has_its_name() const;
  error restore_name();
  error keep_name();
  error sync_now(bool closed);
  error find_cut(position end, std::vector<log_file_info>& files,
                 std::vector<log_file_info>& after) const;
  error truncate(position end);
};

} // namespace millrace::persistence
